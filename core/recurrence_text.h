// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/recurrence.h"
#include "core/result.h"

#include <optional>
#include <string>
#include <vector>

namespace taskd::core {

/// Reads a recurrence as an iCalendar component has it.
///
/// Shape:  `dtstart` is "19970902T090000", with 'Z' for UTC, or "19970902" for a DATE; `tzid` an
/// IANA
///         zone or "" for floating times; `lines` are RRULE, EXRULE, RDATE and EXDATE properties
///         with TZID and VALUE=DATE|DATE-TIME where they have them. Dates in UTC or another zone
///         are brought into DTSTART's. An RDATE that is a bare date has DTSTART's time of day; an
///         EXDATE that is one takes out the whole day.
/// Errors: invalid_argument on `dtstart`, `tz`, `rrule`, `rdate`, `exdate` or `lines`; at most 16
///         rules, and 1000 dates each.
/// Source: RFC 5545 section 3.8.5; EXRULE: RFC 2445 section 4.8.5.2.
[[nodiscard]] Result<RecurrenceSpec> parse_recurrence(const std::string& dtstart,
                                                      const std::string& tzid,
                                                      const std::vector<std::string>& lines);

}  // namespace taskd::core
