// SPDX-License-Identifier: Apache-2.0
// systemd's calendar events: what stands behind OnCalendar=, see systemd.time(7).
#pragma once

#include "cli/our_rule.h"
#include "core/clock.h"
#include "core/result.h"
#include "core/time_zone.h"

#include <bitset>
#include <cstddef>
#include <string>
#include <vector>

namespace taskd::cli {

inline constexpr int calendar_year_min = 1970;  ///< systemd's own limits
inline constexpr int calendar_year_max = 2199;

/// The values that each part of a calendar event may have; "*" is all of them.
struct CalendarEvent {
    std::bitset<calendar_year_max - calendar_year_min + 1> years;  ///< from calendar_year_min
    std::bitset<13> months;                                        ///< 1..12
    std::bitset<32> days;     ///< 1..31, of `from_end` 1 for the last day
    bool from_end = false;    ///< "~": the days are counted from the month's end
    std::bitset<7> weekdays;  ///< 0 = Monday
    std::bitset<24> hours;
    std::bitset<60> minutes;
    std::bitset<60> seconds;
    /// Where a/b would go on behind the part's last value, 0 for nowhere and where the part has its
    /// highest value: of 3/22 minutes, which are 3, 25 and 47, it is 69. systemd's search stumbles
    /// over it, see calendar_times.cpp.
    struct Overshoot {
        int second = 0, minute = 0, hour = 0, day = 0;
    } overshoot;
    std::string tzid;  ///< "" for the machine's zone
};

/// Reads "Mon..Fri *-*-* 9..17:0/15", "*-*~1 23:00 Europe/Berlin", "weekly".
///
/// Errors: invalid_argument on `OnCalendar` - what systemd refuses too, and of what it accepts
///         fractions of a second, "@" with seconds since 1970, and abbreviations of zones.
/// Source: systemd.time(7), CALENDAR EVENTS.
[[nodiscard]] core::Result<CalendarEvent> parse_calendar_event(const std::string& text);

/// When systemd would elapse next, after `from`: at most `count` times, until the year 2199.
/// `zone` is the event's own, or the machine's.
[[nodiscard]] std::vector<core::Timestamp> calendar_times(const CalendarEvent& event,
                                                          core::Timestamp from,
                                                          const core::TimeZone& zone,
                                                          std::size_t count);

/// The same as rules of ours that share no slot: one, or one for each stretch of years.
///
/// Errors: invalid_argument on `OnCalendar` - systemd has no time for it any more, or its years
///         are no stretches and no even steps.
[[nodiscard]] core::Result<std::vector<OurRule>> rules_of(const CalendarEvent& event,
                                                          core::Timestamp now,
                                                          const core::TimeZone& zone);

}  // namespace taskd::cli
