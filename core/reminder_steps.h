// SPDX-License-Identifier: Apache-2.0
// What the reminders of tasks and those of a series' slots have in common.
#pragma once

#include "core/reminder.h"

namespace taskd::core {

/// When a reminder for `due` goes off, by the rules of a zone.
[[nodiscard]] Timestamp time_in(const Reminder& reminder, const CalendarTime& due,
                                const TimeZone& zone);

/// What is told of a firing that was planned for another time than `now`.
[[nodiscard]] ReminderFired firing_of(const Reminder& reminder,
                                      const std::optional<CalendarTime>& due, Timestamp planned,
                                      Timestamp now);

/// Its last firing has this number.
void note_firing(Reminder& reminder, std::int64_t number);

/// Notes that it goes off by itself, which begins its nag and its escalation.
void went_off(Reminder& reminder, Timestamp now);

/// Nobody needs to hear of it again.
void end_follow_up(Reminder& reminder);

/// When it goes off again since nobody acknowledged it.
[[nodiscard]] std::optional<Timestamp> follow_up_time(const Reminder& reminder);

/// Sets `next` to what follows, if that comes first.
void note_follow_up(Reminder& reminder);

/// Whether what comes next is a nag or an escalation.
[[nodiscard]] bool is_follow_up(const Reminder& reminder);

/// It goes off again, for what it went off for last.
[[nodiscard]] Firing fire_follow_up(const Reminder& reminder,
                                    const std::optional<CalendarTime>& due, Timestamp now);

}  // namespace taskd::core
