// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/series_text.h"
#include "cli/preview.h"
#include "cli/times.h"
#include "core/rrule.h"
#include "core/text.h"
#include "core/when.h"

#include <nlohmann/json.hpp>

#include <memory>

namespace taskd::cli {
namespace {

struct Given {
    std::string count;
};

/// What makes the time another than the rule's own; "" for most.
std::string mark_of(const ipc::SeriesSlot& slot) {
    const auto id = core::parse_recurrence_id(slot.recurrence_id);
    if (id && slot.change == "moved") return "moved from " + slot_words(*id);
    if (id && slot.change == "shift") return "shifted from " + slot_words(*id);
    const auto zone = core::TimeZone::load(slot.time.tzid);
    if (!id || !zone || slot.time.is_date) return "";
    return clock_mark(*id, *zone);
}

std::string offset_of(const core::CalendarTime& time) {
    const auto zone = core::TimeZone::load(time.tzid);
    return time.is_date || !zone ? "" : " " + offset_words(zone->utc_offset(time.at));
}

void show(Context& context, const ipc::SeriesPreviewed& preview) {
    const auto& series = preview.series.series;
    const auto style = context.screen().style();
    std::string text = painted(visible(series.content.summary) + ": " +
                                   visible(preview.series.words) + ", " + series.tzid,
                               Paint::bold, style) +
                       "\n  " + painted(core::format_rrule(series.rule), Paint::dim, style) + "\n";
    for (const auto& slot : preview.slots) {
        const std::string mark = mark_of(slot);
        text += "  " + core::describe(slot.time) + offset_of(slot.time) + "  " +
                painted(distance_words(slot.time, context.now()), Paint::dim, style) +
                (mark.empty() ? "" : "  " + painted(mark, Paint::yellow, style)) + "\n";
    }
    if (series.paused) text += "  paused: it makes no tasks until it is resumed\n";
    if (series.ended)
        text += "  it has ended\n";
    else if (preview.ends)
        text += "  and then it ends\n";
    context.screen().print(text);
}

void show_plain(Context& context, const ipc::SeriesPreviewed& preview) {
    Table table{{{"SLOT"}, {"TIME"}, {"DISTANCE"}, {"MARK"}}, {}};
    for (const auto& slot : preview.slots)
        table.rows.push_back({{slot.recurrence_id},
                              {core::format(slot.time)},
                              {distance(slot.time, context.now())},
                              {mark_of(slot)}});
    context.screen().print_list(table);
}

int run(Context& context, const Given& given, const Words& words) {
    ipc::SeriesPreview request{words[0]};
    if (!given.count.empty()) {
        const auto count = number_from("count", given.count, 1, preview_count_max);
        if (!count) return context.fail(count.error());
        request.count = *count;
    }
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());
    Screen& screen = context.screen();
    if (screen.one_line_json())
        for (const auto& slot : answer->json.at("slots")) screen.print_json(slot);
    else if (screen.json())
        screen.print_json(answer->json);
    else if (screen.quiet())
        for (const auto& slot : answer->value.slots) screen.print(slot.recurrence_id + "\n");
    else if (screen.plain())
        show_plain(context, answer->value);
    else
        show(context, answer->value);
    return 0;
}

}  // namespace

void register_series_preview(CommandLine& line) {
    const auto given = std::make_shared<Given>();
    auto& app = line.add({.name = "series preview",
                          .section = "Series",
                          .summary = "show the next slots of a series",
                          .usage = "SERIES",
                          .words_min = 1,
                          .words_max = 1,
                          .examples = {"series preview 1", "series preview 1 --count 20"},
                          .details = std::string(series_word) +
                                     " Slots that were moved or shifted say from where. Counted "
                                     "from completion, each is taken to be done in time.",
                          .run = [given](Context& context, const Words& words) {
                              return run(context, *given, words);
                          }});
    add_text(app, "--count", given->count, "N", "how many slots, up to 1000 (default 5)");
}

}  // namespace taskd::cli
