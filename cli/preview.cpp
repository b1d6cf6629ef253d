// SPDX-License-Identifier: Apache-2.0
#include "cli/preview.h"

#include "cli/times.h"
#include "core/phrase.h"
#include "core/recurrence.h"
#include "core/rfc3339.h"
#include "core/series.h"
#include "core/vocabulary.h"
#include "core/when.h"

#include <algorithm>

namespace taskd::cli {
namespace {

using core::CalendarTime;
using core::Result;
using core::Timestamp;
using core::TimeZone;
using std::chrono::days;
using std::chrono::floor;
using std::chrono::milliseconds;

/// The slots that are asked for: both ends included.
struct Window {
    std::optional<CalendarTime> from;
    std::optional<Timestamp> to;
};

Result<std::optional<CalendarTime>> read_time(const char* field, const std::string& words,
                                              Timestamp now, const TimeZone& zone) {
    if (words.empty()) return std::nullopt;
    const auto when = core::parse_when(field, words, now, zone);
    if (!when) return tl::unexpected(when.error());
    return when->time;
}

/// A day ends with its last moment.
Timestamp end_of(const CalendarTime& time, const TimeZone& zone) {
    return time.is_date ? zone.to_utc(time.local + days{1}).at - milliseconds{1} : time.at;
}

Result<Window> window_of(const PreviewRequest& request, Timestamp now, const TimeZone& zone) {
    if (request.between.empty()) {
        const auto from = read_time("from", request.from, now, zone);
        if (!from) return tl::unexpected(from.error());
        return Window{*from, {}};
    }
    if (!request.from.empty())
        return core::invalid_argument("between", "says where to begin, as --from does; keep one");
    const auto dots = request.between.find("..");
    if (dots == std::string::npos)
        return core::invalid_argument("between", "\"" + request.between +
                                                     "\" is no A..B; use for example "
                                                     "2027-01-01..2027-01-31 or today..next fri");
    const auto from = read_time("between", request.between.substr(0, dots), now, zone);
    if (!from) return tl::unexpected(from.error());
    const auto to = read_time("between", request.between.substr(dots + 2), now, zone);
    if (!to) return tl::unexpected(to.error());
    if (!*from || !*to) return core::invalid_argument("between", "needs both ends, as A..B");
    Window window{*from, end_of(**to, zone)};
    if (*window.to < (*from)->at) return core::invalid_argument("between", "ends before it begins");
    return window;
}

/// The series begins where the window does, unless the words say when it begins.
void begin_at(core::Every& every, const std::string& at, const std::optional<CalendarTime>& from,
              Timestamp now, const TimeZone& zone) {
    if (!from || every.starting) return;
    const auto time = every.at.value_or(at);
    if (!time.empty()) {
        const auto when = core::parse_when("at", time, now, zone);
        if (!when || !when->bare_time) return;
    }
    every.starting = core::format_date(from->local);
    if (!from->is_date && time.empty() && core::has_times(every.rule))
        every.starting = core::format_local(from->local);
}

PreviewSlot slot_of(const core::Plan& plan, const core::Slot& slot, const TimeZone& zone) {
    const CalendarTime time{slot.id.local, plan.dtstart.is_date, plan.dtstart.tzid, slot.at};
    PreviewSlot shown{slot, time, {}, false};
    if (time.is_date) return shown;
    shown.shifted = zone.to_utc(slot.id.local).kind == core::LocalKind::skipped;
    shown.mark = clock_mark(slot.id, zone);
    return shown;
}

/// Slots from the window's begin (or now; a day is not over before its end) to its end.
Result<void> fill(Preview& preview, const Window& window, std::size_t count, Timestamp now,
                  const TimeZone& zone) {
    const auto& plan = preview.plan;
    const auto slots = core::Recurrence::make(core::spec_of(plan.rule, plan.dtstart));
    if (!slots) return tl::unexpected(slots.error());
    const Timestamp today = zone.to_utc(floor<days>(zone.to_local(now))).at;
    const Timestamp begin = window.from ? window.from->at : plan.dtstart.is_date ? today : now;
    auto slot =
        plan.dtstart.at >= begin ? slots->first_slot() : slots->next_after(begin - milliseconds{1});
    for (; slot && preview.slots.size() < count; slot = slots->next_after(*slot)) {
        if (window.to && slot->at > *window.to) break;
        preview.slots.push_back(slot_of(plan, *slot, zone));
    }
    preview.ends = !slot;
    if (preview.slots.empty() && !window.from)
        return core::invalid_argument("every", "every slot of this rule is in the past");
    return {};
}

/// What follows if it is done now, and then each on its own day.
Result<void> fill_after_completion(Preview& preview, std::size_t count, Timestamp now,
                                   const TimeZone& zone) {
    // Asked of what the daemon asks, so that the two can't differ.
    core::Series series;
    series.dtstart = preview.plan.dtstart.local;
    series.is_date = preview.plan.dtstart.is_date;
    series.tzid = preview.plan.dtstart.tzid;
    series.rule = preview.plan.rule;
    series.policies.anchor = core::Anchor::completion;
    const auto schedule = core::schedule_of(series);
    if (!schedule) return tl::unexpected(schedule.error());
    for (Timestamp done = now; preview.slots.size() < count;) {
        const auto slot = core::slot_from(*schedule, series, done);
        if (!slot) {
            preview.ends = true;
            return {};
        }
        preview.slots.push_back(slot_of(preview.plan, *slot, zone));
        done = slot->at;
    }
    return {};
}

/// The day that the words name is not one of the rule's.
void warn_of_start(Preview& preview, const core::Every& every, const std::string& at, Timestamp now,
                   const TimeZone& zone) {
    const auto given = every.starting ? every.starting : every.at;
    const auto when = core::parse_when("at", given.value_or(at), now, zone);
    if (!when || when->bare_time) return;
    if (floor<days>(when->time.local) == floor<days>(preview.plan.dtstart.local)) return;
    preview.warnings.push_back(core::describe(when->time) +
                               " is not a slot of the rule; it starts on " +
                               core::describe(preview.plan.dtstart));
}

/// Days that some months don't have.
void warn_of_short_months(Preview& preview) {
    const auto& rule = preview.plan.rule;
    const bool skips = rule.skip == core::Skip::omit && rule.by_day.empty() &&
                       rule.frequency == core::Frequency::monthly && !rule.by_month_day.empty();
    const int last = skips ? rule.by_month_day.back() : 0;
    if (last > 28)
        preview.warnings.push_back("months without the " + core::ordinal(last) +
                                   " are left out; add \"or the last day\" to take theirs");
}

}  // namespace

std::string clock_mark(const core::RecurrenceId& slot, const TimeZone& zone) {
    const std::string clock = core::clock_words(slot.local - floor<days>(slot.local));
    switch (zone.to_utc(slot.local).kind) {
    case core::LocalKind::unique:
        break;
    case core::LocalKind::skipped:
        return "shifted: " + clock + " does not exist";
    case core::LocalKind::repeated:
        return (slot.fold ? "the second of two " : "the first of two ") + clock;
    }
    return "";
}

Result<Preview> preview_of(const PreviewRequest& request, Timestamp now, const TimeZone& zone) {
    auto every = core::parse_every(request.rule);
    if (!every) return tl::unexpected(every.error());
    const auto window = window_of(request, now, zone);
    if (!window) return tl::unexpected(window.error());
    begin_at(*every, request.at, window->from, now, zone);
    const auto plan = core::plan_of(*every, request.at, now, zone);
    if (!plan) return tl::unexpected(plan.error());
    const auto where = TimeZone::load(plan->dtstart.tzid);
    if (!where) return tl::unexpected(where.error());

    Preview preview{*plan, {}, {}, false};
    preview.plan.after_completion = plan->after_completion || request.after_completion;
    const auto count =
        request.count.value_or(window->to ? preview_count_max : preview_count_standard);
    const auto filled = preview.plan.after_completion
                            ? fill_after_completion(preview, count, now, *where)
                            : fill(preview, *window, count, now, *where);
    if (!filled) return tl::unexpected(filled.error());
    if (!window->from) warn_of_start(preview, *every, request.at, now, *where);
    warn_of_short_months(preview);
    return preview;
}

}  // namespace taskd::cli
