// SPDX-License-Identifier: Apache-2.0
#include "core/reminder.h"

#include "core/check.h"
#include "core/reminder_steps.h"
#include "core/rfc3339.h"
#include "core/text.h"

#include <algorithm>

namespace taskd::core {

std::string_view to_string(ReminderAnchor anchor) {
    switch (anchor) {
    case ReminderAnchor::due:
        return "due";
    case ReminderAnchor::start:
        return "start";
    case ReminderAnchor::at:
        return "at";
    case ReminderAnchor::unblocked:
        return "unblocked";
    }
    return "due";
}

Result<ReminderAnchor> reminder_anchor_from(std::string_view word) {
    for (const auto anchor : {ReminderAnchor::due, ReminderAnchor::start, ReminderAnchor::at,
                              ReminderAnchor::unblocked})
        if (to_string(anchor) == word) return anchor;
    return invalid_argument(
        "anchor", "\"" + clipped(word, 32) + "\" is not accepted; use due, start, at or unblocked");
}

std::optional<CalendarTime> base_of(const Reminder& reminder, const TaskContent& content) {
    switch (reminder.anchor) {
    case ReminderAnchor::due:
        return content.due;
    case ReminderAnchor::start:
        return content.start;
    case ReminderAnchor::at:
    case ReminderAnchor::unblocked:
        break;
    }
    return reminder.at;
}

Result<Timestamp> time_of(const Reminder& reminder, const CalendarTime& due) {
    const auto zone = TimeZone::load(due.tzid);
    if (!zone) return tl::unexpected(zone.error());
    return time_in(reminder, due, *zone);
}

Result<Reminder> armed(const Reminder& reminder, const std::optional<CalendarTime>& due) {
    Reminder after = reminder;
    after.next.reset();
    after.snoozed_until.reset();
    end_follow_up(after);
    if (!due || reminder.fired) return after;
    const auto time = time_of(reminder, *due);
    if (!time) return tl::unexpected(time.error());
    after.next = *time;
    return after;
}

Result<Reminder> renewed(const Reminder& reminder, const std::optional<CalendarTime>& due) {
    if (!reminder.next || reminder.snoozed_until || !due || is_follow_up(reminder)) return reminder;
    const auto time = time_of(reminder, *due);
    if (!time) return tl::unexpected(time.error());
    Reminder after = reminder;
    after.next = *time;
    return after;
}

Reminder clock_set_back(const Reminder& reminder, Timestamp now) {
    Reminder after = reminder;
    if (after.nag_at) after.nag_at = std::min(*after.nag_at, now + after.nag);
    if (after.escalate_at) after.escalate_at = std::min(*after.escalate_at, now + after.escalate);
    if (after.nag_at == reminder.nag_at && after.escalate_at == reminder.escalate_at)
        return reminder;
    if (is_follow_up(reminder)) after.next = follow_up_time(after);
    note_follow_up(after);
    return after;
}

Result<Reminder> snoozed(const Reminder& reminder, Timestamp until, Timestamp now) {
    if (until <= now) return invalid_argument("until", format_utc(until) + " is not in the future");
    Reminder after = reminder;
    after.snoozed_until = after.next = until;
    after.acknowledged.reset();
    end_follow_up(after);
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
    end_follow_up(after);
    return after;
}

Result<Firing> fire(const Reminder& reminder, const std::optional<CalendarTime>& due,
                    Timestamp now) {
    check(reminder.next && *reminder.next <= now, "only a reminder that is due goes off");
    if (is_follow_up(reminder)) {
        auto again = fire_follow_up(reminder, due, now);
        note_follow_up(again.after);
        return again;
    }
    Firing firing{reminder, {}, {}};
    firing.after.fired = true;
    firing.after.next.reset();
    firing.after.snoozed_until.reset();
    end_follow_up(firing.after);
    auto fired = firing_of(reminder, due, *reminder.next, now);
    note_firing(firing.after, reminder.firing + 1);
    fired.firing = firing.after.firing;
    if (fired.late > reminder.grace) {
        firing.missed = fired;
        return firing;
    }
    went_off(firing.after, now);
    note_follow_up(firing.after);
    firing.due = fired;
    return firing;
}

}  // namespace taskd::core
