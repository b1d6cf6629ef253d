// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/times.h"
#include "core/rfc3339.h"
#include "core/text.h"
#include "core/phrase.h"
#include "core/plan.h"
#include "core/when.h"
#include "ipc/json.h"

#include <nlohmann/json.hpp>

#include <memory>

namespace taskd::cli {
namespace {

constexpr std::int64_t count_standard = 5;
constexpr std::int64_t count_max = 1000;

struct Given {
    std::string at;
    std::string tz;
    std::string count;
};

/// What the daemon would make of the same words, decided by the same core.
struct Preview {
    core::Rrule rule;
    core::CalendarTime dtstart;
    core::Schedule schedule;
    std::vector<core::CalendarTime> slots;
};

core::Result<Preview> preview_of(const Context& context, const Given& given, const Words& words,
                                 std::size_t count) {
    const auto zone = given.tz.empty() ? core::Result<core::TimeZone>(context.zone())
                                       : core::TimeZone::load(given.tz);
    if (!zone) return tl::unexpected(zone.error());
    const auto every = core::parse_every(core::join(words, " "));
    if (!every) return tl::unexpected(every.error());
    if (every->at && !given.at.empty())
        return core::invalid_argument(
            "at", "\"" + given.at + "\" and \"at " + *every->at + "\" are two times; keep one");
    const auto at =
        every->at ? every->at : (given.at.empty() ? std::nullopt : std::optional(given.at));
    const auto dtstart = core::dtstart_of(every->rule, at, context.now(), *zone);
    if (!dtstart) return tl::unexpected(dtstart.error());
    const auto where = core::TimeZone::load(dtstart->tzid);
    if (!where) return tl::unexpected(where.error());
    auto slots = core::Recurrence::make(every->rule, dtstart->local, *where);
    if (!slots) return tl::unexpected(slots.error());

    Preview preview{every->rule, *dtstart, {*where, *slots, dtstart->is_date}, {}};
    const auto first = core::first_slot(preview.schedule, context.now());
    if (!first.slot)
        return core::invalid_argument("every", "every slot of this rule is in the past");
    preview.slots = core::upcoming(preview.schedule, *first.slot, count);
    return preview;
}

core::LocalKind kind_of(const Preview& preview, const core::CalendarTime& slot) {
    return slot.is_date ? core::LocalKind::unique : preview.schedule.zone.to_utc(slot.local).kind;
}

std::string offset_of(const Preview& preview, const core::CalendarTime& slot) {
    return offset_words(preview.schedule.zone.utc_offset(slot.at));
}

/// What the clock does to a slot on the day of a change.
std::string mark_of(const Preview& preview, const core::CalendarTime& slot) {
    const std::string clock = core::format_local(slot.local).substr(11, 5);
    switch (kind_of(preview, slot)) {
    case core::LocalKind::skipped:
        return "shifted: " + clock + " does not exist";
    case core::LocalKind::repeated:
        return "the first of two " + clock;
    case core::LocalKind::unique:
        break;
    }
    return {};
}

nlohmann::json json_of(const Preview& preview, const core::CalendarTime& slot) {
    nlohmann::json object = ipc::to_json(slot);
    if (!slot.is_date) object["utc_offset"] = offset_of(preview, slot);
    object["shifted"] = kind_of(preview, slot) == core::LocalKind::skipped;
    return object;
}

void print_json(Screen& screen, const Preview& preview) {
    nlohmann::json slots = nlohmann::json::array();
    for (const auto& slot : preview.slots) slots.push_back(json_of(preview, slot));
    if (screen.one_line_json()) {
        for (const auto& slot : slots) screen.print_json(slot);
        return;
    }
    screen.print_json({{"understood", rule_words(preview.rule, preview.dtstart)},
                       {"rrule", core::format_rrule(preview.rule)},
                       {"dtstart", ipc::to_json(preview.dtstart)},
                       {"tzid", preview.dtstart.tzid},
                       {"slots", slots}});
}

void show(Context& context, const Preview& preview, std::size_t count) {
    Screen& screen = context.screen();
    if (screen.plain()) {
        Table table{{{"SLOT"}, {"WEEKDAY"}, {"DISTANCE"}, {"MARK"}}, {}};
        for (const auto& slot : preview.slots)
            table.rows.push_back({{core::format(slot)},
                                  {core::describe(slot).substr(0, 3)},
                                  {distance(slot, context.now())},
                                  {mark_of(preview, slot)}});
        screen.print_list(table);
        return;
    }
    std::string text =
        painted(visible(rule_words(preview.rule, preview.dtstart)), Paint::bold, screen.style()) +
        "\n  " + painted(core::format_rrule(preview.rule), Paint::dim, screen.style()) + "\n";
    std::size_t width = 0;  // of the distances, so that marks stand below each other
    for (const auto& slot : preview.slots)
        width = std::max(width, display_width(distance(slot, context.now())));
    for (const auto& slot : preview.slots) {
        std::string away = distance(slot, context.now());
        const std::string mark = mark_of(preview, slot);
        if (!mark.empty()) away.resize(width, ' ');
        text += "  " + core::describe(slot);
        if (!slot.is_date) text += " " + offset_of(preview, slot);
        text += "  " + painted(away, Paint::dim, screen.style());
        if (!mark.empty()) text += "  " + painted(mark, Paint::yellow, screen.style());
        text += "\n";
    }
    if (preview.slots.size() < count) text += "  and then it ends\n";
    screen.print(text);
}

int run(Context& context, const Given& given, const Words& words) {
    std::int64_t count = count_standard;
    if (!given.count.empty()) {
        const auto number = number_from("count", given.count, 1, count_max);
        if (!number) return context.fail(number.error());
        count = *number;
    }
    const auto preview = preview_of(context, given, words, static_cast<std::size_t>(count));
    if (!preview) return context.fail(preview.error());
    Screen& screen = context.screen();
    if (context.zone_name().empty() && given.tz.empty() && preview->dtstart.tzid == "UTC")
        screen.warn("no time zone is known, so times are in UTC; --tz names one");
    if (screen.json())
        print_json(screen, *preview);
    else if (screen.quiet())
        for (const auto& slot : preview->slots) screen.print(core::format(slot) + "\n");
    else
        show(context, *preview, static_cast<std::size_t>(count));
    return 0;
}

}  // namespace

void register_preview(CommandLine& line) {
    const auto given = std::make_shared<Given>();
    auto& app = line.add(
        {.name = "preview",
         .section = "Series",
         .summary = "show what a rule means, and its next slots",
         .usage = "RULE...",
         .words_min = 1,
         .words_max = any_number,
         .examples = {"preview every weekday at 9:30", "preview month on the last day --count 12",
                      "preview \"FREQ=WEEKLY;BYDAY=MO,TH\" --at 18:00 --tz Asia/Tokyo"},
         .details = "RULE is what add --every takes: day, weekday, 3 days, 2 weeks on mon,thu, "
                    "month on the 31st, year, or an RRULE (RFC 5545). Needs no daemon and changes "
                    "nothing.",
         .run = [given](Context& context, const Words& words) {
             return run(context, *given, words);
         }});
    add_text(app, "--at", given->at, "WORDS", "the time of the slots");
    add_text(app, "--tz", given->tz, "ZONE", "their IANA zone (default: yours)");
    add_text(app, "--count", given->count, "N", "how many slots, up to 1000 (default 5)");
}

}  // namespace taskd::cli
