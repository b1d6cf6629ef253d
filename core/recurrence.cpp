// SPDX-License-Identifier: Apache-2.0
#include "core/recurrence.h"

#include "core/civil.h"
#include "core/vocabulary.h"

#include <algorithm>

namespace taskd::core {
namespace {

using std::chrono::milliseconds;

std::int64_t seconds_of(LocalTime local) {
    return local.time_since_epoch().count();
}
bool in_calendar(LocalTime local) {
    return seconds_of(local) >= local_min && seconds_of(local) <= local_max;
}

Result<void> check_bounds(const RecurrenceSpec& spec) {
    const auto lies_outside = [](const char* field) {
        return invalid_argument(field, "lies outside the years 1 to 9999");
    };
    if (!in_calendar(spec.dtstart)) return lies_outside("dtstart");
    if (spec.rrules.size() + spec.exrules.size() > rules_max)
        return invalid_argument("rrule", "at most 16 rules form one recurrence");
    if (spec.rdates.size() > dates_max)
        return invalid_argument(
            "rdate", std::to_string(spec.rdates.size()) + " dates; at most 1000 are accepted");
    if (spec.exdates.size() + spec.exdays.size() > dates_max)
        return invalid_argument("exdate", std::to_string(spec.exdates.size() + spec.exdays.size()) +
                                              " dates; at most 1000 are accepted");
    for (const auto& date : spec.rdates)
        if (!in_calendar(date.local)) return lies_outside("rdate");
    if (spec.is_date)
        for (const auto& rule : spec.rrules)
            if (rule.frequency < Frequency::daily)
                return invalid_argument("rrule", "FREQ=" + format_rrule(rule).substr(5, 8) +
                                                     " needs a start with a time of day; a DATE "
                                                     "has none");
    return {};
}

void sort_unique(std::vector<Slot>& slots) {
    std::sort(slots.begin(), slots.end());
    slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
}

/// "impossible: 30 February" for a rule all of whose month days no month of it has.
std::string impossible_date(const Rrule& rule) {
    if (rule.by_month.empty() || rule.by_month_day.empty() || rule.skip != Skip::omit) return {};
    for (const int month : rule.by_month)
        for (const int day : rule.by_month_day)
            if (std::abs(day) <= static_cast<int>(month_length(true, static_cast<unsigned>(month))))
                return {};
    return "impossible: " + std::to_string(std::abs(rule.by_month_day.front())) + " " +
           month_name(static_cast<unsigned>(rule.by_month.front()));
}

}  // namespace

Result<Recurrence> Recurrence::compile(const RecurrenceSpec& spec) {
    auto zone = spec.tzid.empty() ? TimeZone::utc() : TimeZone::load(spec.tzid);
    if (!zone) return tl::unexpected(zone.error());
    if (auto checked = check_bounds(spec); !checked) return tl::unexpected(checked.error());
    Recurrence set(*zone);
    set.is_date_ = spec.is_date;
    for (const auto& rule : spec.rrules)
        set.rules_.emplace_back(rule, spec.dtstart, spec.is_date, *zone);
    for (const auto& rule : spec.exrules)
        set.exrules_.emplace_back(rule, spec.dtstart, spec.is_date, *zone);
    // A rule without slots adds and excludes nothing, and would be searched to the end of time.
    const auto impossible = [](const Rule& rule) { return !rule.possible(); };
    std::erase_if(set.rules_, impossible);
    std::erase_if(set.exrules_, impossible);
    for (const auto& date : spec.rdates) set.rdates_.push_back(set.slot_at(date));
    if (spec.rrules.empty()) set.rdates_.push_back(set.slot_at({spec.dtstart, false}));
    for (const auto& date : spec.exdates) set.exdates_.push_back(set.slot_at(date));
    for (const auto& day : spec.exdays)
        set.exdays_.push_back(floor_div(seconds_of(day), day_seconds));
    sort_unique(set.rdates_);
    sort_unique(set.exdates_);
    std::sort(set.exdays_.begin(), set.exdays_.end());

    std::optional<Slot> first;
    for (const auto& rule : set.rules_) {
        const auto found = rule.first();
        if (found && (!first || *found < *first)) first = found;
    }
    if (!set.rdates_.empty() && (!first || set.rdates_.front() < *first))
        first = set.rdates_.front();
    set.first_ = set.not_excluded_after(first);
    if (!set.first_) set.emptiness_ = set.why_empty(spec);
    return set;
}

std::string Recurrence::why_empty(const RecurrenceSpec& spec) const {
    if (spec.rrules.empty()) return "every date of it is excluded";
    const Rrule& rule = spec.rrules.front();
    const std::string text = format_rrule(rule);
    if (!Rule(rule, spec.dtstart, spec.is_date, zone_).possible()) {
        const std::string date = impossible_date(rule);
        return date.empty() ? "impossible: no date ever matches " + text : date;
    }
    Rrule endless = rule;
    endless.until.reset();
    const Rule without(endless, spec.dtstart, spec.is_date, zone_);
    if (rule.until && without.first()) return "UNTIL is before the first slot of " + text;
    if (!without.first()) return "impossible: no date from its start on matches " + text;
    return "every slot of " + text + " is excluded";
}

Result<Recurrence> Recurrence::make(const RecurrenceSpec& spec) {
    auto set = compile(spec);
    if (set && !set->first_) return invalid_argument("rrule", set->emptiness_);
    return set;
}

Result<Recurrence> Recurrence::make(const Rrule& rule, LocalTime dtstart, const TimeZone& zone,
                                    bool is_date) {
    RecurrenceSpec spec;
    spec.dtstart = dtstart;
    spec.is_date = is_date;
    spec.tzid = zone.name();
    spec.rrules.push_back(rule);
    return make(spec);
}

bool Recurrence::ends() const {
    return std::all_of(rules_.begin(), rules_.end(), [](const Rule& rule) { return rule.ends(); });
}

Slot Recurrence::slot_at(const RecurrenceId& id) const {
    const std::int64_t local = seconds_of(id.local);
    const OffsetSegment segment = zone_.segment_of_local(local);
    if (!id.fold) return slot_of_local(local, segment);
    // The second pass is read with the offset of the next stretch, if that goes back far enough.
    const OffsetSegment next = zone_.segment_at(segment.end);
    const std::int64_t instant = local - next.offset;
    if (instant >= next.begin && instant < next.fold_end()) return slot_of_instant(instant, next);
    return slot_of_local(local, segment);
}

bool Recurrence::excluded(const Slot& slot) const {
    if (std::binary_search(exdates_.begin(), exdates_.end(), slot)) return true;
    if (!exdays_.empty() && std::binary_search(exdays_.begin(), exdays_.end(),
                                               floor_div(seconds_of(slot.id.local), day_seconds)))
        return true;
    return std::any_of(exrules_.begin(), exrules_.end(),
                       [&](const Rule& rule) { return rule.has(slot); });
}

std::optional<Slot> Recurrence::any_after(const Slot& slot) const {
    std::optional<Slot> best;
    for (const auto& rule : rules_) {
        const auto found = rule.after(slot);
        if (found && (!best || *found < *best)) best = found;
    }
    const auto date = std::upper_bound(rdates_.begin(), rdates_.end(), slot);
    if (date != rdates_.end() && (!best || *date < *best)) best = *date;
    return best;
}

std::optional<Slot> Recurrence::any_before(const Slot& slot) const {
    std::optional<Slot> best;
    for (const auto& rule : rules_) {
        const auto found = rule.before(slot);
        if (found && (!best || *found > *best)) best = found;
    }
    const auto date = std::lower_bound(rdates_.begin(), rdates_.end(), slot);
    if (date != rdates_.begin() && (!best || *(date - 1) > *best)) best = *(date - 1);
    return best;
}

std::optional<Slot> Recurrence::not_excluded_after(std::optional<Slot> slot) const {
    for (int passed = 0; slot && excluded(*slot); ++passed) {
        if (passed >= excluded_max) return {};
        slot = any_after(*slot);
    }
    return slot;
}

std::optional<Slot> Recurrence::not_excluded_before(std::optional<Slot> slot) const {
    for (int passed = 0; slot && excluded(*slot); ++passed) {
        if (passed >= excluded_max) return {};
        slot = any_before(*slot);
    }
    return slot;
}

std::optional<Slot> Recurrence::next_after(const Slot& slot) const {
    return not_excluded_after(any_after(slot));
}

std::optional<Slot> Recurrence::prev_before(const Slot& slot) const {
    return not_excluded_before(any_before(slot));
}

std::optional<Slot> Recurrence::next_after(Timestamp time) const {
    std::optional<Slot> best;
    for (const auto& rule : rules_) {
        const auto found = rule.after(time);
        if (found && (!best || *found < *best)) best = found;
    }
    for (const auto& date : rdates_) {
        if (date.at <= time) continue;
        if (!best || date < *best) best = date;
        break;
    }
    return not_excluded_after(best);
}

std::optional<Slot> Recurrence::prev_before(Timestamp time) const {
    std::optional<Slot> best;
    for (const auto& rule : rules_) {
        const auto found = rule.before(time);
        if (found && (!best || *found > *best)) best = found;
    }
    for (auto date = rdates_.rbegin(); date != rdates_.rend(); ++date) {
        if (date->at >= time) continue;
        if (!best || *date > *best) best = *date;
        break;
    }
    return not_excluded_before(best);
}

bool Recurrence::contains(const RecurrenceId& id) const {
    const Slot slot = slot_at(id);
    if (slot.id != id || excluded(slot)) return false;
    return std::binary_search(rdates_.begin(), rdates_.end(), slot) ||
           std::any_of(rules_.begin(), rules_.end(),
                       [&](const Rule& rule) { return rule.has(slot); });
}

std::uint64_t Recurrence::count_in(const Slot& from, const Slot& to) const {
    if (to < from) return 0;
    if (rules_.size() == 1 && exrules_.empty() && exdays_.empty()) {
        std::int64_t total = rules_.front().count(from, to);
        const auto inside = [&](const Slot& slot) { return !(slot < from) && !(to < slot); };
        for (const auto& date : exdates_)
            if (inside(date) && rules_.front().has(date)) --total;
        for (const auto& date : rdates_)
            if (inside(date) && !rules_.front().has(date) && !excluded(date)) ++total;
        return static_cast<std::uint64_t>(total);
    }
    std::uint64_t total = contains(from.id) ? 1 : 0;
    for (auto slot = next_after(from); slot && !(to < *slot); slot = next_after(*slot)) ++total;
    return total;
}

std::optional<std::uint64_t> Recurrence::count() const {
    if (!first_) return 0;
    if (!ends()) return {};
    const auto last = prev_before(Timestamp{std::chrono::seconds{local_max + 2 * day_seconds}});
    return last ? count_in(*first_, *last) : 0;
}

std::optional<Slot> Recurrence::nth(std::uint64_t index) const {
    if (is_plain()) return rules_.front().nth(static_cast<std::int64_t>(index));
    for (const auto& slot : all())
        if (index-- == 0) return slot;
    return {};
}

// ---- ranges ---------------------------------------------------------------------------------

Recurrence::Range Recurrence::all() const {
    return {*this, {}, {}};
}
Recurrence::Range Recurrence::between(Timestamp from, Timestamp to) const {
    return {*this, from, to};
}

Recurrence::Range::Range(const Recurrence& set, std::optional<Timestamp> from,
                         std::optional<Timestamp> to)
    : set_(&set), to_(to) {
    for (const auto& rule : set.rules_) {
        sources_.push_back({Rule::Cursor(rule), {}, false});
        if (from) sources_.back().cursor.seek(*from);
    }
    while (from && rdate_ < set.rdates_.size() && set.rdates_[rdate_].at < *from) ++rdate_;
    if (set.is_plain()) return;
    for (auto& source : sources_) source.has_head = source.cursor.next(source.head);
}

bool Recurrence::Range::advance() {
    if (!set_->is_plain()) return advance_merged();
    return !sources_.empty() && sources_.front().cursor.next(slot_) && (!to_ || slot_.at < *to_);
}

bool Recurrence::Range::advance_merged() {
    for (int passed = 0; passed <= excluded_max; ++passed) {
        const Slot* best = nullptr;
        for (const auto& source : sources_)
            if (source.has_head && (best == nullptr || source.head < *best)) best = &source.head;
        if (rdate_ < set_->rdates_.size() && (best == nullptr || set_->rdates_[rdate_] < *best))
            best = &set_->rdates_[rdate_];
        if (best == nullptr) return false;
        slot_ = *best;
        if (to_ && slot_.at >= *to_) return false;
        for (auto& source : sources_)
            if (source.has_head && source.head == slot_)
                source.has_head = source.cursor.next(source.head);
        if (rdate_ < set_->rdates_.size() && set_->rdates_[rdate_] == slot_) ++rdate_;
        if (!set_->excluded(slot_)) return true;
    }
    return false;
}

}  // namespace taskd::core
