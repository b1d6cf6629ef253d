// SPDX-License-Identifier: Apache-2.0
// Which slot comes after another, and what becomes of those between: the policies of a series.
#include "core/check.h"
#include "core/series.h"

#include <algorithm>

namespace taskd::core {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::local_days;
using std::chrono::milliseconds;
using std::chrono::months;
using std::chrono::seconds;
using std::chrono::year_month_day;

constexpr int steps_max = 10'000;  // slots that are left out one after the other

/// The last slot before `to`, or of all that have happened at `time` when none is to come: a shift
/// may have let the last ones happen before their own time.
std::optional<Slot> last_before(const Schedule& schedule, const std::optional<Slot>& to,
                                Timestamp time) {
    return to ? schedule.slots.prev_before(*to) : schedule.slots.prev_before(time + days{40});
}

/// The slots from `from` up to before `to` (none: all up to `time`) as one run, if there are any.
void pass_over(const Schedule& schedule, const Slot& from, const std::optional<Slot>& to,
               Timestamp time, SkipReason reason, std::vector<SkippedSlots>& runs) {
    if (to && *to <= from) return;
    const auto last = last_before(schedule, to, time);
    if (!last || *last < from) return;
    runs.push_back({from.id, last->id, schedule.slots.count_in(from, *last), reason});
}

/// From `slot` on the first that is kept and not before `earliest`; those left out go to `runs`.
std::optional<Slot> settle(const Schedule& schedule, std::optional<Slot> slot,
                           const std::optional<Timestamp>& earliest,
                           std::vector<SkippedSlots>& runs) {
    for (int step = 0; slot; ++step) {
        auto reason = schedule.left_out(*slot);
        if (!reason && earliest && schedule.at(*slot).at < *earliest) reason = SkipReason::min_gap;
        if (!reason) return slot;
        // A run of one reason is one row, and a long one before `earliest` is a jump.
        std::optional<Slot> next = slot;
        Slot last = *slot;
        if (*reason == SkipReason::min_gap) {
            next = schedule.first_at(*slot, *earliest);
            last = last_before(schedule, next, *earliest).value_or(last);
        } else {
            for (; next && schedule.left_out(*next) == reason && step < steps_max; ++step) {
                last = *next;
                next = schedule.slots.next_after(*next);
            }
        }
        runs.push_back({slot->id, last.id, schedule.slots.count_in(*slot, last), *reason});
        if (step >= steps_max) return {};
        slot = next;
    }
    return slot;
}

/// The last slot from `from` on and before `to` that is kept.
std::optional<Slot> last_kept(const Schedule& schedule, const Slot& from,
                              const std::optional<Slot>& to, Timestamp not_past) {
    auto slot = last_before(schedule, to, not_past);
    for (int step = 0; slot && *slot >= from && step < steps_max; ++step) {
        if (!schedule.left_out(*slot) && schedule.at(*slot).at < not_past) return slot;
        slot = schedule.slots.prev_before(*slot);
    }
    return {};
}

/// Which of the missed slots, those from `from` to before `ahead`, comes first by catch_up; `ahead`
/// if none does.
std::optional<Slot> caught_up(const Schedule& schedule, const Policies& policies, const Slot& from,
                              const std::optional<Slot>& ahead, Timestamp now) {
    const Timestamp not_past = schedule.not_past(now);
    const auto too_old = [&](const Slot& slot) {
        return policies.window.count() != 0 && schedule.at(slot).at < now - policies.window;
    };
    switch (policies.catch_up) {
    case CatchUp::skip:
        break;
    case CatchUp::latest: {
        const auto last = last_kept(schedule, from, ahead, not_past);
        return last && !too_old(*last) ? last : ahead;
    }
    case CatchUp::all: {
        std::optional<Slot> first = from;
        if (too_old(*first)) first = schedule.first_at(from, now - policies.window);
        auto newest = last_before(schedule, ahead, not_past);
        for (auto left = effective_max(policies); left > 1 && newest && *newest > from; --left)
            newest = schedule.slots.prev_before(*newest);
        if (effective_max(policies) != 0 && first && newest && *newest > *first) first = newest;
        return first && (!ahead || *first < *ahead) ? first : ahead;
    }
    }
    return ahead;
}

bool names_days(const Rrule& rule) {
    return !rule.by_day.empty() || !rule.by_month_day.empty() || !rule.by_year_day.empty() ||
           !rule.by_week_no.empty() || !rule.by_month.empty() || !rule.by_set_pos.empty();
}

bool is_over(const Rrule& rule, const Slot& slot) {
    if (!rule.until) return false;
    if (rule.until->is_date) return floor<days>(slot.id.local) > floor<days>(rule.until->local);
    if (rule.until->is_utc) return slot.at > Timestamp{rule.until->local.time_since_epoch()};
    return slot.id.local > rule.until->local;
}

/// `day` so many months later; a day that this month does not have is its last.
local_days plus_months(local_days day, std::int64_t count) {
    const year_month_day date{day};
    const auto month = date.year() / date.month() + months{count};
    const auto last = year_month_day{month / std::chrono::last}.day();
    return local_days{month / std::min(date.day(), last)};
}

/// INTERVAL after the local time of completion, at DTSTART's time of day.
LocalTime interval_after(const Series& series, LocalTime closed) {
    const auto count = static_cast<std::int64_t>(series.rule.interval);
    const auto day = floor<days>(closed);
    const auto time_of_day = series.dtstart - floor<days>(series.dtstart);
    switch (series.rule.frequency) {
    case Frequency::secondly:
        return closed + seconds{count};
    case Frequency::minutely:
        return closed + std::chrono::minutes{count};
    case Frequency::hourly:
        return closed + std::chrono::hours{count};
    case Frequency::daily:
        return day + days{count} + time_of_day;
    case Frequency::weekly:
        return day + days{7 * count} + time_of_day;
    case Frequency::monthly:
        return plus_months(day, count) + time_of_day;
    case Frequency::yearly:
        return plus_months(day, 12 * count) + time_of_day;
    }
    check(false, "a frequency has an interval");
    return closed;
}

}  // namespace

NextSlot slot_after(const Schedule& schedule, const Policies& policies,
                    const std::optional<Slot>& after, Timestamp now,
                    const std::optional<Timestamp>& done) {
    const auto from = after ? schedule.slots.next_after(*after) : schedule.slots.first_slot();
    if (!from) return {};
    const Timestamp not_past = schedule.not_past(now);
    const auto ahead = schedule.first_at(*from, not_past);
    const auto wanted = caught_up(schedule, policies, *from, ahead, now);

    NextSlot next;
    const bool is_ahead = wanted == ahead;
    auto first_covered = from;
    if (policies.window.count() != 0) {
        // Of what is passed over, the older part is told apart: the window left it out.
        auto young = schedule.first_at(*from, now - policies.window);
        if (wanted && (!young || *young > *wanted)) young = wanted;
        pass_over(schedule, *from, young, not_past, SkipReason::window, next.skipped);
        first_covered = young;
    }
    if (first_covered && !(is_ahead && first_covered == ahead))
        pass_over(schedule, *first_covered, wanted, not_past, SkipReason::catch_up, next.skipped);
    std::optional<Timestamp> earliest;
    if (done && policies.min_gap.count() != 0) earliest = *done + policies.min_gap;
    next.slot = settle(schedule, wanted, earliest, next.skipped);
    return next;
}

NextSlot slot_after_pause(const Schedule& schedule, const Slot& last, Timestamp now) {
    const auto from = schedule.slots.next_after(last);
    if (!from) return {};
    const Timestamp not_past = schedule.not_past(now);
    const auto ahead = schedule.first_at(*from, not_past);
    NextSlot next;
    pass_over(schedule, *from, ahead, not_past, SkipReason::paused, next.skipped);
    next.slot = settle(schedule, ahead, {}, next.skipped);
    return next;
}

std::optional<Slot> slot_from(const Schedule& schedule, const Series& series, Timestamp closed) {
    const auto next = [&](Timestamp from) -> std::optional<Slot> {
        const LocalTime local = schedule.zone.to_local(from);
        const auto day_end = schedule.zone.to_utc(floor<days>(local) + days{1}).at;
        auto slot = names_days(series.rule)
                        ? schedule.slots.next_after(day_end - milliseconds{1})
                        : std::optional(schedule.slot({interval_after(series, local)}));
        if (slot && is_over(series.rule, *slot)) slot.reset();
        return slot;
    };
    const Timestamp earliest = closed + series.policies.min_gap;
    auto slot = next(closed);
    for (int step = 0; slot && step < steps_max; ++step) {
        if (!schedule.left_out(*slot) && schedule.at(*slot).at >= earliest) return slot;
        slot = next(slot->at);
    }
    return {};
}

StackStep stack_after(const Schedule& schedule, const Policies& policies, const Slot& last,
                      Timestamp now) {
    StackStep step{slot_after(schedule, policies, last, now - on_time), {}};
    if (!step.next.slot) return step;
    const Timestamp at = schedule.at(*step.next.slot).at;
    const bool was_missed = at <= now - on_time;
    step.again = was_missed && policies.spread.count() != 0 ? now + policies.spread : at;
    return step;
}

}  // namespace taskd::core
