// SPDX-License-Identifier: Apache-2.0
#include "cli/timer_unit.h"

#include "core/command.h"
#include "core/text.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

namespace taskd::cli {
namespace {

using core::Result;

constexpr std::string_view timer_suffix = ".timer";
constexpr std::string_view service_suffix = ".service";
constexpr std::size_t schedule_bytes_max = 1024;
constexpr std::size_t shown_bytes_max = 64;

struct NotKept {
    const char* name;
    const char* why;
};
/// Times that count from something that no calendar has.
constexpr std::array<NotKept, 5> spans{{{"OnActiveSec", "counts from the timer's start"},
                                        {"OnBootSec", "counts from the boot"},
                                        {"OnStartupSec", "counts from systemd's start"},
                                        {"OnUnitActiveSec", "counts from the last start"},
                                        {"OnUnitInactiveSec", "counts from the last end"}}};
constexpr std::array<NotKept, 4> switches{
    {{"WakeSystem", "the machine is not woken for it"},
     {"FixedRandomDelay", "each task has a delay of its own"},
     {"OnClockChange", "a set clock starts nothing"},
     {"OnTimezoneChange", "another time zone starts nothing"}}};

bool ends_with(std::string_view text, std::string_view suffix) {
    return text.size() > suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

/// What a timer says of its times in the end: nothing behind any of them resets them all.
struct Times {
    std::vector<UnitSetting> calendar, others;
};

Times times_of(const UnitFile& timer) {
    Times times;
    for (const auto& setting : timer.settings) {
        if (setting.section != "Timer") continue;
        const bool is_span = std::any_of(spans.begin(), spans.end(), [&](const NotKept& one) {
            return setting.name == one.name;
        });
        if (setting.name != "OnCalendar" && !is_span) continue;
        if (setting.value.empty())
            times = {};
        else
            (is_span ? times.others : times.calendar).push_back(setting);
    }
    return times;
}

void add_notes_of_spans(const std::vector<UnitSetting>& others, std::vector<std::string>& notes) {
    for (const auto& [name, why] : spans) {
        const auto found = std::find_if(others.begin(), others.end(),
                                        [n = name](const auto& one) { return one.name == n; });
        if (found != others.end())
            notes.push_back(std::string(name) + "=" + core::clipped(found->value, shown_bytes_max) +
                            " is not kept: it " + why);
    }
}

/// The settings of a timer that hold for each of its times.
void read_settings(const UnitFile& timer, TimerEntry& entry) {
    const auto persistent = timer.last("Timer", "Persistent");
    entry.persistent = persistent && unit_boolean(persistent->value) == true;
    entry.notes.emplace_back(
        entry.persistent ? "Persistent= is on: of what was missed the latest runs (catch-up latest)"
                         : "Persistent= is off: what was missed is passed over (catch-up skip)");
    if (const auto delay = timer.last("Timer", "RandomizedDelaySec")) {
        entry.jitter = unit_span(delay->value);
        if (!entry.jitter || *entry.jitter > core::jitter_max) {
            entry.jitter.reset();
            entry.notes.push_back(
                "RandomizedDelaySec=" + core::clipped(delay->value, shown_bytes_max) +
                " is not kept; a jitter is a span up to 24h");
        }
    }
    for (const auto& [name, why] : switches)
        if (const auto setting = timer.last("Timer", name);
            setting && unit_boolean(setting->value) != false)
            entry.notes.push_back(std::string(name) + "= is not kept: " + why);
    std::set<std::string> known{"OnCalendar",         "Unit",        "Persistent",
                                "RandomizedDelaySec", "AccuracySec", "RemainAfterElapse"};
    for (const auto& one : spans) known.insert(one.name);
    for (const auto& one : switches) known.insert(one.name);
    for (auto note : {unkept_note(timer, "Timer", known), unkept_of_unit(timer), stray_note(timer)})
        if (!note.empty()) entry.notes.push_back(std::move(note));
}

/// The file of the service that the timer starts.
Result<std::string> service_of(const UnitFile& timer) {
    const auto name = file_name(timer.path);
    std::string service =
        name.substr(0, name.size() - timer_suffix.size()) + std::string(service_suffix);
    if (name.find("@.") != std::string::npos)
        return unit_problem(name + " is a template, which starts nothing itself");
    if (const auto unit = timer.last("Timer", "Unit")) {
        service = unit->value;
        if (!ends_with(service, service_suffix) || service.find('/') != std::string::npos ||
            service.find('%') != std::string::npos)
            return unit_problem(setting_words(timer, *unit) + ": is " +
                                core::clipped(service, shown_bytes_max) +
                                "; use the name of a service");
    }
    const auto path = std::filesystem::path(timer.path).parent_path() / service;
    std::error_code error;
    if (!std::filesystem::exists(path, error))
        return unit_problem(name + " starts " + core::clipped(service, shown_bytes_max) +
                            ", which is not beside it");
    return path.string();
}

std::string summary_of(const UnitFile& timer, const ServiceCommand& command) {
    const auto own = timer.last("Unit", "Description");
    for (const auto& text : {command.description, own ? own->value : std::string()})
        if (!text.empty() && text.find('%') == std::string::npos) return text;
    const auto name = file_name(timer.path);
    return name.substr(0, name.size() - timer_suffix.size());
}

}  // namespace

std::vector<TimerEntry> read_timer(const std::string& path, const UnitCaller& caller) {
    TimerEntry entry{.file = file_name(path)};
    const auto timer = read_unit_file(path);
    if (!timer) {
        entry.problem = timer.error().message;
        return {entry};
    }
    const auto times = times_of(*timer);
    add_notes_of_spans(times.others, entry.notes);
    if (times.calendar.empty()) {
        entry.line = times.others.empty() ? 0 : times.others[0].line;
        entry.problem = "has no OnCalendar=";
        if (!entry.notes.empty()) entry.problem += "; " + core::join(entry.notes, ", ");
        return {entry};
    }
    read_settings(*timer, entry);
    const auto service = service_of(*timer);
    const auto unit = service ? read_unit_file(*service) : tl::unexpected(service.error());
    if (unit) entry.command = command_of(*unit, caller);
    entry.problem = unit ? entry.command.problem : unit.error().message;
    entry.notes.insert(entry.notes.end(), entry.command.notes.begin(), entry.command.notes.end());
    entry.summary = summary_of(*timer, entry.command);

    std::vector<TimerEntry> entries;
    for (const auto& setting : times.calendar) {
        auto& one = entries.emplace_back(entry);
        one.line = setting.line;
        one.schedule = setting.value;
        one.text = "OnCalendar=" + core::clipped(setting.value, schedule_bytes_max);
        if (!entry.command.line.empty()) one.text += " ExecStart=" + entry.command.line;
        if (setting.value.size() > schedule_bytes_max)
            one.problem = "OnCalendar= is longer than 1024 bytes";
        if (entries.size() <= timer_schedules_max) continue;
        one.problem = "the timer has more than " + std::to_string(timer_schedules_max) +
                      " times; from here on none is read";
        break;
    }
    return entries;
}

Result<std::vector<std::string>> timer_files(const std::string& path) {
    namespace fs = std::filesystem;
    std::error_code error;
    if (!fs::exists(path, error))
        return core::invalid_argument("path", path + ": there is no such file or folder");
    if (!fs::is_directory(path, error)) {
        if (ends_with(file_name(path), timer_suffix)) return std::vector<std::string>{path};
        return core::invalid_argument("path", path + ": is no .timer file and no folder of them");
    }
    std::vector<std::string> files;
    fs::directory_iterator folder(path, error);
    for (; !error && folder != fs::directory_iterator(); folder.increment(error)) {
        if (!ends_with(file_name(folder->path()), timer_suffix)) continue;
        if (files.size() == timer_files_max)
            return core::invalid_argument(
                "path", path + ": has more than " + std::to_string(timer_files_max) + " timers");
        files.push_back(folder->path());
    }
    if (error) return core::invalid_argument("path", path + ": " + error.message());
    std::sort(files.begin(), files.end());
    return files;
}

}  // namespace taskd::cli
