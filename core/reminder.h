// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/calendar_time.h"
#include "core/ids.h"
#include "core/series.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace taskd::core {

/// When to tell someone: so long before a task is due, or before each slot of a series. A series'
/// reminder goes by slots, not by tasks: a stand-up that nobody ticked off reminds again tomorrow.
struct Reminder {
    ReminderId id;
    UserId user;
    TaskId task;  ///< of a task without series; else empty
    SeriesId series;
    std::chrono::seconds before{0};     ///< TRIGGER (RFC 5545 section 3.8.6.3): before the due time
    std::vector<std::string> channels;  ///< none: the user's default channel at the time
    std::chrono::seconds grace{std::chrono::hours{24}};  ///< late by more is missed, not fired

    bool fired = false;                      ///< a task's: it went off, or was missed
    std::int64_t firing = 0;                 ///< the number of its last firing for its last slot
    std::optional<Timestamp> fired_at;       ///< when it went off last
    std::optional<Timestamp> snoozed_until;  ///< when it goes off (again) at the user's wish
    std::optional<Timestamp> acknowledged;   ///< the user has seen its last firing
    std::optional<RecurrenceId> fired_slot;  ///< a series': the last slot it went off for
    std::optional<RecurrenceId> next_slot;
    std::optional<Timestamp> next;  ///< when it goes off next; the row in `timer`

    bool operator==(const Reminder&) const = default;
};

/// One time that a reminder went off (reminder.due), or did not (reminder.missed).
struct ReminderFired {
    ReminderId reminder;
    TaskId task;  ///< the open task, if there is one
    SeriesId series;
    std::string summary;
    std::optional<RecurrenceId> recurrence_id;  ///< the slot whose time it is
    std::optional<CalendarTime> due;
    Timestamp planned;
    std::chrono::milliseconds late{0};
    std::int64_t firing = 1;
    std::optional<SkippedSlots> missed;  ///< reminder.missed of a series: which slots
};

/// The time of day from which reminders of a DATE count.
inline constexpr std::chrono::hours day_start{9};

/// When a reminder for `due` goes off: `before` ahead of it, counted from day_start for a DATE.
[[nodiscard]] Result<Timestamp> time_of(const Reminder& reminder, const CalendarTime& due);

/// Sets a task's reminder by its due time, which ends a snooze; it stays silent if it went off
/// already. A task that is closed has nothing pending: `due` is none then.
[[nodiscard]] Result<Reminder> armed(const Reminder& reminder,
                                     const std::optional<CalendarTime>& due);

/// Sets a series' reminder to the first slot from `from` on for which it has not gone off, which
/// ends a snooze.
[[nodiscard]] Result<Reminder> armed(const Reminder& reminder, const Schedule& schedule,
                                     const std::optional<Slot>& from);

/// The reminder with its next time by what the rules of its zone are now. A snooze is an instant
/// and stays, and so does what went off.
[[nodiscard]] Result<Reminder> renewed(const Reminder& reminder,
                                       const std::optional<CalendarTime>& due);
[[nodiscard]] Reminder renewed(const Reminder& reminder, const Schedule& schedule);

/// Moves a reminder: it goes off (again) at `until`, for the slot that it went off for last.
///
/// Errors: invalid_argument on `until` - not in the future.
[[nodiscard]] Result<Reminder> snoozed(const Reminder& reminder, Timestamp until, Timestamp now);

/// Notes that the user has seen the last firing; a snooze is over with that.
///
/// Errors: failed_precondition on `reminder` - it has not gone off, or was acknowledged already.
[[nodiscard]] Result<Reminder> acknowledged(const Reminder& reminder, Timestamp now);

/// What a reminder that is due does at `now`.
///
/// Shape:  the reminder as it is afterwards, at most one firing, and what was missed. Of several
///         slots that passed at once, the latest goes off if it is late by at most `grace`; the
///         ones before it are one range of missed slots. With `last_one` the series has ended or
///         is paused: only the slot that it was set to counts, and nothing follows.
struct Firing {
    Reminder after;
    std::optional<ReminderFired> due;
    std::optional<ReminderFired> missed;
};
/// `due` is none where it was edited away after a snooze.
[[nodiscard]] Result<Firing> fire(const Reminder& reminder, const std::optional<CalendarTime>& due,
                                  Timestamp now);
[[nodiscard]] Result<Firing> fire(const Reminder& reminder, const Schedule& schedule, Timestamp now,
                                  bool last_one = false);

}  // namespace taskd::core
