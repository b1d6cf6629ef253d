// SPDX-License-Identifier: Apache-2.0
#include "core/series.h"

#include "core/check.h"
#include "core/rfc3339.h"
#include "core/text.h"

#include <algorithm>
#include <array>
#include <utility>

namespace taskd::core {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::milliseconds;

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

SkippedSlots run(const Schedule& schedule, const Slot& from, const Slot& to, SkipReason reason) {
    return {from.id, to.id, schedule.slots.count_in(from, to), reason};
}

/// The first slot behind `after` that is not past, and those between as skipped. Instants decide
/// what is past, so that a slot in a DST gap or a repeated hour is past exactly when it has
/// happened; positions decide what lies between. `after` is none at the start of a series.
NextSlot seek(const Schedule& schedule, const std::optional<Slot>& after, Timestamp now,
              SkipReason reason) {
    const auto following = after ? schedule.slots.next_after(*after) : schedule.slots.first_slot();
    if (!following) return {};
    const Timestamp not_past = schedule.not_past(now);
    auto slot = schedule.slots.next_after(not_past - milliseconds{1});
    if (slot && *slot < *following) slot = following;
    NextSlot next{slot, {}};
    if (slot == following) return next;
    const auto last =
        slot ? schedule.slots.prev_before(*slot) : schedule.slots.prev_before(not_past);
    check(last.has_value(), "a slot that is past has a last one");
    next.skipped.push_back(run(schedule, *following, *last, reason));
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
    RecurrenceSpec spec;
    spec.dtstart = series.dtstart;
    spec.is_date = series.is_date;
    spec.tzid = series.tzid;
    spec.rrules = {series.rule};
    spec.rdates = series.rdates;
    spec.exdates = series.exdates;
    auto slots = Recurrence::make(spec);
    if (!slots) return tl::unexpected(slots.error());
    return Schedule{*zone, *slots, series.is_date};
}

Timestamp Schedule::not_past(Timestamp now) const {
    if (!is_date) return now + milliseconds{1};
    return zone.to_utc(floor<days>(zone.to_local(now))).at;
}

NextSlot first_slot(const Schedule& schedule, Timestamp now) {
    return seek(schedule, {}, now, SkipReason::catch_up);
}

NextSlot slot_after(const Schedule& schedule, const Slot& closed, Timestamp now) {
    return seek(schedule, closed, now, SkipReason::catch_up);
}

NextSlot slot_after_pause(const Schedule& schedule, const Slot& last, Timestamp now) {
    return seek(schedule, last, now, SkipReason::paused);
}

std::vector<CalendarTime> upcoming(const Schedule& schedule, const Slot& from, std::size_t count) {
    std::vector<CalendarTime> times;
    for (std::optional<Slot> slot = from; slot && times.size() < count;
         slot = schedule.slots.next_after(*slot))
        times.push_back(schedule.at(*slot));
    return times;
}

}  // namespace taskd::core
