// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/series_text.h"
#include "cli/times.h"
#include "core/rrule.h"
#include "core/text.h"

#include <nlohmann/json.hpp>

#include <memory>

namespace taskd::cli {
namespace {

struct Given {
    std::string note;
    std::string key;
};

struct SlotGiven {
    std::string slot;
    std::string key;
};

template <class Request>
int with_slot(Context& context, Request request, const SlotGiven& given, const std::string& verb) {
    const auto slot = slot_from("slot", given.slot);
    if (!slot) return context.fail(slot.error());
    request.recurrence_id = *slot;
    return change_series(context, request, given.key, verb);
}

std::string occurrence_words(const ipc::Occurrence& occurrence) {
    std::string text = occurrence.state;
    if (!occurrence.reason.empty()) text += " (" + occurrence.reason + ")";
    if (occurrence.count > 1) text += ", " + std::to_string(occurrence.count) + " slots";
    return text;
}

/// Where a policy comes from.
std::string origin_words(const std::string& origin) {
    if (origin == "add") return " (given when it was added)";
    return origin == "changed" ? " (changed later)" : " (default)";
}

int show(Context& context, const Words& words) {
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto answer = client->call(ipc::SeriesGet{words.at(0)});
    if (!answer) return context.fail(answer.error());
    Screen& screen = context.screen();
    const auto& details = answer->value;
    if (screen.json()) {
        screen.print_json(answer->json);
        return 0;
    }
    if (screen.quiet()) {
        screen.print(details.series.series.id.str() + "\n");
        return 0;
    }
    if (!screen.plain())
        screen.print(painted("Series: " + visible(details.series.series.content.summary),
                             Paint::bold, screen.style()) +
                     "\n");
    auto fields = series_fields(context, details.series);
    // They have a part of their own, where each is told.
    std::erase_if(fields, [&](const auto& field) { return field.name == "policies"; });
    screen.print_fields(fields);
    if (!screen.plain()) {
        std::vector<Field> policies;
        for (const auto& policy : details.policies)
            policies.push_back({policy.name, {policy.value + origin_words(policy.origin)}});
        screen.print(painted("Policies", Paint::bold, screen.style()) + "\n");
        screen.print_fields(policies);
    }
    if (!details.slots.empty() && !screen.plain()) {
        screen.print(painted("Slots", Paint::bold, screen.style()) + "\n");
        for (const auto& slot : details.slots)
            screen.print("  " + full_words(slot, context.zone()) + "  " +
                         painted(distance(slot, context.now()), Paint::dim, screen.style()) + "\n");
    }
    Table table{{{"SLOT"}, {"TO"}, {"WHAT", false, true}, {"TASK", true}}, {}};
    for (const auto& one : details.occurrences)
        table.rows.push_back({{one.recurrence_id},
                              {one.count > 1 ? one.last_slot : ""},
                              {occurrence_words(one)},
                              {one.task == 0 ? "" : std::to_string(one.task)}});
    if (!table.rows.empty() && !screen.plain())
        screen.print(painted("What became of the last ones", Paint::bold, screen.style()) + "\n");
    screen.print_list(table);
    return 0;
}

}  // namespace

void register_series_change(CommandLine& line) {
    line.add({.name = "series show",
              .section = "Series",
              .summary = "show a series, its next slots and what became of the last ones",
              .usage = "SERIES",
              .words_min = 1,
              .words_max = 1,
              .examples = {"series show 1"},
              .details = series_word,
              .run = show});
    const auto given = std::make_shared<Given>();
    auto& pause =
        line.add({.name = "series pause",
                  .section = "Series",
                  .summary = "stop making tasks and reminding, until it is resumed",
                  .usage = "SERIES",
                  .words_min = 1,
                  .words_max = 1,
                  .examples = {"series pause 1 --note \"on holiday\""},
                  .details = std::string(series_word) + " Its open task stays.",
                  .run = [given](Context& context, const Words& words) {
                      return change_series(context, ipc::SeriesPause{words.at(0), given->note},
                                           given->key, "Paused");
                  }});
    add_text(pause, "--note", given->note, "TEXT", "why, for whoever looks at it later");
    add_key(pause, given->key);
    const auto resume_key = std::make_shared<std::string>();
    auto& resume = line.add(
        {.name = "series resume",
         .section = "Series",
         .summary = "go on with a paused series; what passed is skipped and recorded",
         .usage = "SERIES",
         .words_min = 1,
         .words_max = 1,
         .examples = {"series resume 1"},
         .details = series_word,
         .run = [resume_key](Context& context, const Words& words) {
             return change_series(context, ipc::SeriesResume{words.at(0)}, *resume_key, "Resumed");
         }});
    add_key(resume, *resume_key);
    const auto skipping = std::make_shared<SlotGiven>();
    auto& skip =
        line.add({.name = "series skip",
                  .section = "Series",
                  .summary = "skip the open or next slot, or the one named by --slot",
                  .usage = "SERIES",
                  .words_min = 1,
                  .words_max = 1,
                  .examples = {"series skip 1", "series skip 1 --slot 2026-12-24T09:30:00"},
                  .details = series_word,
                  .run = [skipping](Context& context, const Words& words) {
                      return with_slot(context, ipc::SeriesSkip{words.at(0), {}}, *skipping,
                                       "Skipped a slot of");
                  }});
    add_text(skip, "--slot", skipping->slot, "TIME", "its recurrence id, as series show lists it");
    add_key(skip, skipping->key);
    const auto moving = std::make_shared<SlotGiven>();
    auto& move = line.add(
        {.name = "series move",
         .section = "Series",
         .summary = "move the open or next slot, or the one named by --slot",
         .usage = "SERIES WORDS...",
         .words_min = 2,
         .words_max = any_number,
         .examples = {"series move 1 14:00", "series move 1 tomorrow 9am"},
         .details = std::string(series_word) + " A time of day alone is on the slot's own day.",
         .run = [moving](Context& context, const Words& words) {
             ipc::SeriesMove request{words.at(0), {}, {}, {}, context.zone_name()};
             request.to = core::join(Words(words.begin() + 1, words.end()), " ");
             return with_slot(context, std::move(request), *moving, "Moved a slot of");
         }});
    add_text(move, "--slot", moving->slot, "TIME", "its recurrence id, as series show lists it");
    add_key(move, moving->key);
}

}  // namespace taskd::cli
