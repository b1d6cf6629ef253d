// SPDX-License-Identifier: Apache-2.0
// When the slots of a series happen: the rule, single slots changed ahead, and days off.
#include "core/series.h"

#include <algorithm>

namespace taskd::core {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::local_days;
using std::chrono::milliseconds;

constexpr int days_off_max = 31;      // a longer run of days off moves nothing: it is a mistake
constexpr int left_out_max = 10'000;  // in a row; a series that leaves out more has no next slot

}  // namespace

Result<Schedule> schedule_of(const Series& series, const Holidays& holidays) {
    auto zone = TimeZone::load(series.tzid);
    if (!zone) return tl::unexpected(zone.error());
    RecurrenceSpec spec;
    spec.dtstart = series.dtstart;
    spec.is_date = series.is_date;
    spec.tzid = series.tzid;
    spec.rrules = {series.rule};
    for (const auto& date : series.rdates) spec.rdates.push_back({date, false});
    for (const auto& date : series.exdates) spec.exdates.push_back({date, false});
    // Counted from completion, COUNT is the number of occurrences made, not of the rule's slots.
    if (series.policies.anchor == Anchor::completion) spec.rrules.front().count.reset();
    auto slots = Recurrence::make(spec);
    if (!slots) return tl::unexpected(slots.error());
    return Schedule{*zone,
                    *slots,
                    series.is_date,
                    series.policies.anchor,
                    series.policies.shift,
                    holidays,
                    series.overrides,
                    series.policies.overlap == Overlap::stack};
}

const SlotOverride* Schedule::override_of(const RecurrenceId& id) const {
    for (const auto& one : overrides)
        if (one.id == id) return &one;
    return nullptr;
}

bool Schedule::is_moved(const RecurrenceId& id) const {
    const auto* change = override_of(id);
    return change != nullptr && change->to.has_value();
}

bool Schedule::is_day_off(local_days day) const {
    const std::chrono::weekday weekday{day};
    return weekday == std::chrono::Saturday || weekday == std::chrono::Sunday ||
           std::binary_search(holidays.begin(), holidays.end(), day);
}

CalendarTime Schedule::at(const Slot& slot) const {
    // tzdata may have changed since it was moved.
    if (const auto* moved = override_of(slot.id); moved != nullptr && moved->to)
        return renewed(*moved->to);
    const CalendarTime own{slot.id.local, is_date, zone.name(), slot.at};
    if (shift != Shift::next && shift != Shift::previous) return own;
    auto day = floor<days>(slot.id.local);
    if (!is_day_off(day)) return own;
    const auto time_of_day = slot.id.local - day;
    for (int step = 0; step < days_off_max; ++step) {
        day += days{shift == Shift::next ? 1 : -1};
        if (!is_day_off(day)) return calendar_time(day + time_of_day, is_date, zone);
    }
    return own;
}

std::optional<SkipReason> Schedule::left_out(const Slot& slot) const {
    const auto* changed = override_of(slot.id);
    if (changed != nullptr) return changed->to ? std::nullopt : std::optional(SkipReason::user);
    if (shift == Shift::skip && is_day_off(floor<days>(slot.id.local))) return SkipReason::shift;
    return {};
}

std::optional<Slot> Schedule::kept_from(std::optional<Slot> slot) const {
    for (int step = 0; slot && left_out(*slot); ++step) {
        if (step == left_out_max) return {};
        slot = slots.next_after(*slot);
    }
    return slot;
}

Timestamp Schedule::not_past(Timestamp now) const {
    if (!is_date) return now + milliseconds{1};
    return zone.to_utc(floor<days>(zone.to_local(now))).at;
}

std::optional<Slot> Schedule::first_at(const Slot& from, Timestamp time) const {
    // Slots of days off before that day may have been moved to it, or behind.
    Timestamp nominal = time;
    if (shift == Shift::next) {
        auto day = floor<days>(zone.to_local(time));
        for (int step = 0; step < days_off_max && is_day_off(day - days{1}); ++step) day -= days{1};
        nominal = std::min(nominal, zone.to_utc(day).at);
    }
    auto slot = slots.next_after(nominal - milliseconds{1});
    if (slot && *slot < from) slot = from;
    while (slot && at(*slot).at < time) slot = slots.next_after(*slot);
    // A slot that was moved to a later time is still to come, though others behind it have passed.
    for (const auto& moved : overrides) {
        if (!moved.to || !slots.contains(moved.id)) continue;
        const Slot own = slots.slot_at(moved.id);
        if (own >= from && (!slot || own < *slot) && at(own).at >= time) slot = own;
    }
    return slot;
}

std::vector<CalendarTime> upcoming(const Schedule& schedule, const Slot& from, std::size_t count) {
    std::vector<CalendarTime> times;
    for (auto slot = schedule.kept_from(from); slot && times.size() < count;
         slot = schedule.kept_from(schedule.slots.next_after(*slot)))
        times.push_back(schedule.at(*slot));
    return times;
}

}  // namespace taskd::core
