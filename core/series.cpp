// SPDX-License-Identifier: Apache-2.0
#include "core/series.h"

#include "core/rfc3339.h"
#include "core/text.h"

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
NextSlot seek(const Schedule& schedule, LocalTime after, Timestamp now, SkipReason reason) {
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
                                    schedule.slots.count_in(*first_skipped, last_skipped), reason};
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

Result<Series> pause(const Series& series, const std::string& note, Timestamp now) {
    if (series.ended) return failed_precondition("series", "the series has ended");
    if (series.paused)
        return failed_precondition(
            "series", "the series is paused already, since " + format_utc(*series.paused));
    if (note.size() > pause_note_bytes_max)
        return invalid_argument(
            "note", "is " + std::to_string(note.size()) + " bytes long; at most 1024 are accepted");
    if (!is_utf8(note)) return invalid_argument("note", "is not UTF-8 text");
    Series after = series;
    after.paused = now;
    after.pause_note = note;
    after.revision += 1;
    return after;
}

Result<Series> resume(const Series& series) {
    if (series.ended) return failed_precondition("series", "the series has ended");
    if (!series.paused) return failed_precondition("series", "the series is not paused");
    Series after = series;
    after.paused.reset();
    after.pause_note.clear();
    after.revision += 1;
    return after;
}

Result<Series> end(const Series& series, Timestamp now) {
    if (series.ended)
        return failed_precondition("series",
                                   "the series has ended already, on " + format_utc(*series.ended));
    Series after = series;
    after.ended = now;
    after.ended_by_user = true;
    after.paused.reset();
    after.pause_note.clear();
    after.revision += 1;
    return after;
}

Result<Schedule> schedule_of(const Series& series) {
    auto zone = TimeZone::load(series.tzid);
    if (!zone) return tl::unexpected(zone.error());
    auto slots = Recurrence::make(series.rule, series.dtstart, *zone);
    if (!slots) return tl::unexpected(slots.error());
    return Schedule{*zone, *slots, series.is_date};
}

NextSlot first_slot(const Schedule& schedule, Timestamp now) {
    return seek(schedule, schedule.slots.first() - seconds{1}, now, SkipReason::catch_up);
}

NextSlot slot_after(const Schedule& schedule, LocalTime closed, Timestamp now) {
    return seek(schedule, closed, now, SkipReason::catch_up);
}

NextSlot slot_after_pause(const Schedule& schedule, LocalTime last, Timestamp now) {
    return seek(schedule, last, now, SkipReason::paused);
}

std::vector<CalendarTime> upcoming(const Schedule& schedule, LocalTime from, std::size_t count) {
    std::vector<CalendarTime> times;
    for (auto slot = schedule.slots.next_after(from - seconds{1}); slot && times.size() < count;
         slot = schedule.slots.next_after(*slot))
        times.push_back(schedule.at(*slot));
    return times;
}

}  // namespace taskd::core
