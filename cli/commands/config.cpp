// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/holiday_file.h"
#include "core/rfc3339.h"
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
const std::array<Setting, 5> settings{{
    {"zone", &core::UserSettings::zone, &ipc::UserSet::zone, "the caller's own"},
    {"email", &core::UserSettings::email, &ipc::UserSet::email, "none"},
    {"quiet-hours", &core::UserSettings::quiet_hours, &ipc::UserSet::quiet_hours, "none"},
    {"agenda", &core::UserSettings::agenda, &ipc::UserSet::agenda, "none"},
    {"agenda-channel", &core::UserSettings::agenda_channel, &ipc::UserSet::agenda_channel,
     "the default channel"},
}};

/// A list, unlike the others.
constexpr const char* holidays_name = "holidays";
constexpr std::size_t holidays_shown = 4;

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
    names.emplace_back(holidays_name);
    const auto near = core::nearest(name, names);
    return core::invalid_argument(
        "key",
        "\"" + core::clipped(name, 64) + "\" is not a setting; use " + core::join(names, ", "),
        near.empty() ? "" : "did you mean \"" + near + "\"?");
}

/// All of them on a line each, or the first to come for people.
std::string holiday_words(const Days& holidays, std::chrono::local_days today) {
    std::vector<std::string> words;
    std::size_t left = 0;
    for (const auto& day : holidays) {
        if (day < today) continue;
        if (words.size() < holidays_shown)
            words.push_back(core::format_date(day));
        else
            ++left;
    }
    if (words.empty()) return holidays.empty() ? "none" : "none to come";
    return core::join(words, ", ") + (left == 0 ? "" : " and " + std::to_string(left) + " more");
}

std::chrono::local_days today_of(Context& context) {
    return std::chrono::floor<std::chrono::days>(context.zone().to_local(context.now()));
}

std::string holiday_lines(const Days& holidays, const char* between) {
    std::vector<std::string> words;
    for (const auto& day : holidays) words.push_back(core::format_date(day));
    return core::join(words, between);
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
    const auto& holidays = values.holidays;
    fields.push_back({holidays_name,
                      {screen.plain() ? holiday_lines(holidays, ",")
                                      : holiday_words(holidays, today_of(context)),
                       holidays.empty() && !screen.plain() ? Paint::dim : Paint::none}});
    screen.print_fields(fields);
}

/// Puts the value as it was typed, "" to take it back, into the request.
core::Result<void> read_value(Context& context, const Setting* setting, const std::string& value,
                              ipc::UserSet& request) {
    if (setting != nullptr) {
        request.*setting->wanted = value;
        return {};
    }
    auto holidays = holidays_from(value, today_of(context));
    if (!holidays) return tl::unexpected(holidays.error());
    request.holidays = std::move(*holidays);
    return {};
}

int run(Context& context, const Given& given, const Words& words) {
    const Setting* setting = nullptr;
    const bool is_holidays = !words.empty() && words[0] == holidays_name;
    if (!words.empty() && !is_holidays) {
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
        if (is_holidays && !context.screen().json())
            context.screen().print(holiday_lines(answer->value.settings.holidays, "\n") + "\n");
        else
            show(context, answer->json, answer->value.settings, setting);
        return 0;
    }
    ipc::UserSet request;
    const std::string value =
        given.unset ? "" : core::join(Words(words.begin() + 1, words.end()), " ");
    if (auto read = read_value(context, setting, value, request); !read)
        return context.fail(read.error());
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
         .summary = "show or change your settings: zone, email, quiet hours, holidays",
         .usage = "[KEY [VALUE]]",
         .words_max = any_number,
         .examples = {"config", "config zone Europe/Berlin", "config quiet-hours 22:00-07:00",
                      "config holidays 2026-12-25,2027-01-01", "config holidays @holidays.ics",
                      "config --unset email"},
         .details =
             "KEY is zone (what times in words are read in), email, quiet-hours (deliveries of "
             "reminders wait until they are over), or holidays (days off for --shift: a list, or "
             "the all-day events of an iCalendar file, those that recur for ten years). The daemon "
             "keeps them, one "
             "set for each user. Its own configuration is in taskd.conf(5).",
         .run = [given](Context& context, const Words& words) {
             return run(context, *given, words);
         }});
    add_switch(app, "--unset", given->unset, "take a setting back");
    add_key(app, given->key);
}

}  // namespace taskd::cli
