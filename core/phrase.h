// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/calendar_time.h"
#include "core/clock.h"
#include "core/result.h"
#include "core/rrule.h"
#include "core/time_zone.h"

#include <optional>
#include <string>
#include <string_view>

namespace taskd::core {

/// A rule in words, read. What depends on today is kept as it was typed; plan_of() reads it.
struct Every {
    Rrule rule;
    std::optional<std::string> at;        ///< what followed "at": a time in words
    std::optional<std::string> starting;  ///< DTSTART's day, or its day and time
    std::optional<std::string> until;     ///< the last day, where it is not a date: "june"
    std::string tzid;                     ///< the zone at the end, or ""
    bool after_completion = false;        ///< slots count from when the last one was done
};

/// Reads a rule: a phrase ("every 2 weeks on mon,thu at 9:30", "the last friday of the month"), a
/// cron line ("0 9 * * 1-5", "@daily"), or an RRULE, as it is or behind "by rule".
///
/// Shape:  a single time of day becomes `at`; several become BYHOUR and BYMINUTE of the rule.
///         taskd-recurrence(7) has the grammar.
/// Errors: invalid_argument on `every` - with the part that was not understood and what is
///         accepted there. What has two meanings is refused, not guessed.
[[nodiscard]] Result<Every> parse_every(std::string_view words);

}  // namespace taskd::core
