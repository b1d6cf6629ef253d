// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"

#include <optional>
#include <string>
#include <string_view>

namespace taskd::core {

/// A DATE or DATE-TIME as iCalendar writes it (RFC 5545 sections 3.3.4 and 3.3.5): "19970902",
/// "19970902T090000", or with a 'Z' behind it for UTC.
struct IcalTime {
    LocalTime local;
    bool is_date = false;
    bool is_utc = false;

    bool operator==(const IcalTime&) const = default;
};

[[nodiscard]] std::optional<IcalTime> parse_ical_time(std::string_view text);
[[nodiscard]] std::string format_ical_time(const IcalTime& time);

}  // namespace taskd::core
