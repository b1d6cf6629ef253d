// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/calendar_time.h"
#include "core/clock.h"
#include "core/result.h"
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
/// "first monday of january", "24 december", "24.12.2026", "2026-12-01", "2026-12-01T09:00", each
/// optionally with an IANA zone at its end. taskd-recurrence(7) has the whole list.
///
/// Units:  relative to `now`, on the wall clock of `zone` unless the words name another.
/// Errors: invalid_argument on `field` - with the part that was not understood. What can be read in
///         two ways ("12/24/2026", "next week") is refused too.
[[nodiscard]] Result<When> parse_when(std::string_view field, std::string_view words, Timestamp now,
                                      const TimeZone& zone);

/// The same for who looks back: a time of day alone is the last such, not the next.
[[nodiscard]] Result<When> parse_past(std::string_view field, std::string_view words, Timestamp now,
                                      const TimeZone& zone);

/// Reads the last day of a period: "june" (its 30th), "june 2027", "2027", or a time as above.
[[nodiscard]] Result<When> parse_until(std::string_view field, std::string_view words,
                                       Timestamp now, const TimeZone& zone);

/// "Wed 2026-11-25 09:30", or "Wed 2026-11-25" for a DATE: on the clock of the time's own zone.
[[nodiscard]] std::string describe(const CalendarTime& time);

}  // namespace taskd::core
