// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "core/result.h"
#include "core/time_zone.h"

#include <string>

namespace taskd::core {

/// A DATE or DATE-TIME with its zone (RFC 5545 sections 3.3.4, 3.3.5): what the user meant
/// (`local`, `tzid`) and the instant that it is (`at`). A DATE begins at its zone's midnight.
struct CalendarTime {
    LocalTime local;
    bool is_date = false;
    std::string tzid;
    Timestamp at;

    bool operator==(const CalendarTime&) const = default;
};

[[nodiscard]] inline CalendarTime calendar_time(LocalTime local, bool is_date,
                                                const TimeZone& zone) {
    return {local, is_date, zone.name(), zone.to_utc(local).at};
}

/// The same time by what its zone's rules are now: the local time is what was meant, so the instant
/// moves when the rules do. One in a repeated hour stays in its pass. Without the zone it stays.
[[nodiscard]] CalendarTime renewed(const CalendarTime& time);

/// "2026-11-24T09:30:00+01:00", or "2026-11-24" for a DATE. A nominal time in a DST gap shows as
/// the wall-clock time at which it happens.
[[nodiscard]] std::string format(const CalendarTime& time);

}  // namespace taskd::core
