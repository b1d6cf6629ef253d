// SPDX-License-Identifier: Apache-2.0
// Times as people read them. `now` is always given: what is printed depends on nothing else.
#pragma once

#include "core/calendar_time.h"
#include "core/clock.h"
#include "core/reminder.h"
#include "core/series.h"
#include "core/time_zone.h"

#include <chrono>
#include <string>

namespace taskd::cli {

/// "45s", "1h 25m", "14h", "2d 14h", "25d", "5mo", "3y": two units at most, rounded to the last.
[[nodiscard]] std::string rough_span(std::chrono::milliseconds span);

/// "in 14h", "2h ago", "now".
[[nodiscard]] std::string distance(core::Timestamp at, core::Timestamp now);

/// The same for a due time; a DATE counts in days: "today", "tomorrow", "in 3d", "yesterday".
[[nodiscard]] std::string distance(const core::CalendarTime& time, core::Timestamp now);

/// distance() with its units written out: "in 3 days", "in 2 days 14 hours", "2 hours ago".
[[nodiscard]] std::string distance_words(const core::CalendarTime& time, core::Timestamp now);

/// A DATE is overdue when its day is over.
[[nodiscard]] bool is_overdue(const core::CalendarTime& due, core::Timestamp now);

/// For a list, without seconds: "today 18:00, in 3h", "Fri 09:30, in 2d 14h", "2027-01-31 09:00, in
/// 9mo"; on the clock of `zone`, the reader's.
[[nodiscard]] std::string due_words(const core::CalendarTime& due, core::Timestamp now,
                                    const core::TimeZone& zone);

/// "Wed 2026-11-25 09:30", with the zone's name where it is not the reader's.
[[nodiscard]] std::string full_words(const core::CalendarTime& time, const core::TimeZone& zone);

/// An instant on the reader's clock: "Wed 2026-11-25 09:30", and with the seconds
/// "2026-11-25 09:30:07".
[[nodiscard]] std::string moment(core::Timestamp at, const core::TimeZone& zone);
[[nodiscard]] std::string stamp(core::Timestamp at, const core::TimeZone& zone);

/// "Wed 2026-11-25 09:30": a slot's nominal time; a midnight as its date.
[[nodiscard]] std::string slot_words(const core::RecurrenceId& slot);

/// "skipped 3 slots (Mon 2026-11-23 09:30 .. Wed 2026-11-25 09:30); done covers them".
[[nodiscard]] std::string skipped_words(const core::SkippedSlots& skipped);

/// "10m before", "at the time".
[[nodiscard]] std::string reminder_words(const core::Reminder& reminder);

/// "every weekday at 09:30, Europe/Berlin": a rule as the daemon echoes it.
[[nodiscard]] std::string rule_words(const core::Rrule& rule, const core::CalendarTime& dtstart);

/// "+01:00".
[[nodiscard]] std::string offset_words(std::chrono::seconds offset);

}  // namespace taskd::cli
