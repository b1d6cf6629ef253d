// SPDX-License-Identifier: Apache-2.0
#include "cli/importer.h"

#include "cli/times.h"
#include "core/command.h"
#include "core/phrase.h"
#include "core/plan.h"
#include "core/rfc3339.h"
#include "core/series.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

namespace taskd::cli {
namespace {

using core::Result;
using nlohmann::json;
using Times = std::vector<core::Timestamp>;

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

json list_of(const Times& times) {
    json all = json::array();
    for (const auto time : times) all.push_back(core::format_utc(time));
    return all;
}

}  // namespace

core::Result<OurTimes> our_times(const OurRule& rule, core::Timestamp now,
                                 const core::TimeZone& zone, std::size_t count) {
    const auto every = core::parse_every(rule.every);
    if (!every) return tl::unexpected(every.error());
    const auto plan = core::plan_of(*every, rule.at, now, zone);
    if (!plan) return tl::unexpected(plan.error());
    OurTimes found{rule_words(plan->rule, plan->dtstart), {}};
    core::Series series;
    series.dtstart = plan->dtstart.local;
    series.is_date = plan->dtstart.is_date;
    series.tzid = plan->dtstart.tzid;
    series.rule = plan->rule;
    const auto schedule = core::schedule_of(series, {});
    if (!schedule) return tl::unexpected(schedule.error());
    if (const auto first = core::slot_after(*schedule, {}, {}, now).slot)
        for (const auto& slot : core::upcoming(*schedule, *first, count))
            found.times.push_back(slot.at);
    return found;
}

std::string variable(const char* name, const std::string& otherwise) {
    // taskctl starts no thread that changes the environment.
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0' ? value : otherwise;
}

void set_rules(Imported& imported, const std::vector<OurRule>& rules, const ipc::TaskAdd& request,
               const std::string& mark, core::Timestamp now, const core::TimeZone& zone) {
    for (std::size_t part = 0; part < rules.size(); ++part) {
        const auto ours = our_times(rules[part], now, zone, import_times_shown);
        if (!ours) {
            imported.problem = ours.error().message;
            return;
        }
        imported.words += (imported.words.empty() ? "" : "; and ") + ours->words;
        imported.ours.insert(imported.ours.end(), ours->times.begin(), ours->times.end());
        auto& one = imported.requests.emplace_back(request);
        one.every = rules[part].every;
        one.at = rules[part].at;
        one.notes = mark + (part == 0 ? "" : " (" + std::to_string(part + 1) + ")");
    }
    std::sort(imported.ours.begin(), imported.ours.end());
    if (imported.ours.size() > import_times_shown) imported.ours.resize(import_times_shown);
}

Result<void> Importer::open() {
    if (preview_) return {};
    auto opened = context_.client();
    if (!opened) return tl::unexpected(opened.error());
    client_.emplace(std::move(*opened));
    auto there = marks_there(*client_);
    if (!there) return tl::unexpected(there.error());
    marks_ = std::move(*there);
    return {};
}

void Importer::add(Imported& imported) {
    for (const auto& request : imported.requests) {
        if (!marks_.insert(request.notes).second) {
            imported.is_there = true;
            continue;
        }
        if (preview_) continue;
        const auto answer = client_->call(request);
        if (!answer) {
            imported.problem = answer.error().message;
            return;
        }
        imported.added.push_back(answer->value.task.number);
        ++added_;
    }
}

void Importer::take(Imported imported) {
    ++taken_;
    if (imported.problem.empty()) add(imported);
    if (!imported.problem.empty())
        ++refused_;
    else if (imported.is_there)
        ++there_;
    Screen& screen = context_.screen();
    if (screen.one_line_json())
        screen.print_json(json_of(imported));
    else if (screen.json())
        all_.push_back(json_of(imported));
    else if (screen.quiet())
        for (const auto number : imported.added) screen.print(std::to_string(number) + "\n");
    else
        show(imported);
}

int Importer::finish() {
    Screen& screen = context_.screen();
    if (screen.json() && !screen.one_line_json())
        screen.print_json({{scheduler_.list, std::move(all_)}});
    if (taken_ == 0) screen.hint(scheduler_.hint_none);
    std::string told =
        preview_ ? "nothing was imported: this is a preview"
                 : "imported " + counted(static_cast<std::int64_t>(added_), "series", "series");
    const auto some = [&](std::size_t count) {
        return "; " + counted(static_cast<std::int64_t>(count), scheduler_.one, scheduler_.many);
    };
    if (there_ > 0) told += some(there_) + (there_ == 1 ? " was" : " were") + " there before";
    if (refused_ > 0) told += some(refused_) + " can't be kept";
    screen.note(told);
    if (added_ > 0) {
        tell_of_channel();
        screen.note(scheduler_.goes_on);
    }
    return refused_ > 0 ? 1 : 0;
}

void Importer::tell_of_channel() {
    const auto answer = client_->call(ipc::ChannelList{});
    if (!answer) return;
    const auto& channels = answer->value.channels;
    const auto found = std::find_if(channels.begin(), channels.end(),
                                    [](const auto& channel) { return channel.is_default; });
    if (found == channels.end())
        context_.screen().warn(
            "nobody is told of a command that fails: there is no default channel; see taskctl "
            "channels");
    else if (!found->disabled.empty())
        context_.screen().warn("nobody is told of a command that fails: the default channel " +
                               found->name + " is disabled: " + found->disabled);
    else
        context_.screen().note("the default channel, " + found->name +
                               ", is told of a command that fails");
}

json Importer::json_of(const Imported& imported) const {
    json object{{"line", imported.line},
                {"text", imported.text},
                {scheduler_.name, list_of(imported.theirs)},
                {"ours", list_of(imported.ours)},
                {"differs", imported.theirs != imported.ours}};
    if (!imported.file.empty()) object["file"] = imported.file;
    if (!imported.problem.empty()) object["problem"] = imported.problem;
    if (!imported.notes.empty()) object["notes"] = imported.notes;
    if (!imported.requests.empty()) {
        const auto& command = *imported.requests.front().command;
        object["command"] = *command.argv;
        object["directory"] = *command.directory;
    }
    if (imported.is_there) object["is_there"] = true;
    if (!imported.added.empty()) object["tasks"] = imported.added;
    return object;
}

void Importer::show(const Imported& imported) {
    Screen& screen = context_.screen();
    const auto& style = screen.style();
    std::string out = visible(imported.file);
    if (imported.line > 0)
        out += (out.empty() ? "line " : ", line ") + std::to_string(imported.line);
    out += ": " + visible(imported.text) + "\n";
    if (!imported.problem.empty()) {
        out +=
            "  " + painted("not imported: " + visible(imported.problem), Paint::red, style) + "\n";
        return screen.print(out);
    }
    out += "  " + visible(imported.words) + "\n";
    const bool by_second = std::any_of(
        imported.theirs.begin(), imported.theirs.end(),
        [](core::Timestamp at) { return at != std::chrono::floor<std::chrono::minutes>(at); });
    const auto rows = std::max(imported.theirs.size(), imported.ours.size());
    for (std::size_t row = 0; row < rows; ++row) {
        const auto at = [&](const Times& times) {
            if (row >= times.size()) return std::string("never");
            return (by_second ? stamp : moment)(times[row], context_.zone());
        };
        const bool differs = row >= imported.theirs.size() || row >= imported.ours.size() ||
                             imported.theirs[row] != imported.ours[row];
        out += "  " + scheduler_.name + " " + at(imported.theirs) + "   ours " + at(imported.ours);
        if (differs) out += "   " + painted("differs", Paint::yellow, style);
        out += "\n";
    }
    if (!imported.requests.empty()) {
        const auto& command = *imported.requests.front().command;
        out += "  runs " + visible(core::command_line(*command.argv)) + " in " +
               visible(*command.directory) + "\n";
    }
    for (const auto& note : imported.notes) out += "  note: " + visible(note) + "\n";
    if (imported.is_there) out += "  is there already\n";
    for (const auto number : imported.added) out += "  added task " + std::to_string(number) + "\n";
    screen.print(out);
}

}  // namespace taskd::cli
