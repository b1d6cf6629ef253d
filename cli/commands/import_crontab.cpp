// SPDX-License-Identifier: Apache-2.0
// taskctl import crontab: a crontab's lines as series with commands.
#include "cli/commands/command_flags.h"
#include "cli/commands/commands.h"
#include "cli/crontab.h"
#include "cli/input_file.h"
#include "cli/times.h"
#include "core/phrase.h"
#include "core/plan.h"
#include "core/rfc3339.h"
#include "core/series.h"
#include "core/text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <set>

namespace taskd::cli {
namespace {

using core::Result;
using nlohmann::json;

constexpr std::size_t times_shown = 3;
constexpr std::size_t summary_max = 80;

struct Given {
    bool preview = false;
};

/// What is made of one line.
struct Imported {
    CrontabEntry entry;
    std::vector<ipc::TaskAdd> requests;       ///< none where the line can't be kept
    std::vector<core::Timestamp> cron, ours;  ///< the next times
    std::string words;                        ///< the rule as taskd says it
    std::string problem;
    bool is_there = false;  ///< imported before
    std::vector<std::int64_t> added{};
};

std::string variable(const char* name, const char* otherwise) {
    // taskctl starts no thread that changes the environment.
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0' ? value : otherwise;
}

/// How an imported series is known again.
std::string mark_of(const CrontabEntry& entry, std::size_t part) {
    return "crontab: " + entry.text + (part == 0 ? "" : " (" + std::to_string(part + 1) + ")");
}

ipc::TaskAdd request_of(const CrontabEntry& entry, const CronRule& rule, std::size_t part,
                        const std::string& zone) {
    ipc::TaskAdd request;
    std::string summary = entry.text.substr(entry.text.find_first_of(" \t") + 1);
    for (int field = 1; field < 5 && entry.schedule.front() != '@'; ++field) {
        summary = std::string(core::trim(summary));
        summary = summary.substr(summary.find_first_of(" \t") + 1);
    }
    request.summary = core::clipped(std::string(core::trim(summary)), summary_max);
    request.notes = mark_of(entry, part);
    request.every = rule.every;
    request.at = rule.at;
    request.tz = entry.tzid;
    request.tz_default = zone;
    auto& command = request.command.emplace();
    command.argv = {entry.shell, "-c", entry.script};
    command.directory = entry.directory;
    command.environment = entry.environment;
    return request;
}

/// The next times of a rule by ours, and its words.
Result<std::vector<core::Timestamp>> our_times(const CronRule& rule, core::Timestamp now,
                                               const core::TimeZone& zone, std::string& words) {
    const auto every = core::parse_every(rule.every);
    if (!every) return tl::unexpected(every.error());
    const auto plan = core::plan_of(*every, rule.at, now, zone);
    if (!plan) return tl::unexpected(plan.error());
    words += (words.empty() ? "" : "; and ") + rule_words(plan->rule, plan->dtstart);
    core::Series series;
    series.dtstart = plan->dtstart.local;
    series.is_date = plan->dtstart.is_date;
    series.tzid = plan->dtstart.tzid;
    series.rule = plan->rule;
    const auto schedule = core::schedule_of(series, {});
    if (!schedule) return tl::unexpected(schedule.error());
    const auto first = core::slot_after(*schedule, {}, {}, now).slot;
    std::vector<core::Timestamp> times;
    if (!first) return times;
    for (const auto& slot : core::upcoming(*schedule, *first, times_shown))
        times.push_back(slot.at);
    return times;
}

Imported read(const CrontabEntry& entry, Context& context) {
    Imported imported;
    imported.entry = entry;
    imported.problem = entry.problem;
    if (!imported.problem.empty()) return imported;
    auto zone = Result<core::TimeZone>(context.zone());
    if (!entry.tzid.empty()) zone = core::TimeZone::load(entry.tzid);
    const auto rules = rules_of(entry.schedule);
    if (!zone || !rules) {
        imported.problem = (zone ? rules.error() : zone.error()).message;
        return imported;
    }
    for (std::size_t part = 0; part < rules->size(); ++part) {
        auto times = our_times((*rules)[part], context.now(), *zone, imported.words);
        if (!times) {
            imported.problem = times.error().message;
            return imported;
        }
        imported.ours.insert(imported.ours.end(), times->begin(), times->end());
        imported.requests.push_back(request_of(entry, (*rules)[part], part, context.zone_name()));
    }
    std::sort(imported.ours.begin(), imported.ours.end());
    if (imported.ours.size() > times_shown) imported.ours.resize(times_shown);
    imported.cron = cron_times(entry.schedule, context.now(), *zone, times_shown);
    return imported;
}

/// The notes of all series that go on.
Result<std::set<std::string>> marks_there(ipc::Client& client) {
    std::set<std::string> marks;
    ipc::SeriesList request;
    for (;;) {
        const auto page = client.call(request);
        if (!page) return tl::unexpected(page.error());
        for (const auto& view : page->value.series) marks.insert(view.series.content.notes);
        request.offset += static_cast<std::int64_t>(page->value.series.size());
        if (page->value.series.empty() || request.offset >= page->value.total) return marks;
    }
}

json json_of(const Imported& imported) {
    const auto list = [](const std::vector<core::Timestamp>& times) {
        json all = json::array();
        for (const auto time : times) all.push_back(core::format_utc(time));
        return all;
    };
    json object{{"line", imported.entry.line},
                {"text", imported.entry.text},
                {"cron", list(imported.cron)},
                {"ours", list(imported.ours)},
                {"differs", imported.cron != imported.ours}};
    if (!imported.problem.empty()) object["problem"] = imported.problem;
    if (!imported.entry.notes.empty()) object["notes"] = imported.entry.notes;
    if (imported.is_there) object["is_there"] = true;
    if (!imported.added.empty()) object["tasks"] = imported.added;
    return object;
}

void show(Context& context, const Imported& imported) {
    Screen& screen = context.screen();
    const auto& style = screen.style();
    std::string out =
        "line " + std::to_string(imported.entry.line) + ": " + visible(imported.entry.text) + "\n";
    if (!imported.problem.empty()) {
        out +=
            "  " + painted("not imported: " + visible(imported.problem), Paint::red, style) + "\n";
        return screen.print(out);
    }
    out += "  " + visible(imported.words) + "\n";
    const auto rows = std::max(imported.cron.size(), imported.ours.size());
    for (std::size_t row = 0; row < rows; ++row) {
        const auto at = [&](const std::vector<core::Timestamp>& times) {
            return row < times.size() ? moment(times[row], context.zone()) : std::string("never");
        };
        const auto cron = at(imported.cron);
        const auto ours = at(imported.ours);
        out += "  cron " + cron + "   ours " + ours;
        if (cron != ours) out += "   " + painted("differs", Paint::yellow, style);
        out += "\n";
    }
    for (const auto& note : imported.entry.notes) out += "  note: " + visible(note) + "\n";
    if (imported.is_there) out += "  is there already\n";
    for (const auto number : imported.added) out += "  added task " + std::to_string(number) + "\n";
    screen.print(out);
}

int run(Context& context, const Given& given, const Words& words) {
    auto file = InputFile::open("file", words[0]);
    if (!file) return context.fail(file.error());
    const auto text = file->all(crontab_bytes_max);
    if (!text) return context.fail(text.error());
    if (!core::is_utf8(*text))
        return context.fail(
            {core::Reason::invalid_argument, "file: is not UTF-8 text", "file", ""});
    const auto user = variable("LOGNAME", variable("USER", "").c_str());
    const auto entries = parse_crontab(*text, variable("HOME", "/"), user);

    std::optional<ipc::Client> client;
    std::set<std::string> marks;
    if (!given.preview) {
        auto opened = context.client();
        if (!opened) return context.fail(opened.error());
        client.emplace(std::move(*opened));
        auto there = marks_there(*client);
        if (!there) return context.fail(there.error());
        marks = std::move(*there);
    }
    int status = 0;
    std::size_t added = 0;
    std::size_t refused = 0;
    json all = json::array();
    for (const auto& entry : entries) {
        Imported imported = read(entry, context);
        for (const auto& request : imported.requests) {
            if (!marks.insert(request.notes).second) {
                imported.is_there = true;
                continue;
            }
            if (given.preview) continue;
            const auto answer = client->call(request);
            if (!answer) {
                imported.problem = answer.error().message;
                break;
            }
            imported.added.push_back(answer->value.task.number);
            ++added;
        }
        if (!imported.problem.empty()) {
            status = 1;
            ++refused;
        }
        Screen& screen = context.screen();
        if (screen.one_line_json())
            screen.print_json(json_of(imported));
        else if (screen.json())
            all.push_back(json_of(imported));
        else if (screen.quiet())
            for (const auto number : imported.added) screen.print(std::to_string(number) + "\n");
        else
            show(context, imported);
    }
    Screen& screen = context.screen();
    if (screen.json() && !screen.one_line_json()) screen.print_json({{"lines", std::move(all)}});
    if (entries.empty()) screen.hint("no line runs anything");
    std::string told =
        given.preview ? "nothing was imported: this is a preview"
                      : "imported " + counted(static_cast<std::int64_t>(added), "series", "series");
    if (refused > 0)
        told +=
            "; " + counted(static_cast<std::int64_t>(refused), "line", "lines") + " can't be kept";
    screen.note(told);
    return status;
}

}  // namespace

void register_import_crontab(CommandLine& line) {
    line.add({.name = "import",
              .section = "Scripts",
              .summary = "take over what another scheduler does",
              .examples = {"import crontab --preview my.crontab"},
              .run = {}});
    const auto given = std::make_shared<Given>();
    auto& app = line.add(
        {.name = "import crontab",
         .section = "Scripts",
         .summary = "make series with commands of a crontab's lines",
         .usage = "FILE",
         .words_min = 1,
         .words_max = 1,
         .examples = {"import crontab --preview my.crontab", "import crontab -"},
         .details = "FILE is what crontab -l prints, - is standard input. Each line is shown with "
                    "its next three times by cron's rule and by taskd's, and where they differ. A "
                    "line that can't be kept is reported, and the exit status is 1 then. A line "
                    "that was imported before is left alone.",
         .run = [given](Context& context, const Words& words) {
             return run(context, *given, words);
         }});
    add_switch(app, "--preview", given->preview, "show it and import nothing");
}

}  // namespace taskd::cli
