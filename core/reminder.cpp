// SPDX-License-Identifier: Apache-2.0
#include "core/reminder.h"

#include "core/check.h"

namespace taskd::core {
namespace {

using std::chrono::days;
using std::chrono::milliseconds;
using std::chrono::seconds;

ReminderFired firing_of(const Reminder& reminder, const CalendarTime& due, Timestamp planned,
                        Timestamp now) {
    ReminderFired fired;
    fired.reminder = reminder.id;
    fired.task = reminder.task;
    fired.series = reminder.series;
    fired.due = due;
    fired.planned = planned;
    fired.late = now - planned;
    return fired;
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
    if (!due || reminder.fired) return after;
    const auto time = time_of(reminder, *due);
    if (!time) return tl::unexpected(time.error());
    after.next = *time;
    return after;
}

Result<Reminder> armed(const Reminder& reminder, const Schedule& schedule,
                       const std::optional<LocalTime>& from) {
    Reminder after = reminder;
    after.next.reset();
    after.next_slot.reset();
    if (!from) return after;
    LocalTime last = *from - seconds{1};
    if (reminder.fired_slot && *reminder.fired_slot > last) last = *reminder.fired_slot;
    after.next_slot = schedule.slots.next_after(last);
    if (after.next_slot)
        after.next = time_in(reminder, schedule.at(*after.next_slot), schedule.zone);
    return after;
}

Result<Firing> fire(const Reminder& reminder, const CalendarTime& due, Timestamp now) {
    check(reminder.next && *reminder.next <= now, "only a reminder that is due goes off");
    Firing firing{reminder, {}, {}};
    firing.after.fired = true;
    firing.after.next.reset();
    const auto fired = firing_of(reminder, due, *reminder.next, now);
    (fired.late <= reminder.grace ? firing.due : firing.missed) = fired;
    return firing;
}

Result<Firing> fire(const Reminder& reminder, const Schedule& schedule, Timestamp now) {
    check(reminder.next && reminder.next_slot && *reminder.next <= now,
          "only a reminder that is due goes off");
    const auto planned = [&](LocalTime slot) {
        return time_in(reminder, schedule.at(slot), schedule.zone);
    };
    // The last slot whose time has come, found from above: a year of missed slots is not walked.
    LocalTime latest = *reminder.next_slot;
    auto candidate = schedule.slots.prev_before(schedule.zone.to_local(now + reminder.before) +
                                                days{1} + seconds{1});
    while (candidate && *candidate > latest && planned(*candidate) > now)
        candidate = schedule.slots.prev_before(*candidate);
    if (candidate && *candidate > latest) latest = *candidate;

    Firing firing{reminder, {}, {}};
    firing.after.fired_slot = latest;
    const bool in_grace = now - planned(latest) <= reminder.grace;
    std::optional<LocalTime> last_missed = latest;
    if (in_grace) {
        firing.due = firing_of(reminder, schedule.at(latest), planned(latest), now);
        firing.due->recurrence_id = latest;
        last_missed = schedule.slots.prev_before(latest);
    }
    if (last_missed && *last_missed >= *reminder.next_slot) {
        const LocalTime first = *reminder.next_slot;
        firing.missed = firing_of(reminder, schedule.at(first), planned(first), now);
        firing.missed->recurrence_id = first;
        firing.missed->missed =
            SkippedSlots{first, *last_missed, schedule.slots.count_in(first, *last_missed),
                         in_grace ? SkipReason::superseded : SkipReason::window};
    }
    auto rearmed = armed(firing.after, schedule, latest);
    if (!rearmed) return tl::unexpected(rearmed.error());
    firing.after = *rearmed;
    return firing;
}

}  // namespace taskd::core
