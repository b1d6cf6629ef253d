// SPDX-License-Identifier: Apache-2.0
// taskctl import timers: systemd's timer units as series with commands.
#include "cli/calendar_event.h"
#include "cli/commands/commands.h"
#include "cli/importer.h"
#include "cli/timer_unit.h"
#include "core/text.h"

#include <memory>
#include <pwd.h>
#include <unistd.h>

namespace taskd::cli {
namespace {

constexpr std::size_t summary_max = 80;

struct Given {
    bool preview = false;
};

ipc::TaskAdd request_of(const TimerEntry& entry, const std::string& tzid, const std::string& zone) {
    ipc::TaskAdd request;
    request.summary = core::clipped(entry.summary, summary_max);
    request.tz = tzid;
    request.tz_default = zone;
    if (!entry.persistent) request.policies.catch_up = "skip";
    auto& command = request.command.emplace();
    command.argv = entry.command.argv;
    command.directory = entry.command.directory;
    command.environment = entry.command.environment;
    command.jitter = entry.jitter;
    return request;
}

Imported read(const TimerEntry& entry, Context& context) {
    Imported imported;
    imported.file = entry.file;
    imported.line = entry.line;
    imported.text = entry.text;
    imported.notes = entry.notes;
    imported.problem = entry.problem;
    if (!imported.problem.empty()) return imported;
    const auto event = parse_calendar_event(entry.schedule);
    if (!event) {
        imported.problem = event.error().message;
        return imported;
    }
    auto zone = core::Result<core::TimeZone>(context.zone());
    if (!event->tzid.empty()) zone = core::TimeZone::load(event->tzid);
    const auto rules = zone ? rules_of(*event, context.now(), *zone)
                            : core::Result<std::vector<OurRule>>(tl::unexpected(zone.error()));
    if (!rules) {
        imported.problem = rules.error().message;
        return imported;
    }
    set_rules(imported, *rules, request_of(entry, event->tzid, context.zone_name()),
              "timer: " + entry.file + ": " + entry.text, context.now(), *zone);
    if (imported.problem.empty())
        imported.theirs = calendar_times(*event, context.now(), *zone, import_times_shown);
    return imported;
}

/// By the user that commands will have; LOGNAME may say another one.
UnitCaller this_user() {
    const passwd* const entry = getpwuid(geteuid());
    return {entry != nullptr ? std::string(entry->pw_name) : std::to_string(geteuid()),
            variable("HOME", "/"), variable("SHELL", "/bin/sh"), geteuid() == 0};
}

int run(Context& context, const Given& given, const Words& words) {
    std::vector<std::string> files;
    for (const auto& path : words) {
        auto found = timer_files(path);
        if (!found) return context.fail(found.error());
        files.insert(files.end(), found->begin(), found->end());
    }
    Importer importer(context,
                      {"systemd", "schedule", "schedules", "schedules", "there is no .timer file",
                       "the timers go on too, until systemctl disable --now (or systemctl --user "
                       "disable --now) ends them"},
                      given.preview);
    if (auto opened = importer.open(); !opened) return context.fail(opened.error());
    const UnitCaller caller = this_user();
    for (const auto& file : files)
        for (const auto& entry : read_timer(file, caller)) importer.take(read(entry, context));
    return importer.finish();
}

}  // namespace

void register_import_timers(CommandLine& line) {
    const auto given = std::make_shared<Given>();
    auto& app = line.add(
        {.name = "import timers",
         .section = "Scheduled commands",
         .summary = "make series with commands of systemd's timers",
         .usage = "PATH...",
         .words_min = 1,
         .words_max = any_number,
         .examples = {"import timers --preview ~/.config/systemd/user",
                      "import timers backup.timer"},
         .details = "PATH is a .timer file or a folder of them; the service that a timer starts is "
                    "looked for beside it. Each OnCalendar= is shown with its next three times by "
                    "systemd's rule and by taskd's, and where they differ. What can't be kept is "
                    "reported, and the exit status is 1 where a schedule can't. A schedule that "
                    "was imported before is left alone. The timers themselves go on: disable them "
                    "when it is done.",
         .run = [given](Context& context, const Words& words) {
             return run(context, *given, words);
         }});
    add_switch(app, "--preview", given->preview, "show it and import nothing");
}

}  // namespace taskd::cli
