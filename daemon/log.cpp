// SPDX-License-Identifier: Apache-2.0
#include "daemon/log.h"

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <cstdio>

namespace taskd::daemon {
namespace {

constexpr std::size_t file_bytes_max = 5 * 1024 * 1024;
constexpr std::size_t files_kept = 1;

}  // namespace

core::Result<Log> make_log(const std::string& level, const std::string& file) {
    spdlog::sink_ptr sink;
    try {
        if (file.empty())
            sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
        else
            sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(file, file_bytes_max,
                                                                          files_kept);
    } catch (const spdlog::spdlog_ex& error) {
        return tl::unexpected(core::Error{
            core::Reason::unavailable, std::string("log.file: ") + error.what(), "log.file", {}});
    }
    auto log = std::make_shared<spdlog::logger>("taskd", std::move(sink));
    const auto parsed = spdlog::level::from_str(level);
    if (parsed == spdlog::level::off && level != "off")
        return core::invalid_argument(
            "log.level",
            "\"" + level + "\" is not a level; use debug, info, warning, error or off");
    log->set_level(parsed);
    log->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
    log->flush_on(spdlog::level::info);
    return log;
}

std::string field(const std::string& value) {
    std::string text = "\"";
    for (const char c : value) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            text += '\\';
            text += c;
        } else if (byte < 0x20 || byte == 0x7f) {
            std::array<char, 5> escaped{};
            std::snprintf(escaped.data(), escaped.size(), "\\x%02x", byte);
            text += escaped.data();
        } else {
            text += c;
        }
    }
    return text + "\"";
}

}  // namespace taskd::daemon
