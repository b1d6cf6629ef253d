// SPDX-License-Identifier: Apache-2.0
#include "core/clock_rule.h"

#include "core/civil.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace taskd::core {
namespace {

constexpr std::int64_t week_seconds = 7 * day_seconds;
constexpr std::uint64_t all_hours = (std::uint64_t{1} << 24U) - 1;
constexpr std::uint64_t all_sixty = (std::uint64_t{1} << 60U) - 1;
constexpr int meetings_max = 256;
constexpr int steps_before_doubt = 256;  // a search that takes longer may never end

std::uint64_t mask_of(const std::vector<int>& values, std::uint64_t none) {
    if (values.empty()) return none;
    std::uint64_t mask = 0;
    for (const int value : values) mask |= std::uint64_t{1} << value;
    return mask;
}

std::int64_t unit_of(Frequency frequency) {
    return frequency == Frequency::hourly ? 3600 : frequency == Frequency::minutely ? 60 : 1;
}

/// x with value * x = 1 modulo `modulus`; the two have no common divisor.
std::int64_t inverse_of(std::int64_t value, std::int64_t modulus) {
    std::int64_t result = 0;
    std::int64_t next = 1;
    std::int64_t rest = modulus;
    std::int64_t divisor = value % modulus;
    while (divisor != 0) {
        const std::int64_t times = rest / divisor;
        result = std::exchange(next, result - times * next);
        rest = std::exchange(divisor, rest - times * divisor);
    }
    return floor_mod(result, modulus);
}

/// The first set bit from `bit` on, 64 if there is none; the last one up to it, -1 if there is
/// none.
unsigned bit_from(std::uint64_t mask, unsigned bit) {
    return static_cast<unsigned>(std::countr_zero(mask & (~std::uint64_t{0} << bit)));
}
int bit_upto(std::uint64_t mask, unsigned bit) {
    return 63 - std::countl_zero(mask & (~std::uint64_t{0} >> (63 - bit)));
}
bool has(std::uint64_t mask, unsigned bit) {
    return (mask >> bit & 1U) != 0;
}

}  // namespace

ClockRule::ClockRule(const Rrule& rule, std::int64_t start, const TimeZone& zone)
    : unit_(unit_of(rule.frequency)),
      interval_(rule.interval),
      start_(start),
      last_(local_max - zone.segment_of_local(local_max).offset),
      start_offset_(zone.segment_at(start).offset),
      origin_(floor_div(start + start_offset_, unit_) * unit_ - start_offset_),
      sub_unit_(floor_mod(start + start_offset_, 3600)),
      hours_(mask_of(rule.by_hour, all_hours)),
      minutes_(mask_of(rule.by_minute, unit_ == 3600 ? 0 : all_sixty)),
      seconds_(mask_of(rule.by_second, unit_ == 1 ? all_sixty : 0)),
      weekdays_(0),
      any_day_(rule.by_month.empty() && rule.by_month_day.empty() && rule.by_year_day.empty() &&
               rule.by_day.empty()),
      any_time_(any_day_ && hours_ == all_hours && rule.by_minute.empty() &&
                rule.by_second.empty() && rule.by_set_pos.empty()),
      zone_(zone),
      positions_(rule.by_set_pos),
      months_(std::make_shared<MonthMasks>(rule)) {
    for (const auto& day : rule.by_day) weekdays_ |= 1U << day.weekday;
    if (rule.by_day.empty()) weekdays_ = 0x7f;
    if (!positions_.all() && unit_ < 3600) pick_seconds();
    const std::int64_t units = day_seconds / unit_;
    const std::int64_t divisor = std::gcd(interval_, units);
    inverse_ = units == divisor ? 0 : inverse_of(interval_ / divisor, units / divisor);
}

/// BYSETPOS within a minute or second picks the same seconds each time, so it is done once.
void ClockRule::pick_seconds() {
    const std::uint64_t given = seconds_ != 0 && unit_ == 60 ? seconds_ : 1;
    const std::int64_t size = std::popcount(given);
    std::uint64_t kept = 0;
    std::int64_t index = 0;
    for (std::uint64_t left = given; left != 0; left &= left - 1, ++index)
        if (positions_.at_or_after(index, size) == index) kept |= left & ~(left - 1);
    if (kept == 0) return;  // possible() says no
    if (seconds_ != 0 && unit_ == 60) seconds_ = kept;
    positions_ = SetPositions({});
}

void ClockRule::look_at(std::int64_t time, View& view) const {
    view.segment = zone_.segment_at(time);
    // Where the offset differs by less than an hour from DTSTART's, a step of whole hours shows
    // another minute.
    const std::int64_t sub_unit = floor_mod(sub_unit_ + view.segment.offset - start_offset_, 3600);
    view.minutes = minutes_ != 0 ? minutes_ : std::uint64_t{1} << (sub_unit / 60);
    view.seconds = seconds_ != 0 ? seconds_ : std::uint64_t{1} << (sub_unit % 60);
    view.day_begin = view.day_end = 0;
    if (any_day_) {
        view.day_begin = view.segment.begin;
        view.day_end = view.segment.end;
    }
}

bool ClockRule::possible() const {
    if (months_->empty()) return false;
    if (positions_.all()) return true;
    View view;
    look_at(start_, view);
    return positions_.at_or_after(0, slots_per_unit(view)).has_value();
}

std::int64_t ClockRule::slots_per_unit(const View& view) const {
    std::int64_t slots = 1;
    if (unit_ == 3600) slots *= std::popcount(view.minutes);
    if (unit_ >= 60) slots *= std::popcount(view.seconds);
    return slots;
}

std::int64_t ClockRule::period_begin(std::int64_t time) const {
    return time - floor_mod(time - origin_, unit_);
}

/// Whether `time` lies in a period that INTERVAL reaches; else it moves to the begin of the next
/// one that does.
bool ClockRule::aligned(std::int64_t& time) const {
    if (interval_ == 1) return true;
    const std::int64_t period = floor_div(time - origin_, unit_);
    const std::int64_t rest = floor_mod(period, interval_);
    if (rest == 0) return true;
    time = origin_ + (period + interval_ - rest) * unit_;
    return false;
}

bool ClockRule::find_day_up(std::int64_t& day) const {
    const CivilDay date = civil_day(day);
    std::int64_t year = date.year;
    unsigned month = date.month;
    std::int64_t first = day - date.day + 1;
    std::uint64_t bits = months_->of(year, month, first) & (~std::uint64_t{0} << date.day);
    while (bits == 0) {
        first += month_length(is_leap(year), month);
        if (++month > 12) {
            month = 1;
            if (++year > 9999) return false;
        }
        bits = months_->of(year, month, first);
    }
    day = first - 1 + std::countr_zero(bits);
    return true;
}

bool ClockRule::find_day_down(std::int64_t& day) const {
    const CivilDay date = civil_day(day);
    std::int64_t year = date.year;
    unsigned month = date.month;
    std::int64_t first = day - date.day + 1;
    std::uint64_t bits = months_->of(year, month, first) & (~std::uint64_t{0} >> (63 - date.day));
    while (bits == 0) {
        if (--month < 1) {
            month = 12;
            if (--year < 1) return false;
        }
        first -= month_length(is_leap(year), month);
        bits = months_->of(year, month, first);
    }
    day = first - 1 + (63 - std::countl_zero(bits));
    return true;
}

/// Whether the grid of INTERVAL ever meets a wanted time of the week in this stretch. The grid's
/// steps and the week have a common divisor; only times with the grid's own rest can be met.
bool ClockRule::meets(const View& view) const {
    const std::int64_t divisor = std::gcd(unit_ * interval_, week_seconds);
    if ((view.segment.offset - start_offset_) % unit_ != 0) return meets_across(view, divisor);
    const std::int64_t rest = floor_mod(origin_ + view.segment.offset, divisor);
    const auto meets_within = [&](std::int64_t span, std::int64_t base) {
        return floor_mod(base - rest, std::gcd(divisor, span)) == 0;
    };
    for (unsigned second = 0; second < 60; second += static_cast<unsigned>(unit_ == 1 ? 1 : 60)) {
        if (unit_ == 1 && (!has(view.seconds, second) || !meets_within(60, second))) continue;
        for (unsigned minute = 0; minute < 60; minute += unit_ == 3600 ? 60 : 1) {
            const std::int64_t in_hour = minute * 60 + second;
            if (unit_ < 3600 && (!has(view.minutes, minute) || !meets_within(3600, in_hour)))
                continue;
            for (unsigned hour = 0; hour < 24; ++hour) {
                const std::int64_t in_day = hour * 3600 + in_hour;
                if (!has(hours_, hour) || !meets_within(day_seconds, in_day)) continue;
                for (unsigned weekday = 0; weekday < 7; ++weekday)
                    if (has(weekdays_, weekday) &&
                        // Day 0 was a Thursday.
                        meets_within(week_seconds, (weekday + 4) % 7 * day_seconds + in_day))
                        return true;
            }
        }
    }
    return false;
}

/// The same where periods lie across the hours of the wall clock: each time of a week is asked for
/// its own period.
bool ClockRule::meets_across(const View& view, std::int64_t divisor) const {
    for (std::int64_t hour = 0; hour < 7 * 24; ++hour) {
        const auto weekday = static_cast<unsigned>(hour / 24 + 3) % 7;  // day 0 was a Thursday
        if (!has(weekdays_, weekday) || !has(hours_, static_cast<unsigned>(hour % 24))) continue;
        for (std::int64_t in_hour = 0; in_hour < 3600; ++in_hour) {
            if (!has(view.minutes, static_cast<unsigned>(in_hour / 60)) ||
                !has(view.seconds, static_cast<unsigned>(in_hour % 60)))
                continue;
            const std::int64_t time = hour * 3600 + in_hour - view.segment.offset;
            if (floor_mod(period_begin(time) - origin_, divisor) == 0) return true;
        }
    }
    return false;
}

/// The first time from `time` on that lies on the grid and at a wanted time of day, whatever the
/// day: for each wanted time a congruence (k * INTERVAL = time of day, modulo a day) is solved.
/// Worth it where few times are wanted, which the grid meets rarely.
std::optional<std::int64_t> ClockRule::meeting(std::int64_t time, const View& view) const {
    if (unit_ == 3600 || (view.segment.offset - start_offset_) % unit_ != 0) return {};
    const int wanted = std::popcount(hours_) * std::popcount(view.minutes) *
                       (unit_ == 1 ? std::popcount(view.seconds) : 1);
    if (wanted > meetings_max) return {};
    const std::int64_t units = day_seconds / unit_;
    const std::int64_t divisor = std::gcd(interval_, units);
    const std::int64_t cycle = units / divisor;
    const std::int64_t step = unit_ * interval_;
    const std::int64_t first = -floor_div(origin_ - time, step);  // rounds up
    const std::int64_t shift = floor_div(origin_ + view.segment.offset, unit_);
    std::optional<std::int64_t> best;
    for (auto hours = hours_; hours != 0; hours &= hours - 1)
        for (auto minutes = view.minutes; minutes != 0; minutes &= minutes - 1)
            for (auto seconds = unit_ == 1 ? view.seconds : 1; seconds != 0;
                 seconds &= seconds - 1) {
                const std::int64_t in_day = std::countr_zero(hours) * 3600LL +
                                            std::countr_zero(minutes) * 60LL +
                                            std::countr_zero(seconds);
                const std::int64_t rest = floor_mod(in_day / unit_ - shift, units);
                if (rest % divisor != 0) continue;
                const std::int64_t turn = rest / divisor * inverse_ % cycle;
                const std::int64_t found = first + floor_mod(turn - first, cycle);
                if (!best || found < *best) best = found;
            }
    if (!best) return {};
    return origin_ + *best * step;
}

/// Moves `time` up to the next slot, before BYSETPOS; false if there is none.
bool ClockRule::up(std::int64_t& time, View& view, std::int64_t last) const {
    std::array<std::pair<std::int64_t, bool>, 4> known{};  // offsets that were doubted before
    std::size_t known_count = 0;
    bool doubted = false;
    for (int steps = 1;; ++steps) {
        if (time > last) return false;
        if (time < view.segment.begin || time >= view.segment.end) {
            look_at(time, view);
            doubted = false;
        }
        const std::int64_t end = view.segment.end;
        if (steps > steps_before_doubt && !doubted) {
            doubted = true;
            const auto* seen =
                std::find_if(known.begin(), known.begin() + std::min(known_count, known.size()),
                             [&](const auto& entry) { return entry.first == view.segment.offset; });
            if (seen == known.begin() + std::min(known_count, known.size())) {
                known[known_count % known.size()] = {view.segment.offset, meets(view)};
                seen = &known[known_count++ % known.size()];
            }
            if (!seen->second) {
                time = end;
                continue;
            }
        }
        if (steps > steps_before_doubt)
            if (const auto next = meeting(period_begin(time), view); next && *next > time) {
                time = std::min(*next, end);
                if (time == end) continue;
            }
        if (!aligned(time)) continue;
        const std::int64_t local = time + view.segment.offset;
        if (time < view.day_begin || time >= view.day_end) {
            std::int64_t day = floor_div(local, day_seconds);
            if (!find_day_up(day)) return false;
            view.day_begin = day * day_seconds - view.segment.offset;
            view.day_end = std::min(view.day_begin + day_seconds, end);
            if (view.day_begin > time) {
                time = std::min(view.day_begin, end);
                continue;
            }
        }
        const auto in_day = static_cast<unsigned>(floor_mod(local, day_seconds));
        const unsigned hour = in_day / 3600;
        if (!has(hours_, hour)) {
            const unsigned next = std::min(bit_from(hours_, hour), 24U);
            time = std::min(time + (next * 3600 - in_day), end);
            continue;
        }
        const unsigned in_hour = in_day % 3600;
        const unsigned minute = in_hour / 60;
        if (!has(view.minutes, minute)) {
            const unsigned next = std::min(bit_from(view.minutes, minute), 60U);
            time = std::min(time + (next * 60 - in_hour), end);
            continue;
        }
        const unsigned second = in_hour % 60;
        if (!has(view.seconds, second)) {
            const unsigned next = std::min(bit_from(view.seconds, second), 60U);
            time = std::min(time + (next - second), end);
            continue;
        }
        return true;
    }
}

/// Moves `time` down to the slot before it, or leaves it on one; the mirror of up().
bool ClockRule::down(std::int64_t& time, View& view) const {
    for (int steps = 1;; ++steps) {
        if (time < start_) return false;
        if (time < view.segment.begin || time >= view.segment.end) look_at(time, view);
        const std::int64_t before = view.segment.begin - 1;
        if (steps % steps_before_doubt == 0 && !meets(view)) {
            time = before;
            continue;
        }
        const std::int64_t period = floor_div(time - origin_, unit_);
        const std::int64_t rest = floor_mod(period, interval_);
        if (rest != 0) {
            time = origin_ + (period - rest + 1) * unit_ - 1;
            continue;
        }
        const std::int64_t local = time + view.segment.offset;
        if (time < view.day_begin || time >= view.day_end) {
            std::int64_t day = floor_div(local, day_seconds);
            if (!find_day_down(day)) return false;
            view.day_begin = day * day_seconds - view.segment.offset;
            view.day_end = std::min(view.day_begin + day_seconds, view.segment.end);
            if (view.day_begin + day_seconds <= time) {
                time = std::max(view.day_begin + day_seconds - 1, before);
                continue;
            }
        }
        const auto in_day = static_cast<unsigned>(floor_mod(local, day_seconds));
        const unsigned hour = in_day / 3600;
        if (!has(hours_, hour)) {
            const int next = bit_upto(hours_, hour);
            time = std::max(time - in_day + (next + 1) * 3600 - 1, before);
            continue;
        }
        const unsigned in_hour = in_day % 3600;
        const unsigned minute = in_hour / 60;
        if (!has(view.minutes, minute)) {
            const int next = bit_upto(view.minutes, minute);
            time = std::max(time - in_hour + (next + 1) * 60 - 1, before);
            continue;
        }
        const unsigned second = in_hour % 60;
        if (!has(view.seconds, second)) {
            const int next = bit_upto(view.seconds, second);
            time = std::max(time - second + next, before);
            continue;
        }
        return true;
    }
}

/// BYSETPOS: a period's slots are counted, then the kept ones among them are looked at.
std::optional<std::int64_t> ClockRule::kept_up(std::int64_t time) const {
    View view;
    look_at(time, view);
    for (std::int64_t from = period_begin(time);;) {
        if (!up(from, view, last_)) return {};
        const std::int64_t end = period_begin(from) + unit_;
        std::int64_t size = 0;  // of the whole period, also behind UNTIL
        for (std::int64_t slot = from; up(slot, view, end - 1); ++slot) ++size;
        std::int64_t index = 0;
        for (std::int64_t slot = from; up(slot, view, end - 1); ++slot, ++index)
            if (slot >= time && positions_.at_or_after(index, size) == index) return slot;
        from = end;
    }
}

std::optional<std::int64_t> ClockRule::kept_down(std::int64_t time) const {
    View view;
    look_at(time, view);
    for (std::int64_t upto = time;;) {
        if (!down(upto, view)) return {};
        const std::int64_t begin = period_begin(upto);
        const std::int64_t end = begin + unit_;
        std::int64_t size = 0;
        for (std::int64_t slot = begin; up(slot, view, end - 1); ++slot) ++size;
        std::optional<std::int64_t> found;
        std::int64_t index = 0;
        for (std::int64_t slot = begin; up(slot, view, std::min(upto, end - 1)); ++slot, ++index)
            if (slot >= start_ && positions_.at_or_after(index, size) == index) found = slot;
        if (found) return found;
        upto = begin - 1;
    }
}

bool ClockRule::has_slot(std::int64_t instant) const {
    if (instant < start_ || instant > last_) return false;
    View view;
    look_at(instant, view);
    std::int64_t slot = instant;
    if (!up(slot, view, instant)) return false;
    if (positions_.all()) return true;
    const std::int64_t begin = period_begin(instant);
    std::int64_t size = 0;
    std::int64_t index = 0;
    for (slot = begin; up(slot, view, begin + unit_ - 1); ++slot, ++size)
        if (slot < instant) ++index;
    return positions_.at_or_after(index, size) == index;
}

std::optional<std::int64_t> ClockRule::at_or_after(std::int64_t time) const {
    time = std::max(time, start_);
    if (time > last_) return {};
    if (!positions_.all()) {
        const auto found = kept_up(time);
        if (!found || *found > last_) return {};
        return found;
    }
    View view;
    look_at(time, view);
    if (!up(time, view, last_)) return {};
    return time;
}

std::optional<std::int64_t> ClockRule::at_or_before(std::int64_t time) const {
    time = std::min(time, last_);
    if (time < start_) return {};
    if (!positions_.all()) return kept_down(time);
    View view;
    look_at(time, view);
    if (!down(time, view)) return {};
    return time;
}

bool ClockRule::Cursor::next(std::int64_t& slot) {
    const ClockRule& rule = *rule_;
    if (!rule.positions_.all()) {
        const auto found = rule.at_or_after(time_);
        if (!found) return false;
        slot = *found;
        if (slot < view_.segment.begin || slot >= view_.segment.end) rule.look_at(slot, view_);
        time_ = slot + 1;
        return true;
    }
    if (!rule.up(time_, view_, rule.last_)) return false;
    slot = time_;
    // With one slot in each period the next one is a whole step away, unless the offset changes.
    const bool single = rule.slots_per_unit(view_) == 1;
    const std::int64_t step = single ? rule.unit_ * rule.interval_ : 1;
    time_ = slot + step < view_.segment.end ? slot + step : slot + 1;
    return true;
}

// ---- counting -------------------------------------------------------------------------------

namespace {

/// How many of a day's wanted units are met by a grid of every `interval`-th one, by where in the
/// day the grid falls.
class UnitsOfDay {
public:
    UnitsOfDay(std::int64_t unit, std::int64_t interval, std::uint64_t hours, std::uint64_t minutes,
               std::uint64_t seconds)
        : units_(day_seconds / unit), interval_(interval) {
        counts_.resize(static_cast<std::size_t>(std::min(units_, interval)));
        for (std::int64_t index = 0; index < units_; ++index) {
            const auto time = static_cast<unsigned>(index * unit);
            if (!has(hours, time / 3600)) continue;
            if (unit < 3600 && !has(minutes, time / 60 % 60)) continue;
            if (unit == 1 && !has(seconds, time % 60)) continue;
            ++counts_[static_cast<std::size_t>(index % interval)];
        }
    }
    [[nodiscard]] std::int64_t units() const { return units_; }

    /// For a day that begins `units` after a point of the grid.
    [[nodiscard]] std::int64_t count(std::int64_t units) const {
        const std::int64_t first = floor_mod(-units, interval_);
        return first < static_cast<std::int64_t>(counts_.size())
                   ? counts_[static_cast<std::size_t>(first)]
                   : 0;
    }

private:
    std::int64_t units_;
    std::int64_t interval_;
    std::vector<std::int32_t> counts_;
};

}  // namespace

std::int64_t ClockRule::count(std::int64_t from, std::int64_t to, std::int64_t max) const {
    from = std::max(from, start_);
    to = std::min(to, last_);
    if (from > to) return 0;
    if (any_time_) {
        const std::int64_t step = unit_ * interval_;
        return floor_div(to - start_, step) - floor_div(from - 1 - start_, step);
    }
    std::int64_t total = 0;
    std::optional<UnitsOfDay> units;
    View view;
    look_at(from, view);
    for (std::int64_t time = from; total < max;) {
        if (!up(time, view, std::min(to, last_))) return total;
        const std::int64_t offset = view.segment.offset;
        const std::int64_t day = floor_div(time + offset, day_seconds) * day_seconds - offset;
        const std::int64_t day_end = day + day_seconds;
        // A whole day at once, where the wall clock runs evenly and periods lie inside its units.
        const bool whole = day >= from && day_end - 1 <= to && day >= view.segment.begin &&
                           day_end <= view.segment.end && (offset - start_offset_) % unit_ == 0;
        if (!whole && interval_ == 1 && unit_ < 3600) {
            const std::int64_t hour = floor_div(time + offset, 3600) * 3600 - offset;
            if (hour == time && hour + 3599 <= to && hour + 3600 <= view.segment.end) {
                total += std::popcount(view.minutes) * std::popcount(view.seconds);
                time += 3600;
                continue;
            }
        }
        if (!whole) {
            const auto kept = positions_.all() ? std::optional(time) : kept_up(time);
            if (!kept || *kept > to) return total;
            if (*kept >= day_end) {  // of another day, which may be counted whole
                time = *kept;
                continue;
            }
            ++total;
            time = *kept + 1;
            continue;
        }
        if (!units)
            units.emplace(unit_, interval_, hours_, minutes_ | (minutes_ == 0 ? all_sixty : 0),
                          seconds_ | (seconds_ == 0 ? all_sixty : 0));
        const std::int64_t slots = slots_per_unit(view);
        total += units->count(floor_div(day - origin_, unit_)) *
                 (positions_.all() ? slots : positions_.count_before(slots, slots));
        time = day_end;
    }
    return total;
}

std::int64_t ClockRule::count_bound(std::int64_t to) const {
    View view;
    look_at(start_, view);
    return (floor_div(to - origin_, unit_ * interval_) + 1) * slots_per_unit(view);
}

std::optional<std::int64_t> ClockRule::nth(std::int64_t index) const {
    if (any_time_) {
        const std::int64_t slot = start_ + index * unit_ * interval_;
        if (slot > last_) return {};
        return slot;
    }
    // Day by day to the one that has it, then slot by slot.
    std::int64_t low = start_;
    std::int64_t slot = 0;
    Cursor cursor(*this);
    for (std::int64_t days = 1; positions_.all();) {
        const std::int64_t here = count(low, low + days * day_seconds - 1, index + 1);
        if (here > index) {
            if (days == 1) break;
            days = 1;
            continue;
        }
        low += days * day_seconds;
        index -= here;
        days *= 2;
        if (low > last_) return {};
    }
    cursor.seek(low);
    for (; cursor.next(slot); --index)
        if (index == 0) return slot;
    return {};
}

}  // namespace taskd::core
