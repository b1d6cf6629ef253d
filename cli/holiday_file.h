// SPDX-License-Identifier: Apache-2.0
// Days off from a list or an iCalendar file, for config. The one place that knows libical.
#pragma once

#include "core/clock.h"
#include "core/result.h"

#include <cstddef>
#include <string>
#include <vector>

namespace taskd::cli {

using Days = std::vector<std::chrono::local_days>;

inline constexpr std::size_t holiday_file_bytes_max = 1024 * 1024;
inline constexpr int holiday_years = 10;  ///< so far ahead are rules expanded

/// What `config holidays` was given: "2026-12-25,2027-01-01", or "@FILE.ics".
///
/// Errors: invalid_argument on `holidays`.
[[nodiscard]] core::Result<Days> holidays_from(const std::string& words,
                                               std::chrono::local_days today);

/// The days of all-day events, those of events of several days too, and of rules from the first of
/// this year for ten years. Events with a time of day are no days off.
///
/// Shape:  sorted, each once.
/// Errors: invalid_argument on `holidays` - not iCalendar, no all-day event, an event that can't be
///         read, more than 1000 days.
/// Source: RFC 5545 section 3.6.1.
[[nodiscard]] core::Result<Days> holidays_in(const std::string& calendar,
                                             std::chrono::local_days today);

}  // namespace taskd::cli
