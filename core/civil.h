// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

namespace taskd::core {

/// Day numbers count from 1970-01-01, seconds of local time from its midnight; what the inner loops
/// of the recurrence engine compute with, where <chrono>'s types would be in the way.

inline constexpr std::int64_t day_seconds = 86'400;

[[nodiscard]] constexpr std::int64_t floor_div(std::int64_t value, std::int64_t by) {
    return value / by - (value % by < 0 ? 1 : 0);
}
[[nodiscard]] constexpr std::int64_t floor_mod(std::int64_t value, std::int64_t by) {
    const std::int64_t rest = value % by;
    return rest < 0 ? rest + by : rest;
}

/// 0 = MO. 1970-01-01 was a Thursday.
[[nodiscard]] constexpr unsigned weekday_of_day(std::int64_t day) {
    return static_cast<unsigned>(floor_mod(day + 3, 7));
}

[[nodiscard]] constexpr std::int64_t day_number(std::int64_t year, unsigned month, unsigned day) {
    return std::chrono::local_days{std::chrono::year{static_cast<int>(year)} /
                                   static_cast<int>(month) / static_cast<int>(day)}
        .time_since_epoch()
        .count();
}

struct CivilDay {
    std::int64_t year;
    unsigned month;  ///< 1..12
    unsigned day;
};
[[nodiscard]] constexpr CivilDay civil_day(std::int64_t day) {
    const std::chrono::year_month_day date{
        std::chrono::local_days{std::chrono::days{static_cast<int>(day)}}};
    return {int{date.year()}, unsigned{date.month()}, unsigned{date.day()}};
}

[[nodiscard]] constexpr bool is_leap(std::int64_t year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}
[[nodiscard]] constexpr unsigned month_length(bool leap, unsigned month) {
    if (month == 2) return leap ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/// 9999-12-31T23:59:59 and 0001-01-01T00:00:00 as seconds: beyond them there are no slots.
inline constexpr std::int64_t local_max = (day_number(9999, 12, 31) + 1) * day_seconds - 1;
inline constexpr std::int64_t local_min = day_number(1, 1, 1) * day_seconds;

}  // namespace taskd::core
