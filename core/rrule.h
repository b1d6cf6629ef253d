// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "core/ical_time.h"
#include "core/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::core {

enum class Frequency { secondly, minutely, hourly, daily, weekly, monthly, yearly };

/// SKIP (RFC 7529 section 4.1): what becomes of a month's day that does not exist.
enum class Skip { omit, backward, forward };

/// One value of BYDAY. `weekday` counts from 0 = MO to 6 = SU; `ordinal` 2 is "the second", -1 "the
/// last" of the month or year, 0 "every".
struct WeekdayNum {
    int ordinal = 0;
    unsigned weekday = 0;

    auto operator<=>(const WeekdayNum&) const = default;
};

/// UNTIL, the last moment that a slot may have; a bare date means through the end of that day.
using Until = IcalTime;

/// A recurrence rule (RFC 5545 section 3.3.10; SKIP is RFC 7529's). Lists are sorted and free of
/// repeats.
struct Rrule {
    Frequency frequency = Frequency::daily;
    std::uint32_t interval = 1;
    std::optional<std::uint32_t> count;
    std::optional<Until> until;
    std::vector<int> by_second;  ///< 0..59; 60 is read as 59
    std::vector<int> by_minute;
    std::vector<int> by_hour;
    std::vector<WeekdayNum> by_day;
    std::vector<int> by_month_day;  ///< 1..31, -31..-1 from the month's end
    std::vector<int> by_year_day;   ///< 1..366, -366..-1 from the year's end
    std::vector<int> by_week_no;    ///< 1..53, -53..-1
    std::vector<int> by_month;      ///< 1..12
    std::vector<int> by_set_pos;    ///< 1..366, -366..-1
    unsigned week_start = 0;        ///< WKST, 0 = MO
    Skip skip = Skip::omit;

    bool operator==(const Rrule&) const = default;
};

/// Shape:  "FREQ=WEEKLY;BYDAY=MO,TH", with or without "RRULE:", parts in any order and case.
/// Errors: invalid_argument on `rrule` - names the part, the value and what is accepted; at most
///         4096 bytes. Unknown parts and combinations that the RFC forbids are refused, never
///         ignored.
[[nodiscard]] Result<Rrule> parse_rrule(std::string_view text);

/// The rule in one normal form: parse_rrule(format_rrule(r)) == r.
[[nodiscard]] std::string format_rrule(const Rrule& rule);

/// The two-letter name of a weekday (0 = MO).
[[nodiscard]] std::string_view weekday_code(unsigned weekday);

}  // namespace taskd::core
