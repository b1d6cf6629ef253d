// SPDX-License-Identifier: Apache-2.0
#include "core/calendar_time.h"

#include "core/rfc3339.h"

namespace taskd::core {

std::string format(const CalendarTime& time) {
    if (time.is_date) return format_date(time.local);
    const auto zone = TimeZone::load(time.tzid);
    return format_with_offset(time.at, zone ? zone->utc_offset(time.at) : std::chrono::seconds{0});
}

}  // namespace taskd::core
