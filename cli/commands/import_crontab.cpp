// SPDX-License-Identifier: Apache-2.0
// taskctl import crontab: a crontab's lines as series with commands.
#include "cli/commands/commands.h"
#include "cli/crontab.h"
#include "cli/importer.h"
#include "cli/input_file.h"
#include "cli/program_file.h"
#include "core/text.h"

#include <memory>
#include <pwd.h>
#include <string_view>
#include <unistd.h>

namespace taskd::cli {
namespace {

constexpr std::size_t summary_max = 80;

struct Given {
    bool preview = false;
};

ipc::TaskAdd request_of(const CrontabEntry& entry, const std::string& zone) {
    ipc::TaskAdd request;
    std::string summary = entry.text.substr(entry.text.find_first_of(" \t") + 1);
    for (int field = 1; field < 5 && entry.schedule.front() != '@'; ++field) {
        summary = std::string(core::trim(summary));
        summary = summary.substr(summary.find_first_of(" \t") + 1);
    }
    request.summary = core::clipped(std::string(core::trim(summary)), summary_max);
    request.tz = entry.tzid;
    request.tz_default = zone;
    auto& command = request.command.emplace();
    command.argv = {entry.shell, "-c", entry.script};
    command.directory = entry.directory;
    command.environment = entry.environment;
    return request;
}

/// The user in front of a command, as the lines of a system crontab have one; "" where the first
/// word is no user, or a program, or has no command behind it: "mail -s" is a program that is not
/// installed.
std::string user_field(const CrontabEntry& entry) {
    constexpr std::string_view with_input = "{ ";  // so begins one that has text behind %
    const auto& script = entry.script;
    const auto begin = script.rfind(with_input, 0) == 0 ? with_input.size() : 0;
    const auto end = script.find_first_of(" \t\n", begin);
    const auto next = script.find_first_not_of(" \t", end);
    if (next == std::string::npos || script[next] == '-' || script[next] == '\n') return "";
    const auto word = script.substr(begin, end - begin);
    if (word.find('/') != std::string::npos || getpwnam(word.c_str()) == nullptr) return "";
    for (const auto& variable : entry.environment)
        if (variable.rfind("PATH=", 0) == 0)
            for (const auto& folder : core::split(variable.substr(5), ':'))
                if (is_program(folder + "/" + word)) return "";
    return word;
}

Imported read(const CrontabEntry& entry, Context& context) {
    Imported imported;
    imported.line = entry.line;
    imported.text = entry.text;
    imported.notes = entry.notes;
    imported.problem = entry.problem;
    if (const auto user = user_field(entry); imported.problem.empty() && !user.empty())
        imported.problem = "\"" + user +
                           "\" is a user and no program: lines of the system's crontab name who "
                           "runs them, and those of a user's own do not";
    if (!imported.problem.empty()) return imported;
    auto zone = core::Result<core::TimeZone>(context.zone());
    if (!entry.tzid.empty()) zone = core::TimeZone::load(entry.tzid);
    const auto rules = rules_of(entry.schedule);
    if (!zone || !rules) {
        imported.problem = (zone ? rules.error() : zone.error()).message;
        return imported;
    }
    set_rules(imported, *rules, request_of(entry, context.zone_name()), "crontab: " + entry.text,
              context.now(), *zone);
    if (imported.problem.empty())
        imported.theirs = cron_times(entry.schedule, context.now(), *zone, import_times_shown);
    return imported;
}

int run(Context& context, const Given& given, const Words& words) {
    auto file = InputFile::open("file", words[0]);
    if (!file) return context.fail(file.error());
    const auto text = file->all(crontab_bytes_max);
    if (!text) return context.fail(text.error());
    if (!core::is_utf8(*text))
        return context.fail(
            {core::Reason::invalid_argument, "file: is not UTF-8 text", "file", ""});
    Importer importer(context,
                      {"cron", "line", "lines", "lines", "no line runs anything",
                       "cron runs these lines too, until they are taken out of it: crontab -e, or "
                       "crontab -r for all"},
                      given.preview);
    if (auto opened = importer.open(); !opened) return context.fail(opened.error());
    // A shell without a login, as in a container, may have neither.
    const passwd* const self = getpwuid(geteuid());
    const std::string name = self != nullptr ? self->pw_name : "";
    const std::string home = self != nullptr ? self->pw_dir : "/";
    const auto user = variable("LOGNAME", variable("USER", name));
    for (const auto& entry : parse_crontab(*text, variable("HOME", home), user))
        importer.take(read(entry, context));
    return importer.finish();
}

}  // namespace

void register_import_crontab(CommandLine& line) {
    line.add({.name = "import",
              .section = "Scheduled commands",
              .summary = "take over what another scheduler does",
              .examples = {"import crontab --preview my.crontab"},
              .run = {}});
    const auto given = std::make_shared<Given>();
    auto& app = line.add(
        {.name = "import crontab",
         .section = "Scheduled commands",
         .summary = "make series with commands of a crontab's lines",
         .usage = "FILE",
         .words_min = 1,
         .words_max = 1,
         .examples = {"import crontab --preview my.crontab", "import crontab -"},
         .details = "FILE is what crontab -l prints, - is standard input. Each line is shown with "
                    "its next three times by cron's rule and by taskd's, and where they differ. A "
                    "line that can't be kept is reported, and the exit status is 1 then. A line "
                    "that was imported before is left alone; one that was changed since becomes a "
                    "series beside the old one, which taskctl series end ends. cron runs its lines "
                    "until they are taken out of it.",
         .run = [given](Context& context, const Words& words) {
             return run(context, *given, words);
         }});
    add_switch(app, "--preview", given->preview, "show it and import nothing");
}

}  // namespace taskd::cli
