// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/calendar_time.h"
#include "core/clock.h"
#include "core/phrase.h"
#include "core/recurrence.h"
#include "core/result.h"
#include "core/rrule.h"
#include "core/time_zone.h"

#include <optional>
#include <string>

namespace taskd::core {

/// A rule in words with the days that its words mean today.
struct Plan {
    Rrule rule;
    CalendarTime dtstart;
    bool after_completion = false;
};

/// Shape:  `at` is a time that was given beside the phrase, "" for none.
/// Errors: invalid_argument on `at` - two times were given; on `every` - it ends before it begins;
///         those of parse_when and dtstart_of.
[[nodiscard]] Result<Plan> plan_of(const Every& every, const std::string& at, Timestamp now,
                                   const TimeZone& zone);

/// DTSTART of a rule in words: the first local time after now that has the wanted time of day (or
/// date and time) and that the rule matches; a rule never starts off its own slots.
///
/// Shape:  `at` as typed ("9:30", "2026-12-31 09:00"), none for a DATE series that starts today. A
///         rule with times of its own starts at one of them: "every 4 hours" at the next full hour,
///         "every 20 minutes" at the next full minute, BYHOUR and BYMINUTE at the next one.
[[nodiscard]] Result<CalendarTime> dtstart_of(const Rrule& rule,
                                              const std::optional<std::string>& at, Timestamp now,
                                              const TimeZone& zone);

/// The recurrence set of the one rule.
[[nodiscard]] RecurrenceSpec spec_of(const Rrule& rule, const CalendarTime& dtstart);

/// Whether a rule says itself at what time of day it comes, so that it can't be all-day.
[[nodiscard]] bool has_times(const Rrule& rule);

}  // namespace taskd::core
