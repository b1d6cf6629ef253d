// SPDX-License-Identifier: Apache-2.0
// The day that words mean; for core/when, which adds the time of day.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace taskd::core {

/// What a day in words depends on.
struct Today {
    std::chrono::local_days date;
    bool time_is_ahead = false;  ///< the time of day that goes with it is still to come today
};

/// "tomorrow", "next fri", "mon in 2 weeks", "first monday of january", "the 15th", "24 december",
/// "dec 24 2027", "24.12.2026", "end of the month": the coming one, where no year is named. None
/// for other words and for days that no calendar has.
[[nodiscard]] std::optional<std::chrono::local_days> day_named(
    const std::vector<std::string>& words, const Today& today);

/// The last day of "june", "june 2027", "2027" or "2027-06", today or later.
[[nodiscard]] std::optional<std::chrono::local_days> end_of_period(
    const std::vector<std::string>& words, const Today& today);

}  // namespace taskd::core
