// SPDX-License-Identifier: Apache-2.0
#include "core/calendar_time.h"

#include "core/rfc3339.h"

namespace taskd::core {

CalendarTime renewed(const CalendarTime& time) {
    const auto zone = TimeZone::load(time.tzid);
    if (!zone || (!time.is_date && zone->to_local(time.at) == time.local)) return time;
    CalendarTime after = time;
    after.at = zone->to_utc(time.local).at;
    return after;
}

std::string format(const CalendarTime& time) {
    if (time.is_date) return format_date(time.local);
    const auto zone = TimeZone::load(time.tzid);
    return format_with_offset(time.at, zone ? zone->utc_offset(time.at) : std::chrono::seconds{0});
}

}  // namespace taskd::core
