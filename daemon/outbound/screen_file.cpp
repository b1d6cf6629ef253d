// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/screen_file.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <sys/stat.h>

namespace taskd::daemon {
namespace {

using nlohmann::json;

constexpr std::uintmax_t bytes_max = 4 * 1024 * 1024;

Screen::Entry entry_of(const json& from) {
    Screen::Entry entry;
    entry.tag = from.at("tag");
    entry.id = from.at("id");
    entry.has_buttons = from.at("has_buttons");
    entry.click = {Click::Action::seen, from.at("user"), from.at("task"), from.at("delivery"),
                   from.at("url")};
    entry.call = {entry.id, from.at("summary"), from.at("body"), from.at("actions"),
                  from.at("urgency")};
    return entry;
}

}  // namespace

Screen recall_screen(const std::string& path) {
    std::error_code why;
    const auto size = std::filesystem::file_size(path, why);
    if (why || size > bytes_max) return {};
    try {
        std::ifstream file(path);
        const auto from = json::parse(file);
        Screen screen;
        screen.bus = from.at("bus");
        screen.server = {from.at("server"), from.at("has_actions"), from.at("has_markup")};
        for (const auto& entry : from.at("entries")) screen.entries.push_back(entry_of(entry));
        return screen;
    } catch (const json::exception&) {
        return {};
    }
}

void keep_screen(const std::string& path, const Screen& screen) {
    json entries = json::array();
    for (const auto& entry : screen.entries)
        entries.push_back({{"tag", entry.tag},
                           {"id", entry.id},
                           {"has_buttons", entry.has_buttons},
                           {"user", entry.click.user},
                           {"task", entry.click.task},
                           {"delivery", entry.click.delivery},
                           {"url", entry.click.url},
                           {"summary", entry.call.summary},
                           {"body", entry.call.body},
                           {"actions", entry.call.actions},
                           {"urgency", entry.call.urgency}});
    const json text{{"bus", screen.bus},
                    {"server", screen.server.name},
                    {"has_actions", screen.server.has_actions},
                    {"has_markup", screen.server.has_markup},
                    {"entries", std::move(entries)}};
    const std::string next = path + ".new";
    {
        std::ofstream file(next, std::ios::trunc);
        file << text.dump(-1, ' ', false, json::error_handler_t::replace);
        if (!file.flush()) return;
    }
    (void)chmod(next.c_str(), S_IRUSR | S_IWUSR);
    std::error_code ignored;
    std::filesystem::rename(next, path, ignored);
}

}  // namespace taskd::daemon
