// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/calendar_time.h"
#include "core/clock.h"
#include "core/result.h"
#include "core/rrule.h"
#include "core/time_zone.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace taskd::core {

/// A time in words, read.
struct When {
    CalendarTime time;
    bool bare_time = false;     ///< only a time of day was given, the date was chosen
    bool moved_by_gap = false;  ///< the local time does not exist; it happens later by the gap
};

/// Reads a time in words: "today", "tomorrow 9am", "fri 17:30", "9:30", "in 20 minutes",
/// "2026-12-01", "2026-12-01T09:00", each optionally with an IANA zone at its end.
///
/// Units:  relative to `now`, on the wall clock of `zone` unless the words name another.
/// Errors: invalid_argument on `field` - with the part that was not understood.
[[nodiscard]] Result<When> parse_when(std::string_view field, std::string_view words, Timestamp now,
                                      const TimeZone& zone);

/// A span in words: "10m", "1h30m", "2 days", "0"; seconds up to days, at most 366 days.
[[nodiscard]] Result<std::chrono::seconds> parse_span(std::string_view field,
                                                      std::string_view words);

/// The shortest form that parse_span reads back: "1h30m".
[[nodiscard]] std::string format_span(std::chrono::seconds span);

/// A rule in words, read. `at` is what followed "at": a time in words, as typed.
struct Every {
    Rrule rule;
    std::optional<std::string> at;
};

/// Reads "weekday", "every day at 9:30", "3 days", "2 weeks on mon,thu", "mon and fri", "month on
/// the 31st", "month on the last day", or an RRULE as it is.
///
/// Errors: invalid_argument on `every` - with the part that was not understood.
[[nodiscard]] Result<Every> parse_every(std::string_view words);

/// The rule in words: "every 2 weeks on Monday and Thursday", "every month on the 31st".
[[nodiscard]] std::string describe(const Rrule& rule, LocalTime dtstart);

/// "Wed 2026-11-25 09:30", or "Wed 2026-11-25" for a DATE: on the clock of the time's own zone.
[[nodiscard]] std::string describe(const CalendarTime& time);

/// DTSTART of a rule in words: the first local time after now that has the wanted time of day (or
/// date and time) and that the rule matches; a rule never starts off its own slots.
///
/// Shape:  `at` as typed ("9:30", "2026-12-31 09:00"), none for a DATE series that starts today.
[[nodiscard]] Result<CalendarTime> dtstart_of(const Rrule& rule,
                                              const std::optional<std::string>& at, Timestamp now,
                                              const TimeZone& zone);

}  // namespace taskd::core
