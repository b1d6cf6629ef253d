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

/// A slot of a series that was moved to a time of its own, as one reminder sees it.
struct MovedSlot {
    RecurrenceId id;
    std::int64_t firings = 0;  ///< how often it went off for this slot
    bool pending = true;       ///< not yet at the time that the slot has now

    bool operator==(const MovedSlot&) const = default;
};

/// What a task's reminder counts from. A series' is always `due`: the time of its slots.
enum class ReminderAnchor {
    due,
    start,
    at,         ///< a time of its own
    unblocked,  ///< the completion of the last task that its task depends on
};
[[nodiscard]] std::string_view to_string(ReminderAnchor anchor);
[[nodiscard]] Result<ReminderAnchor> reminder_anchor_from(std::string_view word);

/// When to tell someone: so long before a task is due, or before each slot of a series. A series'
/// reminder goes by slots, not by tasks: a stand-up that nobody ticked off reminds again tomorrow.
struct Reminder {
    ReminderId id;
    UserId user;
    TaskId task;  ///< of a task without series; else empty
    SeriesId series;
    ReminderAnchor anchor = ReminderAnchor::due;
    std::chrono::seconds before{0};     ///< TRIGGER (RFC 5545 section 3.8.6.3); below 0 for after
    std::optional<CalendarTime> at{};   ///< of `at`, and of `unblocked` once that is known
    std::vector<std::string> channels;  ///< none: the user's default channel at the time
    std::chrono::seconds grace{std::chrono::hours{24}};  ///< late by more is missed, not fired

    std::chrono::seconds nag{0};  ///< goes off again so often until acknowledged; 0: it does not
    int nag_max = 0;              ///< .. and so many times at most
    std::chrono::seconds escalate{0};        ///< not acknowledged after so long it goes ..
    std::vector<std::string> escalate_to{};  ///< .. to these channels, once

    bool fired = false;                      ///< a task's: it went off, or was missed
    std::int64_t firing = 0;                 ///< the number of its last firing for its last slot
    std::int64_t firing_high = 0;            ///< the highest that it gave to any slot
    std::optional<Timestamp> fired_at;       ///< when it went off last
    std::optional<Timestamp> snoozed_until;  ///< when it goes off (again) at the user's wish
    std::optional<Timestamp> acknowledged;   ///< the user has seen its last firing
    int nags = 0;                            ///< since it went off by itself
    std::optional<Timestamp> nag_at{};       ///< when it goes off again by `nag`
    std::optional<Timestamp> escalate_at{};  ///< when it goes to `escalate_to`
    std::optional<RecurrenceId> fired_slot;  ///< a series': the last slot it went off for
    std::optional<RecurrenceId> next_slot;
    // A series' slots go off in their order, but for those that were moved: each at its own time.
    std::optional<RecurrenceId> from;     ///< slots before this one are over; none: it is silent
    std::optional<RecurrenceId> passed;   ///< it went off, or was missed, up to this slot
    std::vector<MovedSlot> moved;         ///< sorted by id
    std::optional<Timestamp> next;        ///< when it goes off next; the row in `timer`
    std::optional<Timestamp> armed_at{};  ///< when `next` was computed; the store notes it
    std::string rule_chain{};  ///< the rules that made it, see core/event_rule.h; the store's too

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
    int nag = 0;                         ///< the how manieth repeat, since nobody acknowledged it
    bool escalated = false;              ///< it goes to the channels of the escalation
    std::optional<SkippedSlots> missed;  ///< reminder.missed of a series: which slots
};

/// The time of day from which reminders of a DATE count.
inline constexpr std::chrono::hours day_start{9};

inline constexpr std::chrono::seconds nag_min{std::chrono::minutes{1}};
inline constexpr int nags_default = 100;
inline constexpr int nags_max = 1000;

/// What a task's reminder counts from; none while that is not known.
[[nodiscard]] std::optional<CalendarTime> base_of(const Reminder& reminder,
                                                  const TaskContent& content);

/// When a reminder for `due` goes off: `before` ahead of it, counted from day_start for a DATE.
[[nodiscard]] Result<Timestamp> time_of(const Reminder& reminder, const CalendarTime& due);

/// Sets a task's reminder by its base, which ends a snooze and what would follow; it stays silent
/// if it went off already. A task that is closed has nothing pending: `due` is none then.
[[nodiscard]] Result<Reminder> armed(const Reminder& reminder,
                                     const std::optional<CalendarTime>& due);

/// The reminder with the nag and the escalation that were pending before it was armed anew for the
/// sake of another slot.
[[nodiscard]] Reminder keep_follow_up(const Reminder& after, const Reminder& before);

/// Sets a series' reminder to what comes first of the slots from `from` on for which it has not
/// gone off, which ends a snooze. A series that makes no more tasks has its `last` slot: `from` is
/// the only one then, but in a stack.
[[nodiscard]] Result<Reminder> armed(const Reminder& reminder, const Schedule& schedule,
                                     const std::optional<Slot>& from,
                                     const std::optional<Slot>& last = {});

/// Sets a series' reminder after the time of `slot` was changed to one of its own: it goes off
/// (again) if that is still to come, or if it had not gone off for the slot before. A snooze for
/// another slot stays.
[[nodiscard]] Result<Reminder> rescheduled(const Reminder& reminder, const Schedule& schedule,
                                           const Slot& slot, Timestamp now,
                                           const std::optional<Slot>& last = {});

/// A series' reminder that leaves out what is past: after a pause, or by another rule.
[[nodiscard]] Reminder without_past(const Reminder& reminder, const Schedule& schedule,
                                    Timestamp now);

/// The reminder with its next time by what the rules of its zone are now. A snooze is an instant
/// and stays, and so does what went off.
[[nodiscard]] Result<Reminder> renewed(const Reminder& reminder,
                                       const std::optional<CalendarTime>& due);
[[nodiscard]] Reminder renewed(const Reminder& reminder, const Schedule& schedule);

/// The reminder after the clock was set back to `now`: a nag and an escalation wait no longer than
/// they were told to.
[[nodiscard]] Reminder clock_set_back(const Reminder& reminder, Timestamp now);

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
///         ones before it are one range of missed slots; a slot that was moved goes off alone.
///         With `last` the series makes no more tasks, or counts from completion: only the slot
///         that it was set to counts, and nothing follows, but up to `last` in a stack. A nag and
///         an escalation go off however late they are, but for a slot that has come since then.
struct Firing {
    Reminder after;
    std::optional<ReminderFired> due;
    std::optional<ReminderFired> missed;
    bool to_usual = true;  ///< also to its own channels, not to those of its escalation only
};
/// `due` is none where it was edited away after a snooze.
[[nodiscard]] Result<Firing> fire(const Reminder& reminder, const std::optional<CalendarTime>& due,
                                  Timestamp now);
[[nodiscard]] Result<Firing> fire(const Reminder& reminder, const Schedule& schedule, Timestamp now,
                                  const std::optional<Slot>& last = {});

}  // namespace taskd::core
