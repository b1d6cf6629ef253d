// SPDX-License-Identifier: Apache-2.0
#include "core/reminder_steps.h"

#include <algorithm>

namespace taskd::core {

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

void end_follow_up(Reminder& reminder) {
    reminder.nag_at.reset();
    reminder.escalate_at.reset();
}

std::optional<Timestamp> follow_up_time(const Reminder& reminder) {
    if (!reminder.nag_at || !reminder.escalate_at)
        return reminder.nag_at ? reminder.nag_at : reminder.escalate_at;
    return std::min(*reminder.nag_at, *reminder.escalate_at);
}

void note_follow_up(Reminder& reminder) {
    const auto time = follow_up_time(reminder);
    if (time && !reminder.snoozed_until && (!reminder.next || *time < *reminder.next))
        reminder.next = time;
}

bool is_follow_up(const Reminder& reminder) {
    const auto time = follow_up_time(reminder);
    return !reminder.snoozed_until && reminder.next && time && *time <= *reminder.next;
}

void note_firing(Reminder& reminder, std::int64_t number) {
    reminder.firing = number;
    reminder.firing_high = std::max(reminder.firing_high, number);
}

void went_off(Reminder& reminder, Timestamp now) {
    reminder.fired_at = now;
    reminder.acknowledged.reset();
    reminder.nags = 0;
    end_follow_up(reminder);
    if (reminder.nag.count() > 0) reminder.nag_at = now + reminder.nag;
    if (!reminder.escalate_to.empty()) reminder.escalate_at = now + reminder.escalate;
}

Firing fire_follow_up(const Reminder& reminder, const std::optional<CalendarTime>& due,
                      Timestamp now) {
    Firing firing{reminder, {}, {}};
    Reminder& after = firing.after;
    after.fired_at = now;
    note_firing(after, after.firing + 1);
    after.next.reset();
    auto fired = firing_of(reminder, due, *reminder.next, now);
    fired.firing = after.firing;
    firing.to_usual = reminder.nag_at && *reminder.nag_at <= now;
    if (firing.to_usual) {
        after.nags += 1;
        after.nag_at.reset();
        if (after.nags < reminder.nag_max) after.nag_at = now + reminder.nag;
    }
    fired.nag = after.nags;
    if (reminder.escalate_at && *reminder.escalate_at <= now) {
        fired.escalated = true;
        after.escalate_at.reset();
    }
    firing.due = fired;
    return firing;
}

Timestamp time_in(const Reminder& reminder, const CalendarTime& due, const TimeZone& zone) {
    const Timestamp base = due.is_date ? zone.to_utc(due.local + day_start).at : due.at;
    return base - reminder.before;
}

}  // namespace taskd::core
