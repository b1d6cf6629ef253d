// SPDX-License-Identifier: Apache-2.0
#include "core/series.h"

#include <algorithm>
#include <array>
#include <utility>

namespace taskd::core {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::seconds;

constexpr std::array<std::pair<SkipReason, std::string_view>, 11> skip_reason_names{{
    {SkipReason::catch_up, "catch_up"},
    {SkipReason::window, "window"},
    {SkipReason::overlap, "overlap"},
    {SkipReason::paused, "paused"},
    {SkipReason::exdate, "exdate"},
    {SkipReason::shift, "shift"},
    {SkipReason::min_gap, "min_gap"},
    {SkipReason::user, "user"},
    {SkipReason::cancelled, "cancelled"},
    {SkipReason::superseded, "superseded"},
    {SkipReason::ended, "ended"},
}};

/// The last local time whose slot is in the past at `now`. For a DATE series today's slot is not.
LocalTime last_past(const Schedule& schedule, Timestamp now) {
    const LocalTime local = schedule.zone.to_local(now);
    return schedule.is_date ? LocalTime{floor<days>(local)} - seconds{1} : local;
}

/// The first slot after `after` that is not past; instants decide, so that a slot in a DST gap or a
/// repeated hour counts as past exactly when it has happened.
NextSlot seek(const Schedule& schedule, LocalTime after, Timestamp now) {
    auto slot = schedule.slots.next_after(std::max(after, last_past(schedule, now) - days{1}));
    while (slot && !schedule.is_date && schedule.at(*slot).at <= now)
        slot = schedule.slots.next_after(*slot);
    if (schedule.is_date)
        slot = schedule.slots.next_after(std::max(after, last_past(schedule, now)));

    NextSlot next{slot, {}};
    const auto first_skipped = schedule.slots.next_after(after);
    if (first_skipped && (!slot || *first_skipped < *slot)) {
        const LocalTime last_skipped =
            slot ? *schedule.slots.prev_before(*slot)
                 : *schedule.slots.prev_before(schedule.zone.to_local(now) + days{1});
        next.skipped = SkippedSlots{*first_skipped, last_skipped,
                                    schedule.slots.count_in(*first_skipped, last_skipped),
                                    SkipReason::catch_up};
    }
    return next;
}

}  // namespace

std::string_view to_string(SkipReason reason) {
    for (const auto& [value, name] : skip_reason_names)
        if (value == reason) return name;
    return "ended";
}

SkipReason skip_reason_from(std::string_view word) {
    for (const auto& [value, name] : skip_reason_names)
        if (name == word) return value;
    return SkipReason::ended;
}

Result<Schedule> schedule_of(const Series& series) {
    auto zone = TimeZone::load(series.tzid);
    if (!zone) return tl::unexpected(zone.error());
    auto slots = Recurrence::make(series.rule, series.dtstart, *zone);
    if (!slots) return tl::unexpected(slots.error());
    return Schedule{*zone, *slots, series.is_date};
}

NextSlot first_slot(const Schedule& schedule, Timestamp now) {
    return seek(schedule, schedule.slots.first() - seconds{1}, now);
}

NextSlot slot_after(const Schedule& schedule, LocalTime closed, Timestamp now) {
    return seek(schedule, closed, now);
}

std::vector<CalendarTime> upcoming(const Schedule& schedule, LocalTime from, std::size_t count) {
    std::vector<CalendarTime> times;
    for (auto slot = schedule.slots.next_after(from - seconds{1}); slot && times.size() < count;
         slot = schedule.slots.next_after(*slot))
        times.push_back(schedule.at(*slot));
    return times;
}

}  // namespace taskd::core
