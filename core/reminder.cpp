// SPDX-License-Identifier: Apache-2.0
#include "core/reminder.h"

#include "core/check.h"
#include "core/rfc3339.h"

#include <algorithm>

namespace taskd::core {
namespace {

using std::chrono::days;
using std::chrono::milliseconds;
using std::chrono::seconds;

ReminderFired firing_of(const Reminder& reminder, const std::optional<CalendarTime>& due,
                        Timestamp planned, Timestamp now) {
    ReminderFired fired;
    fired.reminder = reminder.id;
    fired.task = reminder.task;
    fired.series = reminder.series;
    fired.due = due;
    fired.planned = planned;
    fired.late = now - planned;
    return fired;
}

void went_off(Reminder& reminder, Timestamp now) {
    reminder.fired_at = now;
    reminder.acknowledged.reset();
}

Timestamp time_in(const Reminder& reminder, const CalendarTime& due, const TimeZone& zone) {
    const Timestamp base = due.is_date ? zone.to_utc(due.local + day_start).at : due.at;
    return base - reminder.before;
}

}  // namespace

Result<Timestamp> time_of(const Reminder& reminder, const CalendarTime& due) {
    const auto zone = TimeZone::load(due.tzid);
    if (!zone) return tl::unexpected(zone.error());
    return time_in(reminder, due, *zone);
}

Result<Reminder> armed(const Reminder& reminder, const std::optional<CalendarTime>& due) {
    Reminder after = reminder;
    after.next.reset();
    after.snoozed_until.reset();
    if (!due || reminder.fired) return after;
    const auto time = time_of(reminder, *due);
    if (!time) return tl::unexpected(time.error());
    after.next = *time;
    return after;
}

Result<Reminder> armed(const Reminder& reminder, const Schedule& schedule,
                       const std::optional<Slot>& from) {
    Reminder after = reminder;
    after.next.reset();
    after.next_slot.reset();
    after.snoozed_until.reset();
    if (!from) return after;
    std::optional<Slot> slot = from;
    if (schedule.anchor == Anchor::completion) {
        // What follows is not known before this one is done.
        if (reminder.fired_slot == slot->id) return after;
    } else if (reminder.fired_slot) {
        if (const Slot fired = schedule.slot(*reminder.fired_slot); fired >= *slot)
            slot = schedule.slots.next_after(fired);
    }
    slot = schedule.kept_from(slot);
    if (!slot) return after;
    after.next_slot = slot->id;
    after.next = time_in(reminder, schedule.at(*slot), schedule.zone);
    return after;
}

Result<Reminder> renewed(const Reminder& reminder, const std::optional<CalendarTime>& due) {
    if (!reminder.next || reminder.snoozed_until || !due) return reminder;
    const auto time = time_of(reminder, *due);
    if (!time) return tl::unexpected(time.error());
    Reminder after = reminder;
    after.next = *time;
    return after;
}

Reminder renewed(const Reminder& reminder, const Schedule& schedule) {
    if (!reminder.next || !reminder.next_slot || reminder.snoozed_until) return reminder;
    Reminder after = reminder;
    after.next = time_in(reminder, schedule.at(schedule.slot(*reminder.next_slot)), schedule.zone);
    return after;
}

Result<Reminder> snoozed(const Reminder& reminder, Timestamp until, Timestamp now) {
    if (until <= now) return invalid_argument("until", format_utc(until) + " is not in the future");
    Reminder after = reminder;
    after.snoozed_until = after.next = until;
    after.acknowledged.reset();
    // A series' reminder that went off does so again for the same slot, not for the one ahead.
    if (reminder.fired_slot) after.next_slot = reminder.fired_slot;
    return after;
}

Result<Reminder> acknowledged(const Reminder& reminder, Timestamp now) {
    if (!reminder.fired_at)
        return failed_precondition("reminder", "the reminder has not gone off yet");
    if (reminder.acknowledged)
        return failed_precondition("reminder", "the reminder was acknowledged already, at " +
                                                   format_utc(*reminder.acknowledged));
    Reminder after = reminder;
    after.acknowledged = now;
    return after;
}

Result<Firing> fire(const Reminder& reminder, const std::optional<CalendarTime>& due,
                    Timestamp now) {
    check(reminder.next && *reminder.next <= now, "only a reminder that is due goes off");
    Firing firing{reminder, {}, {}};
    firing.after.fired = true;
    firing.after.next.reset();
    firing.after.snoozed_until.reset();
    auto fired = firing_of(reminder, due, *reminder.next, now);
    fired.firing = firing.after.firing = reminder.firing + 1;
    if (fired.late > reminder.grace) {
        firing.missed = fired;
        return firing;
    }
    went_off(firing.after, now);
    firing.due = fired;
    return firing;
}

Result<Firing> fire(const Reminder& reminder, const Schedule& schedule, Timestamp now,
                    bool last_one) {
    check(reminder.next && reminder.next_slot && *reminder.next <= now,
          "only a reminder that is due goes off");
    const auto planned = [&](const Slot& slot) {
        return time_in(reminder, schedule.at(slot), schedule.zone);
    };
    // The last slot whose time has come, found from above: a year of missed slots is not walked.
    const Slot first = schedule.slot(*reminder.next_slot);
    Slot latest = first;
    // A slot of a day off may have been shifted to before its own time.
    const auto ahead = schedule.shift == Shift::previous ? days{32} : days{0};
    auto candidate = schedule.slots.prev_before(now + reminder.before + ahead + milliseconds{1});
    while (candidate && *candidate > latest &&
           (planned(*candidate) > now || schedule.left_out(*candidate)))
        candidate = schedule.slots.prev_before(*candidate);
    // A slot that was moved goes off at its own time, also when others behind it have passed.
    if (!last_one && schedule.override_of(first.id) == nullptr && candidate && *candidate > latest)
        latest = *candidate;

    Firing firing{reminder, {}, {}};
    firing.after.fired_slot = latest.id;
    // A snooze moved the time; what passed meanwhile is not late because of that.
    const Timestamp wanted = reminder.snoozed_until.value_or(planned(latest));
    firing.after.firing = reminder.fired_slot == latest.id ? reminder.firing + 1 : 1;
    const bool in_grace = now - wanted <= reminder.grace;
    std::optional<Slot> last_missed = latest;
    if (in_grace) {
        firing.due = firing_of(reminder, schedule.at(latest), wanted, now);
        firing.due->recurrence_id = latest.id;
        firing.due->firing = firing.after.firing;
        went_off(firing.after, now);
        last_missed = schedule.slots.prev_before(latest);
    }
    // A snoozed slot has gone off before: it is not among those that a newer one stands for.
    const auto first_missed = reminder.fired_slot == first.id && latest != first
                                  ? schedule.slots.next_after(first)
                                  : std::optional(first);
    if (last_missed && first_missed && *last_missed >= *first_missed) {
        firing.missed = firing_of(reminder, schedule.at(*first_missed),
                                  std::min(wanted, planned(*first_missed)), now);
        firing.missed->recurrence_id = first_missed->id;
        if (reminder.fired_slot == first_missed->id) firing.missed->firing = reminder.firing + 1;
        firing.missed->missed = SkippedSlots{
            first_missed->id, last_missed->id, schedule.slots.count_in(*first_missed, *last_missed),
            in_grace ? SkipReason::superseded : SkipReason::window};
    }
    auto rearmed = armed(firing.after, schedule, last_one ? std::nullopt : std::optional(latest));
    if (!rearmed) return tl::unexpected(rearmed.error());
    firing.after = *rearmed;
    return firing;
}

}  // namespace taskd::core
