// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/phrase.h"
#include "core/result.h"

#include <string_view>

namespace taskd::core {

/// Whether the text is meant as a cron line: it begins with "@", or its first two words have
/// digits and the signs of cron only.
[[nodiscard]] bool looks_like_cron(std::string_view text);

/// Reads five fields of cron ("0 9 * * 1-5") or "@daily" and its like as one rule.
///
/// Shape:  a single time of day becomes `at`, several become BYHOUR and BYMINUTE. Names of months
///         and weekdays, ranges, steps, lists, 7 for Sunday, L and L-3 as day of the month, 5L (the
///         last Friday), 5#2 (the second). A zone may stand behind the fields.
/// Errors: invalid_argument on `every` - names the field; or what the line means is no single
///         RRULE: day of month OR day of week, W, @reboot, seconds, years.
[[nodiscard]] Result<Every> parse_cron(std::string_view text);

}  // namespace taskd::core
