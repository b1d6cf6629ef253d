// SPDX-License-Identifier: Apache-2.0
// Several times of a day in one rule: what BYHOUR, BYMINUTE and BYSETPOS can say together.
#pragma once

#include "core/result.h"
#include "core/rrule.h"

#include <chrono>
#include <optional>
#include <vector>

namespace taskd::core {

/// Makes each slot of the rule come at all of `times`.
///
/// Shape:  BYHOUR and BYMINUTE, which combine each hour with each minute; where that gives more
///         than was asked for ("8:00 and 20:30"), BYSETPOS picks the wanted ones of each day.
/// Errors: invalid_argument on `every` - no single rule has these times.
[[nodiscard]] Result<void> set_daily_times(Rrule& rule, std::vector<std::chrono::seconds> times);

/// The times of day that set_daily_times was given; none if the rule's parts mean something else.
[[nodiscard]] std::optional<std::vector<std::chrono::seconds>> daily_times(const Rrule& rule);

/// The distance between all neighbours of `times`, if there are three or more and it is the same.
[[nodiscard]] std::optional<std::chrono::seconds> step_of(
    const std::vector<std::chrono::seconds>& times);

}  // namespace taskd::core
