// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "core/text.h"

#include <nlohmann/json.hpp>

#include <array>
#include <memory>

namespace taskd::cli {
namespace {

/// A setting as it is typed, and where it is in messages.
struct Setting {
    const char* name;
    std::string core::UserSettings::*value;
    std::optional<std::string> ipc::UserSet::*wanted;
    const char* unset;  ///< what holds without it
};
const std::array<Setting, 3> settings{{
    {"zone", &core::UserSettings::zone, &ipc::UserSet::zone, "the caller's own"},
    {"email", &core::UserSettings::email, &ipc::UserSet::email, "none"},
    {"quiet-hours", &core::UserSettings::quiet_hours, &ipc::UserSet::quiet_hours, "none"},
}};

struct Given {
    bool unset = false;
    std::string key;
};

core::Result<const Setting*> find_setting(const std::string& name) {
    std::vector<std::string> names;
    for (const auto& setting : settings) {
        if (setting.name == name) return &setting;
        names.emplace_back(setting.name);
    }
    const auto near = core::nearest(name, names);
    return core::invalid_argument(
        "key",
        "\"" + core::clipped(name, 64) + "\" is not a setting; use " + core::join(names, ", "),
        near.empty() ? "" : "did you mean \"" + near + "\"?");
}

void show(Context& context, const nlohmann::json& json, const core::UserSettings& values,
          const Setting* only) {
    Screen& screen = context.screen();
    if (screen.json()) return screen.print_json(json);
    if (only != nullptr) return screen.print(visible(values.*only->value) + "\n");
    std::vector<Field> fields;
    for (const auto& setting : settings) {
        const std::string& value = values.*setting.value;
        if (value.empty() && !screen.plain())
            fields.push_back({setting.name, {setting.unset, Paint::dim}});
        else
            fields.push_back({setting.name, {value}});
    }
    screen.print_fields(fields);
}

int run(Context& context, const Given& given, const Words& words) {
    const Setting* setting = nullptr;
    if (!words.empty()) {
        const auto found = find_setting(words[0]);
        if (!found) return context.fail(found.error());
        setting = *found;
    }
    if (given.unset && words.size() != 1)
        return context.fail({core::Reason::invalid_argument,
                             "--unset takes one setting and no value", "unset",
                             "taskctl config --unset zone"});
    auto client = context.client(key_from(given.key));
    if (!client) return context.fail(client.error());
    if (!given.unset && words.size() < 2) {
        const auto answer = client->call(ipc::UserGet{});
        if (!answer) return context.fail(answer.error());
        show(context, answer->json, answer->value.settings, setting);
        return 0;
    }
    ipc::UserSet request;
    request.*setting->wanted =
        given.unset ? "" : core::join(Words(words.begin() + 1, words.end()), " ");
    request.tz_default = context.zone_name();
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());
    context.note_replay(answer->replayed);
    for (const auto& warning : answer->value.warnings) context.screen().note(warning);
    if (!context.screen().quiet()) show(context, answer->json, answer->value.settings, nullptr);
    return 0;
}

}  // namespace

void register_config(CommandLine& line) {
    const auto given = std::make_shared<Given>();
    auto& app = line.add(
        {.name = "config",
         .section = "More",
         .summary = "show or change your settings: zone, email, quiet hours",
         .usage = "[KEY [VALUE]]",
         .words_max = 3,
         .examples = {"config", "config zone Europe/Berlin", "config quiet-hours 22:00-07:00",
                      "config --unset email"},
         .details =
             "KEY is zone (what times in words are read in), email, or quiet-hours "
             "(deliveries of reminders wait until they are over). The daemon keeps them, one "
             "set for each user. Its own configuration is in taskd.conf(5).",
         .run = [given](Context& context, const Words& words) {
             return run(context, *given, words);
         }});
    add_switch(app, "--unset", given->unset, "take a setting back");
    add_key(app, given->key);
}

}  // namespace taskd::cli
