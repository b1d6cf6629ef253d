// SPDX-License-Identifier: Apache-2.0
#include "core/recurrence.h"

#include "core/check.h"

#include <algorithm>

namespace taskd::core {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::local_days;
using std::chrono::months;
using std::chrono::seconds;
using std::chrono::year;
using std::chrono::year_month;
using std::chrono::year_month_day;
using std::chrono::years;

constexpr LocalTime end_of_time{local_days{year{9999} / 12 / 31} + days{1} - seconds{1}};

// The calendar repeats after 400 years, so a rule without a match in that many periods has none.
constexpr std::int64_t cycle_days = 146097;

std::int64_t cycle_of(Frequency frequency) {
    switch (frequency) {
    default:
    case Frequency::daily:
        return cycle_days;
    case Frequency::weekly:
        return cycle_days / 7;
    case Frequency::monthly:
        return 4800;
    case Frequency::yearly:
        return 400;
    }
    return cycle_days;
}

unsigned weekday_of(local_days day) {
    return std::chrono::weekday{day}.iso_encoding() - 1;
}

unsigned length_of(year_month month) {
    return static_cast<unsigned>((month / std::chrono::last).day());
}

// A month has 28 shapes: four lengths times the weekday of its first day; a year has 14.
std::size_t shape_of_month(unsigned length, unsigned first_weekday) {
    return (length - 28) * 7 + first_weekday;
}
std::size_t shape_of_year(bool leap, unsigned first_weekday) {
    return (leap ? 7U : 0U) + first_weekday;
}

bool matches_month_day(const std::vector<int>& by_month_day, unsigned day, unsigned length) {
    const auto forward = static_cast<int>(day) + 1;
    const auto backward = static_cast<int>(day) - static_cast<int>(length);
    return std::any_of(by_month_day.begin(), by_month_day.end(),
                       [&](int wanted) { return wanted == forward || wanted == backward; });
}

/// Whether day number `day` of a span of `length` days, which begins on `first_weekday`, is one of
/// BYDAY; ordinals count within the span.
bool matches_weekday(const std::vector<WeekdayNum>& by_day, unsigned day, unsigned length,
                     unsigned first_weekday) {
    const unsigned weekday = (first_weekday + day) % 7;
    const int from_begin = static_cast<int>(day / 7) + 1;
    const int from_end = -static_cast<int>((length - 1 - day) / 7) - 1;
    return std::any_of(by_day.begin(), by_day.end(), [&](const WeekdayNum& wanted) {
        return wanted.weekday == weekday &&
               (wanted.ordinal == 0 || wanted.ordinal == from_begin || wanted.ordinal == from_end);
    });
}

DayMask month_mask(const Rrule& rule, unsigned length, unsigned first_weekday) {
    DayMask mask;
    for (unsigned day = 0; day < length; ++day) {
        if (!rule.by_month_day.empty() && !matches_month_day(rule.by_month_day, day, length))
            continue;
        if (!rule.by_day.empty() && !matches_weekday(rule.by_day, day, length, first_weekday))
            continue;
        mask.set(day);
    }
    return mask;
}

// With BYMONTHDAY the days come from it and BYDAY only limits them; ordinals of BYDAY count within
// the year (RFC 5545 section 3.3.10, the table's note 2).
DayMask year_mask(const Rrule& rule, bool leap, unsigned first_weekday, year_month_day dtstart) {
    DayMask mask;
    const unsigned year_length = leap ? 366 : 365;
    unsigned day_of_year = 0;
    for (unsigned month = 1; month <= 12; ++month) {
        const unsigned length = length_of(year{leap ? 2000 : 2001} / static_cast<int>(month));
        for (unsigned day = 0; day < length; ++day, ++day_of_year) {
            const bool by_default = rule.by_month_day.empty() && rule.by_day.empty();
            if (by_default && (month != static_cast<unsigned>(dtstart.month()) ||
                               day + 1 != static_cast<unsigned>(dtstart.day())))
                continue;
            if (!rule.by_month_day.empty() && !matches_month_day(rule.by_month_day, day, length))
                continue;
            if (!rule.by_day.empty() &&
                !matches_weekday(rule.by_day, day_of_year, year_length, first_weekday))
                continue;
            mask.set(day_of_year);
        }
    }
    return mask;
}

}  // namespace

Recurrence::Recurrence(const Rrule& rule, LocalTime dtstart, TimeZone zone)
    : zone_(std::move(zone)),
      rule_(rule),
      start_day_(floor<days>(dtstart)),
      time_of_day_(dtstart - start_day_),
      first_(dtstart),
      last_(end_of_time) {
    compile();
}

void Recurrence::compile() {
    const year_month_day dtstart{start_day_};
    switch (rule_.frequency) {
    default:
        break;
    case Frequency::weekly: {
        if (rule_.by_day.empty()) rule_.by_day.push_back({0, weekday_of(start_day_)});
        DayMask week;
        for (const auto& day : rule_.by_day) week.set((day.weekday + 7 - rule_.week_start) % 7);
        shapes_.push_back(week);
        return;
    }
    case Frequency::monthly:
        if (rule_.by_day.empty() && rule_.by_month_day.empty())
            rule_.by_month_day.push_back(static_cast<int>(static_cast<unsigned>(dtstart.day())));
        [[fallthrough]];
    case Frequency::daily:
        for (unsigned length = 28; length <= 31; ++length)
            for (unsigned first = 0; first < 7; ++first)
                shapes_.push_back(month_mask(rule_, length, first));
        return;
    case Frequency::yearly:
        for (const bool leap : {false, true})
            for (unsigned first = 0; first < 7; ++first)
                shapes_.push_back(year_mask(rule_, leap, first, dtstart));
        return;
    }
}

std::int64_t Recurrence::index_of(local_days day) const {
    const year_month_day date{day};
    const year_month_day start{start_day_};
    switch (rule_.frequency) {
    default:
        break;
    case Frequency::daily:
        return (day - start_day_).count();
    case Frequency::weekly: {
        const auto week_of = [&](local_days any) {
            return any - days{(weekday_of(any) + 7 - rule_.week_start) % 7};
        };
        return (week_of(day) - week_of(start_day_)).count() / 7;
    }
    case Frequency::monthly:
        return (date.year() / date.month() - start.year() / start.month()).count();
    case Frequency::yearly:
        return (date.year() - start.year()).count();
    }
    return 0;
}

Recurrence::Period Recurrence::period(std::int64_t index) const {
    const year_month_day start{start_day_};
    switch (rule_.frequency) {
    default:
        break;
    case Frequency::daily: {
        const local_days day = start_day_ + days{index};
        const year_month_day date{day};
        const local_days month_begin{date.year() / date.month() / 1};
        const auto& month =
            shapes_[shape_of_month(length_of(date.year() / date.month()), weekday_of(month_begin))];
        DayMask mask;
        if (month.test(static_cast<unsigned>(date.day()) - 1)) mask.set(0);
        return {day, mask};
    }
    case Frequency::weekly: {
        const local_days week =
            start_day_ - days{(weekday_of(start_day_) + 7 - rule_.week_start) % 7};
        return {week + days{7 * index}, shapes_[0]};
    }
    case Frequency::monthly: {
        const year_month month = start.year() / start.month() + months{index};
        const local_days begin{month / 1};
        return {begin, shapes_[shape_of_month(length_of(month), weekday_of(begin))]};
    }
    case Frequency::yearly: {
        const year which = start.year() + years{index};
        const local_days begin{which / 1 / 1};
        return {begin, shapes_[shape_of_year(which.is_leap(), weekday_of(begin))]};
    }
    }
    check(false, "a frequency has a period");
    return {};
}

std::optional<LocalTime> Recurrence::at_or_after(local_days day) const {
    day = std::max(day, start_day_);
    if (LocalTime{day} > last_) return {};  // also keeps the calendar's arithmetic in years 1..9999
    const auto interval = static_cast<std::int64_t>(rule_.interval);
    std::int64_t index = index_of(day);
    index += (interval - index % interval) % interval;  // the next period that INTERVAL reaches
    const std::int64_t end = index_of(floor<days>(last_));

    for (std::int64_t step = 0; step <= cycle_of(rule_.frequency) && index <= end;
         ++step, index += interval) {
        const Period at = period(index);
        const auto skip = day > at.begin ? static_cast<unsigned>((day - at.begin).count()) : 0U;
        if (const auto found = at.days.at_or_after(skip)) {
            const LocalTime slot = at.begin + days{*found} + time_of_day_;
            if (slot > last_) return {};
            return slot;
        }
    }
    return {};
}

std::optional<LocalTime> Recurrence::next_after(LocalTime time) const {
    const auto day = floor<days>(time);
    return at_or_after(time - day < time_of_day_ ? day : day + days{1});
}

std::optional<LocalTime> Recurrence::prev_before(LocalTime time) const {
    if (time > last_) time = last_ + seconds{1};
    if (time <= first_) return {};
    auto day = floor<days>(time);
    if (time - day <= time_of_day_) day -= days{1};
    const auto interval = static_cast<std::int64_t>(rule_.interval);
    std::int64_t index = index_of(day);
    index -= index % interval;
    for (std::int64_t step = 0; step <= cycle_of(rule_.frequency) && index >= 0;
         ++step, index -= interval) {
        const Period at = period(index);
        const auto upto = std::min<std::int64_t>((day - at.begin).count(), DayMask::days_max - 1);
        if (const auto found = at.days.at_or_before(static_cast<unsigned>(upto))) {
            const LocalTime slot = at.begin + days{*found} + time_of_day_;
            if (slot < first_) return {};
            return slot;
        }
    }
    return {};
}

bool Recurrence::contains(LocalTime time) const {
    return next_after(time - seconds{1}) == std::optional(time);
}

std::uint64_t Recurrence::count_in(LocalTime from, LocalTime to) const {
    std::uint64_t total = 0;
    to = std::min(to, last_);
    for (auto slot = next_after(from - seconds{1}); slot && *slot <= to;) {
        // The rest of the slot's period at once, when all of it lies inside.
        const Period at = period(index_of(floor<days>(*slot)));
        const auto offset = static_cast<unsigned>((floor<days>(*slot) - at.begin).count());
        DayMask rest = at.days;
        for (unsigned day = 0; day < offset; ++day) rest.clear(day);
        const auto last_day = rest.at_or_before(DayMask::days_max - 1);
        const LocalTime last_slot = at.begin + days{last_day.value_or(offset)} + time_of_day_;
        if (last_slot <= to) {
            total += rest.count();
            slot = next_after(last_slot);
        } else {
            total += 1;
            slot = next_after(*slot);
        }
    }
    return total;
}

LocalTime Recurrence::nth(std::uint32_t count) const {
    const auto interval = static_cast<std::int64_t>(rule_.interval);
    if (rule_.frequency == Frequency::daily && rule_.by_day.empty() && rule_.by_month_day.empty()) {
        const auto last = first_ + days{1} * (interval * (static_cast<std::int64_t>(count) - 1));
        return std::min(last, end_of_time);
    }
    const std::int64_t end = index_of(floor<days>(end_of_time));
    std::int64_t left = count;
    for (std::int64_t index = 0; index <= end; index += interval) {
        Period at = period(index);
        for (auto day = at.begin; index == 0 && day < start_day_; day += days{1})
            at.days.clear(static_cast<unsigned>((day - at.begin).count()));
        const auto here = static_cast<std::int64_t>(at.days.count());
        if (here < left) {
            left -= here;
            continue;
        }
        auto day = at.days.at_or_after(0);
        for (; left > 1; --left) day = at.days.at_or_after(*day + 1);
        return at.begin + days{*day} + time_of_day_;
    }
    return end_of_time;
}

// Instants decide, since the wall clock runs twice through a repeated hour, and a slot in a gap
// happens later than its local time says. No zone is more than a day away from its own clock.
LocalTime Recurrence::last_at(Timestamp until, const TimeZone& zone) const {
    auto slot = prev_before(std::min(zone.to_local(until) + days{1}, end_of_time) + seconds{1});
    while (slot && zone.to_utc(*slot).at > until) slot = prev_before(*slot);
    return slot.value_or(first_ - seconds{1});
}

Result<Recurrence> Recurrence::make(const Rrule& rule, LocalTime dtstart, const TimeZone& zone) {
    if (dtstart < LocalTime{local_days{year{1} / 1 / 1}} || dtstart > end_of_time)
        return invalid_argument("dtstart", "lies outside the years 1 to 9999");
    Recurrence made(rule, dtstart, zone);
    if (rule.until) {
        const auto& until = *rule.until;
        made.last_ = until.is_date  ? until.local + days{1} - seconds{1}
                     : until.is_utc ? made.last_at(Timestamp{until.local.time_since_epoch()}, zone)
                                    : until.local;
    }
    const auto first = made.at_or_after(made.start_day_);
    if (!first)
        return invalid_argument("rrule", format_rrule(rule) +
                                             " never matches from its start on; nothing would "
                                             "ever come");
    made.first_ = *first;
    if (rule.count) made.last_ = made.nth(*rule.count);
    return made;
}

Result<Recurrence> Recurrence::make(const RecurrenceSpec& spec) {
    auto zone = TimeZone::load(spec.tzid.empty() ? "UTC" : spec.tzid);
    if (!zone) return tl::unexpected(zone.error());
    return make(spec.rrules.at(0), spec.dtstart, *zone);
}

Slot Recurrence::slot_at(const RecurrenceId& id) const {
    return {id, zone_.to_utc(id.local).at, id.local.time_since_epoch().count() * 100'000};
}
std::optional<Slot> Recurrence::next_after(const Slot& slot) const {
    const auto next = next_after(slot.id.local);
    return next ? std::optional(slot_at({*next, false})) : std::nullopt;
}
std::optional<Slot> Recurrence::prev_before(const Slot& slot) const {
    const auto previous = prev_before(slot.id.local);
    return previous ? std::optional(slot_at({*previous, false})) : std::nullopt;
}
std::optional<Slot> Recurrence::next_after(Timestamp time) const {
    auto slot = next_after(zone_.to_local(time) - days{1});
    while (slot && zone_.to_utc(*slot).at <= time) slot = next_after(*slot);
    return slot ? std::optional(slot_at({*slot, false})) : std::nullopt;
}
std::optional<Slot> Recurrence::prev_before(Timestamp time) const {
    auto slot = prev_before(zone_.to_local(time) + days{1});
    while (slot && zone_.to_utc(*slot).at >= time) slot = prev_before(*slot);
    return slot ? std::optional(slot_at({*slot, false})) : std::nullopt;
}
bool Recurrence::contains(const RecurrenceId& id) const {
    return !id.fold && contains(id.local);
}
std::uint64_t Recurrence::count_in(const Slot& from, const Slot& to) const {
    return count_in(from.id.local, to.id.local);
}

}  // namespace taskd::core
