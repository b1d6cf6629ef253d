// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/calendar_time.h"
#include "core/rrule.h"

#include <string>

namespace taskd::core {

/// A rule in words that parse_every reads back as the same rule: "every 2 weeks on Monday and
/// Thursday at 18:00, until 2027-06-30". What the phrases can't say is shown as "by rule FREQ=...".
///
/// Shape:  what the rule takes from DTSTART (weekday, day, time) is said too, without the zone.
[[nodiscard]] std::string describe(const Rrule& rule, const CalendarTime& dtstart);

/// The same with the zone behind it.
[[nodiscard]] std::string describe_zoned(const Rrule& rule, const CalendarTime& dtstart);

/// The rule with the parts that it takes from DTSTART written out: FREQ=MONTHLY from a 24th on is
/// BYMONTHDAY=24. What reading a description gives.
[[nodiscard]] Rrule spelt_out(const Rrule& rule, const CalendarTime& dtstart);

}  // namespace taskd::core
