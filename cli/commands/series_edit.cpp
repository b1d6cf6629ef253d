// SPDX-License-Identifier: Apache-2.0
// Changes of a whole series: edit, split and end.
#include "cli/commands/commands.h"
#include "cli/commands/policy_flags.h"
#include "cli/commands/series_text.h"
#include "core/text.h"

#include <nlohmann/json.hpp>

#include <memory>

namespace taskd::cli {
namespace {

struct Given {
    std::string summary = untouched;
    std::string notes = untouched;
    std::string project = untouched;
    std::string priority = untouched;
    std::vector<std::string> tags;
    std::vector<std::string> no_tags;
    std::string every, at, tz, from;
    PolicyFlags policies;
    std::string key;
};

core::Result<ipc::SeriesChange> change_from(const Context& context, const Given& given) {
    ipc::SeriesChange change;
    const auto take = [](std::optional<std::string>& into, const std::string& flag) {
        if (flag != untouched) into = flag;
    };
    take(change.edit.summary, given.summary);
    take(change.edit.notes, given.notes);
    take(change.edit.project, given.project);
    if (given.priority != untouched) {
        const auto priority = number_from("priority", given.priority, 0, 9);
        if (!priority) return tl::unexpected(priority.error());
        change.edit.priority = static_cast<int>(*priority);
    }
    change.edit.add_tags = given.tags;
    change.edit.remove_tags = given.no_tags;
    change.every = given.every;
    change.at = given.at;
    change.tz = given.tz;
    change.tz_default = context.zone_name();
    change.policies = given.policies.words();
    return change;
}

bool is_empty(const Given& given) {
    const auto& p = given.policies;
    const bool changes_content = given.summary != untouched || given.notes != untouched ||
                                 given.project != untouched || given.priority != untouched ||
                                 !given.tags.empty() || !given.no_tags.empty();
    const bool changes_slots = !given.every.empty() || !given.at.empty() || !given.tz.empty();
    const bool changes_policies =
        !(p.anchor + p.overlap + p.catch_up + p.window + p.max + p.spread + p.min_gap + p.shift)
             .empty();
    return !changes_content && !changes_slots && !changes_policies;
}

int edit(Context& context, const Given& given, const Words& words) {
    if (is_empty(given))
        return context.fail({core::Reason::invalid_argument,
                             "nothing to change was given",
                             {},
                             "taskctl series edit " + words[0] +
                                 " --at 18:00; series edit --help "
                                 "lists what can be changed"});
    const auto change = change_from(context, given);
    if (!change) return context.fail(change.error());
    return change_series(context, ipc::SeriesUpdate{words[0], *change}, given.key, "Edited");
}

int split(Context& context, const Given& given, const Words& words) {
    const auto change = change_from(context, given);
    if (!change) return context.fail(change.error());
    const auto from = slot_from("from", given.from);
    if (!from) return context.fail(from.error());
    return change_series(context, ipc::SeriesSplit{words[0], *from, *change}, given.key,
                         "Split off");
}

void add_changes(CLI::App& app, Given& given) {
    add_text(app, "--every", given.every, "WORDS", "recur by this rule");
    add_text(app, "--at", given.at, "WORDS", "the time of day of its slots");
    add_text(app, "--tz", given.tz, "ZONE", "their IANA zone");
    add_text(app, "--summary", given.summary, "TEXT", "what is to be done");
    add_text(app, "--notes", given.notes, "TEXT", "what else there is to say");
    add_text(app, "--project", given.project, "NAME", "its project; an empty one for none");
    add_texts(app, "--tag", given.tags, "WORD", "add a tag; may be repeated");
    add_texts(app, "--no-tag", given.no_tags, "WORD", "remove a tag; may be repeated");
    add_text(app, "--priority", given.priority, "0-9", "1 is the highest, 0 none");
    add_policies(app, given.policies);
    add_key(app, given.key);
}

void register_edit_of_all(CommandLine& line) {
    const auto given = std::make_shared<Given>();
    auto& app = line.add(
        {.name = "series edit",
         .section = "Series",
         .summary = "change all of a series from now on, and its open tasks",
         .usage = "SERIES",
         .words_min = 1,
         .words_max = 1,
         .examples = {"series edit 1 --at 18:00", "series edit 1 --every \"2 weeks on mon\"",
                      "series edit 1 --overlap stack --catch-up all",
                      "series edit 1 --shift default"},
         .details = std::string(series_word) +
                    " The open task goes to the new rule's next slot; one that is due already "
                    "stays where it is. For policies, default takes back what was set.",
         .run = [given](Context& context, const Words& words) {
             return edit(context, *given, words);
         }});
    add_changes(app, *given);
}

void register_split(CommandLine& line) {
    const auto given = std::make_shared<Given>();
    auto& app = line.add(
        {.name = "series split",
         .section = "Series",
         .summary = "change a slot and all later ones: they become a series of their own",
         .usage = "SERIES",
         .words_min = 1,
         .words_max = 1,
         .examples = {"series split 1 --at 18:00",
                      "series split 1 --from \"2026-12-24 09:30\" --every \"2 weeks on mon\""},
         .details = std::string(series_word) +
                    " The first part ends before the slot and keeps its history; series show "
                    "tells of each which the other is.",
         .run = [given](Context& context, const Words& words) {
             return split(context, *given, words);
         }});
    add_text(app, "--from", given->from, "SLOT",
             "the first slot that goes over (default: the open or next one)");
    add_changes(app, *given);
}

struct EndGiven {
    std::string after;
    std::string on;
    std::string key;
};

int end(Context& context, const EndGiven& given, const Words& words) {
    ipc::SeriesEnd request{words[0], 0, given.on, context.zone_name()};
    if (!given.after.empty()) {
        const auto after = number_from("after", given.after, 1, 10'000);
        if (!after) return context.fail(after.error());
        request.count = *after;
    }
    if (request.count != 0 && !given.on.empty())
        return context.fail(
            core::invalid_argument("on", "goes without --after; keep one of them").value());
    const bool is_now = given.after.empty() && given.on.empty();
    return change_series(context, request, given.key, is_now ? "Ended" : "Set the end of");
}

void register_end(CommandLine& line) {
    const auto given = std::make_shared<EndGiven>();
    auto& app = line.add(
        {.name = "series end",
         .section = "Series",
         .summary = "end a series for good, now or later",
         .usage = "SERIES",
         .words_min = 1,
         .words_max = 1,
         .examples = {"series end 1", "series end 1 --after 3", "series end 1 --on 2027-06-30"},
         .details = std::string(series_word) + " Its open task stays, and nothing follows it.",
         .run = [given](Context& context, const Words& words) {
             return end(context, *given, words);
         }});
    add_text(app, "--after", given->after, "N", "after so many more; the open one is the first");
    add_text(app, "--on", given->on, "WORDS", "with its last slot on that day or before");
    add_key(app, given->key);
}

}  // namespace

void register_series_edit(CommandLine& line) {
    register_edit_of_all(line);
    register_split(line);
    register_end(line);
}

}  // namespace taskd::cli
