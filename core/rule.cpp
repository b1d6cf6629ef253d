// SPDX-License-Identifier: Apache-2.0
#include "core/rule.h"

#include "core/civil.h"

#include <algorithm>
#include <limits>

namespace taskd::core {
namespace {

using std::chrono::seconds;

constexpr std::int64_t position_step = 100'000;  // more than any fold has seconds; stored

std::int64_t seconds_of(LocalTime local) {
    return local.time_since_epoch().count();
}
std::int64_t floor_seconds(Timestamp at) {
    return std::chrono::floor<seconds>(at).time_since_epoch().count();
}
std::int64_t ceil_seconds(Timestamp at) {
    return std::chrono::ceil<seconds>(at).time_since_epoch().count();
}

bool is_sub_daily(const Rrule& rule) {
    return rule.frequency < Frequency::daily;
}

std::variant<DayRule, ClockRule> rule_of(const Rrule& rule, LocalTime dtstart, bool is_date,
                                         const TimeZone& zone) {
    const std::int64_t start = seconds_of(dtstart);
    if (!is_sub_daily(rule)) return DayRule(rule, start, is_date);
    return ClockRule(rule, start - zone.segment_of_local(start).offset, zone);
}

}  // namespace

Slot slot_of_local(std::int64_t local, const OffsetSegment& segment) {
    return {{LocalTime{seconds{local}}, false},
            Timestamp{seconds{local - segment.offset}},
            local * position_step};
}

Slot slot_of_instant(std::int64_t instant, const OffsetSegment& segment) {
    const std::int64_t local = instant + segment.offset;
    Slot slot = slot_of_local(local, segment);
    if (instant < segment.fold_end()) {
        // Behind the last second of the first pass, in the order of the second one.
        slot.id.fold = true;
        slot.position = (segment.local_begin - 1) * position_step + (instant - segment.begin) + 1;
    }
    return slot;
}

Rule::Rule(const Rrule& rule, LocalTime dtstart, bool is_date, const TimeZone& zone)
    : zone_(zone), rule_(rule_of(rule, dtstart, is_date, zone)) {
    if (rule.until) {
        has_until_ = true;
        set_until(*rule.until);
    }
    if (!rule.count) return;
    count_max_ = *rule.count;
    // Where it is cheap to know, the last slot takes the place of COUNT.
    if (auto* by_day = std::get_if<DayRule>(&rule_);
        by_day != nullptr && by_day->possible() && by_day->count_bound() > count_max_) {
        if (const auto last = by_day->nth(count_max_ - 1)) by_day->set_last(*last);
    }
}

void Rule::set_until(const Until& until) {
    const std::int64_t local = seconds_of(until.local) + (until.is_date ? day_seconds - 1 : 0);
    if (auto* by_day = std::get_if<DayRule>(&rule_)) {
        if (!until.is_utc) {
            by_day->set_last(std::min(local, by_day->last()));
            return;
        }
        // Instants decide: a slot in a gap happens later than its local time says.
        const Timestamp end{seconds{local}};
        auto slot = before(end + std::chrono::milliseconds{1});
        by_day->set_last(slot ? seconds_of(slot->id.local)
                              : std::numeric_limits<std::int64_t>::min());
        return;
    }
    auto& by_clock = std::get<ClockRule>(rule_);
    const std::int64_t instant =
        until.is_utc ? local
                     // Of a repeated hour the first pass, unless the whole day is meant.
                     : (until.is_date ? local + 1 - zone_.segment_of_local(local + 1).offset - 1
                                      : local - zone_.segment_of_local(local).offset);
    by_clock.set_last(std::min(instant, by_clock.last()));
}

bool Rule::possible() const {
    return days() != nullptr ? days()->possible() : clock().possible();
}

bool Rule::within_count(std::int64_t instant) const {
    return count_max_ == 0 || clock().count(std::numeric_limits<std::int64_t>::min() / 4, instant,
                                            count_max_ + 1) <= count_max_;
}

Slot Rule::slot_at_local(std::int64_t local) const {
    return slot_of_local(local, zone_.segment_of_local(local));
}

std::optional<Slot> Rule::local_up(std::int64_t local) const {
    const auto found = days()->at_or_after(local);
    if (!found) return {};
    return slot_at_local(*found);
}

std::optional<Slot> Rule::local_down(std::int64_t local) const {
    const auto found = days()->at_or_before(local);
    if (!found) return {};
    return slot_at_local(*found);
}

std::optional<Slot> Rule::instant_up(std::int64_t instant) const {
    const auto found = clock().at_or_after(instant);
    if (!found || !within_count(*found)) return {};
    return slot_of_instant(*found, zone_.segment_at(*found));
}

std::optional<Slot> Rule::instant_down(std::int64_t instant) const {
    auto found = clock().at_or_before(instant);
    if (!found) return {};
    if (!within_count(*found)) found = clock().nth(count_max_ - 1);
    return slot_of_instant(*found, zone_.segment_at(*found));
}

/// Where a slot of another rule stands among instants: a time in a gap is just ahead of its end.
std::int64_t Rule::instant_key(const Slot& slot, bool after) const {
    const std::int64_t at = floor_seconds(slot.at);
    if (!slot.id.fold) {
        const std::int64_t local = seconds_of(slot.id.local);
        const OffsetSegment segment = zone_.segment_of_local(local);
        if (local >= segment.gap_begin()) return after ? segment.end : segment.end - 1;
    }
    return after ? at + 1 : at - 1;
}

std::optional<Slot> Rule::first() const {
    constexpr std::int64_t begin = std::numeric_limits<std::int64_t>::min() / 4;
    return days() != nullptr ? local_up(begin) : instant_up(begin);
}

std::optional<Slot> Rule::after(const Slot& slot) const {
    if (days() != nullptr) return local_up(floor_div(slot.position, position_step) + 1);
    return instant_up(instant_key(slot, true));
}

std::optional<Slot> Rule::before(const Slot& slot) const {
    if (days() == nullptr) return instant_down(instant_key(slot, false));
    return local_down(floor_div(slot.position - 1, position_step));
}

std::optional<Slot> Rule::after(Timestamp time) const {
    const std::int64_t at = floor_seconds(time);
    if (days() == nullptr) return instant_up(at + 1);
    const OffsetSegment segment = zone_.segment_at(at);
    const std::int64_t before = zone_.segment_at(segment.begin - 1).offset;
    std::int64_t local = at + segment.offset;
    if (local < segment.local_begin)
        local = segment.local_begin - 1;  // in the second pass: all of the first are over
    else if (at + before < segment.local_begin)
        local = at + before;  // just behind a gap: times in the gap are still to come
    auto slot = local_up(local + 1);
    while (slot && floor_seconds(slot->at) <= at) slot = local_up(seconds_of(slot->id.local) + 1);
    return slot;
}

std::optional<Slot> Rule::before(Timestamp time) const {
    const std::int64_t at = ceil_seconds(time) - 1;
    if (days() == nullptr) return instant_down(at);
    const OffsetSegment segment = zone_.segment_at(at);
    auto slot = local_down(std::max(at + segment.offset, segment.local_begin - 1));
    while (slot && floor_seconds(slot->at) > at) slot = local_down(seconds_of(slot->id.local) - 1);
    return slot;
}

bool Rule::has(const Slot& slot) const {
    if (days() != nullptr) {
        const std::int64_t local = seconds_of(slot.id.local);
        return !slot.id.fold && days()->at_or_after(local) == local;
    }
    const std::int64_t at = floor_seconds(slot.at);
    return clock().has_slot(at) && within_count(at) &&
           slot_of_instant(at, zone_.segment_at(at)) == slot;
}

std::int64_t Rule::count(const Slot& from, const Slot& to) const {
    if (days() != nullptr)
        return days()->count(floor_div(from.position - 1, position_step) + 1,
                             floor_div(to.position, position_step));
    constexpr std::int64_t begin = std::numeric_limits<std::int64_t>::min() / 4;
    constexpr std::int64_t many = std::numeric_limits<std::int64_t>::max();
    const std::int64_t low = instant_key(from, false) + 1;
    const std::int64_t high = instant_key(to, true) - 1;
    const std::int64_t here = clock().count(low, high, many);
    if (count_max_ == 0 || here == 0) return here;
    const std::int64_t before = clock().count(begin, low - 1, count_max_);
    return std::clamp<std::int64_t>(count_max_ - before, 0, here);
}

std::optional<Slot> Rule::nth(std::int64_t index) const {
    if (count_max_ != 0 && index >= count_max_) return {};
    if (days() != nullptr) {
        const auto found = days()->nth(index);
        if (!found) return {};
        return slot_at_local(*found);
    }
    const auto found = clock().nth(index);
    if (!found) return {};
    return slot_of_instant(*found, zone_.segment_at(*found));
}

// ---- the cursor -----------------------------------------------------------------------------

namespace {

constexpr std::int64_t no_limit = std::numeric_limits<std::int64_t>::max();

}  // namespace

Rule::Cursor::Cursor(const Rule& rule)
    : rule_(&rule),
      cursor_(rule.days() != nullptr ? decltype(cursor_)(DayRule::Cursor(*rule.days()))
                                     : decltype(cursor_)(ClockRule::Cursor(rule.clock()))),
      left_(rule.days() == nullptr && rule.count_max_ != 0 ? rule.count_max_ : no_limit) {}

void Rule::Cursor::seek_after(const Slot& slot) {
    if (auto* by_day = std::get_if<DayRule::Cursor>(&cursor_)) {
        by_day->seek(floor_div(slot.position, position_step) + 1);
        return;
    }
    seek(Timestamp{seconds{rule_->instant_key(slot, true)}});
}

void Rule::Cursor::seek(Timestamp time) {
    if (auto* by_day = std::get_if<DayRule::Cursor>(&cursor_)) {
        const auto first = rule_->after(time - std::chrono::milliseconds{1});
        by_day->seek(first ? seconds_of(first->id.local) : local_max + 1);
        return;
    }
    const std::int64_t at = ceil_seconds(time);
    std::get<ClockRule::Cursor>(cursor_).seek(at);
    if (left_ == no_limit) return;
    constexpr std::int64_t begin = no_limit / -4;
    left_ = rule_->count_max_ - rule_->clock().count(begin, at - 1, rule_->count_max_);
}

bool Rule::Cursor::next(Slot& slot) {
    std::int64_t found = 0;
    if (auto* by_day = std::get_if<DayRule::Cursor>(&cursor_)) {
        if (!by_day->next(found)) return false;
        if (found < segment_.local_begin || found >= segment_.local_end)
            segment_ = rule_->zone_.segment_of_local(found);
        slot = slot_of_local(found, segment_);
        return true;
    }
    auto& by_clock = std::get<ClockRule::Cursor>(cursor_);
    if (left_ <= 0 || !by_clock.next(found)) return false;
    if (left_ != no_limit) --left_;
    slot = slot_of_instant(found, by_clock.segment());
    return true;
}

}  // namespace taskd::core
