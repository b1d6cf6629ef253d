// SPDX-License-Identifier: Apache-2.0
#include "core/day_rule.h"

#include "core/civil.h"

#include <algorithm>
#include <numeric>

namespace taskd::core {
namespace {

/// What DTSTART says where the rule is silent.
std::vector<int> values_or(const std::vector<int>& values, std::int64_t standard) {
    return values.empty() ? std::vector<int>{static_cast<int>(standard)} : values;
}

TimesOfDay times_of(const Rrule& rule, std::int64_t start, bool is_date) {
    if (is_date) return TimesOfDay({0}, {0}, {0});
    const std::int64_t time = floor_mod(start, day_seconds);
    return TimesOfDay(values_or(rule.by_hour, time / 3600),
                      values_or(rule.by_minute, time / 60 % 60),
                      values_or(rule.by_second, time % 60));
}

std::uint64_t low_bits(std::int64_t count) {
    if (count <= 0) return 0;
    return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

}  // namespace

DayRule::DayRule(const Rrule& given, std::int64_t start, bool is_date)
    : frequency_(given.frequency),
      skip_(given.frequency < Frequency::monthly ? Skip::omit : given.skip),
      interval_(given.interval),
      start_(start),
      last_(local_max),
      start_day_(floor_div(start, day_seconds)),
      first_block_(0),
      week_start_(given.week_start),
      times_(times_of(given, start, is_date)),
      positions_(given.by_set_pos) {
    const Rrule rule = with_defaults(given, start_day_);
    for (const int month : rule.by_month) months_ |= std::uint64_t{1} << month;
    if (frequency_ == Frequency::weekly)
        for (const auto& day : rule.by_day)
            week_ |= std::uint64_t{1} << ((day.weekday + 7 - week_start_) % 7);
    else if (frequency_ == Frequency::yearly)
        year_masks_ = std::make_shared<YearMasks>(rule);
    else
        month_masks_ = std::make_shared<MonthMasks>(rule);
    for (std::int64_t day = 0; frequency_ == Frequency::daily && day < 64; day += interval_)
        stride_ |= std::uint64_t{1} << day;
    first_block_ = block_of(start_day_);
}

bool DayRule::possible() const {
    if (month_masks_ && month_masks_->empty()) return false;
    if (year_masks_ && year_masks_->empty()) return false;
    if (positions_.all()) return true;
    const std::int64_t days = frequency_ == Frequency::daily ? 1
                              : year_masks_                  ? year_masks_->largest()
                              : month_masks_                 ? month_masks_->largest()
                                             : static_cast<unsigned>(std::popcount(week_));
    // A position beyond the largest period is never reached.
    return positions_.at_or_after(0, days * times_.count()).has_value();
}

std::int64_t DayRule::block_of(std::int64_t day) const {
    if (frequency_ == Frequency::weekly) {
        const std::int64_t week = floor_mod(start_day_ + 3 - week_start_, 7);
        return floor_div(day - (start_day_ - week), 7);
    }
    const CivilDay date = civil_day(day);
    if (frequency_ == Frequency::yearly) return date.year;
    return date.year * 12 + date.month - 1;
}

// INTERVAL counts blocks from DTSTART's own, except that DAILY counts days within its months.
std::int64_t DayRule::aligned_up(std::int64_t block) const {
    if (frequency_ == Frequency::daily || interval_ == 1) return block;
    const std::int64_t rest = floor_mod(block - first_block_, interval_);
    return rest == 0 ? block : block + interval_ - rest;
}
std::int64_t DayRule::aligned_down(std::int64_t block) const {
    if (frequency_ == Frequency::daily || interval_ == 1) return block;
    return block - floor_mod(block - first_block_, interval_);
}

void DayRule::load(std::int64_t index, Block& into) const {
    if (frequency_ == Frequency::yearly) {
        into.begin = day_number(index, 1, 1);
        into.words = DayMask::words;
        into.days = year_masks_->of(index, into.begin);
        return;
    }
    std::uint64_t bits = 0;
    if (frequency_ == Frequency::weekly) {
        const std::int64_t week = floor_mod(start_day_ + 3 - week_start_, 7);
        into.begin = start_day_ - week + 7 * index;
        bits = week_;
        if (months_ != 0) {  // BYMONTH limits; a week may lie in two months
            const CivilDay date = civil_day(into.begin);
            const unsigned left = month_length(is_leap(date.year), date.month) - date.day + 1;
            const std::uint64_t here = low_bits(left);
            if ((months_ >> date.month & 1U) == 0) bits &= ~here;
            if ((months_ >> (date.month % 12 + 1) & 1U) == 0) bits &= here;
        }
    } else {
        const auto year = floor_div(index, 12);
        const auto month = static_cast<unsigned>(floor_mod(index, 12)) + 1;
        const std::int64_t first = day_number(year, month, 1);
        into.begin = first - 1;
        bits = month_masks_->of(year, month, first);
        if (frequency_ == Frequency::daily && interval_ != 1) {
            const std::int64_t next = floor_mod(start_day_ - into.begin, interval_);
            bits &= next < 64 ? stride_ << next : 0;
        }
    }
    into.words = 1;
    into.days = DayMask{};
    into.days.set_from(0, bits);
}

// ---- one block ------------------------------------------------------------------------------

std::int64_t DayRule::slot_in(const Block& block, std::int64_t index) const {
    const unsigned times = times_.count();
    if (times == 1)
        return (block.begin + block.days.nth(static_cast<unsigned>(index))) * day_seconds +
               times_.nth(0);
    const auto at = static_cast<unsigned>(index);
    return (block.begin + block.days.nth(at / times)) * day_seconds + times_.nth(at % times);
}

/// How many of the block's slots, before BYSETPOS, are earlier than `time`: the index of `time`.
static std::int64_t index_of(const DayMask& days, std::int64_t begin, const TimesOfDay& times,
                             std::int64_t time) {
    const std::int64_t day = floor_div(time, day_seconds) - begin;
    if (day < 0) return 0;
    if (day >= DayMask::days_max) return std::int64_t{days.count()} * times.count();
    const auto at = static_cast<unsigned>(day);
    const std::int64_t index = std::int64_t{days.count_before(at)} * times.count();
    return days.test(at) ? index + times.count_before(floor_mod(time, day_seconds)) : index;
}

std::int64_t DayRule::slots_before(const Block& block, std::int64_t time) const {
    const std::int64_t index = index_of(block.days, block.begin, times_, time);
    if (positions_.all()) return index;
    const std::int64_t times = times_.count();
    if (groups_are_days())
        return index / times * positions_.count_before(times, times) +
               positions_.count_before(index % times, times);
    return positions_.count_before(index, block.days.count() * times);
}

std::int64_t DayRule::slots_in(const Block& block) const {
    const std::int64_t times = times_.count();
    const std::int64_t all = block.days.count() * times;
    if (positions_.all()) return all;
    if (groups_are_days()) return block.days.count() * positions_.count_before(times, times);
    return positions_.count_before(all, all);
}

/// The last slot of the block that is not later than `time`.
std::optional<std::int64_t> DayRule::last_in(const Block& block, std::int64_t time) const {
    const std::int64_t index = index_of(block.days, block.begin, times_, time + 1) - 1;
    if (index < 0) return {};
    if (positions_.all()) return slot_in(block, index);
    const std::int64_t times = times_.count();
    if (!groups_are_days()) {
        const auto kept = positions_.at_or_before(index, block.days.count() * times);
        if (!kept) return {};
        return slot_in(block, *kept);
    }
    for (std::int64_t day = index / times, upto = index % times; day >= 0; --day, upto = times - 1)
        if (const auto kept = positions_.at_or_before(upto, times))
            return slot_in(block, day * times + *kept);
    return {};
}

// ---- questions ------------------------------------------------------------------------------

std::optional<std::int64_t> DayRule::at_or_after(std::int64_t time) const {
    if (time > last_) return {};
    Cursor cursor(*this);
    if (time > start_) cursor.seek(time);
    std::int64_t slot = 0;
    if (!cursor.next(slot)) return {};
    return slot;
}

std::optional<std::int64_t> DayRule::at_or_before(std::int64_t time) const {
    time = std::min(time, last_);
    if (time < start_) return {};
    const std::int64_t ahead = moves_days() ? 1 : 0;  // the month after may have moved a day here
    Block block;
    std::int64_t index = aligned_down(block_of(floor_div(time, day_seconds)) + ahead);
    for (; index >= first_block_; index -= groups_are_days() ? 1 : interval_) {
        load(index, block);
        const auto found = last_in(block, time);
        if (!found) continue;
        if (*found < start_) return {};
        return found;
    }
    return {};
}

/// The number of slots of every block, where all are the same.
std::optional<std::int64_t> DayRule::constant_count() const {
    if (frequency_ != Frequency::weekly || months_ != 0) return {};
    Block block;
    load(0, block);
    return slots_in(block);
}

/// Of `blocks` weeks, if they are more than one cycle of the calendar: 400 years are 20 871 weeks.
std::optional<DayRule::Cycle> DayRule::cycle_from(std::int64_t block, std::int64_t blocks) const {
    constexpr std::int64_t weeks = 146'097 / 7;
    if (frequency_ != Frequency::weekly) return {};
    Cycle cycle{weeks / std::gcd(weeks, interval_), 0};
    if (const auto constant = constant_count()) return Cycle{1, *constant};
    if (blocks <= cycle.blocks) return {};
    Block at;
    for (std::int64_t index = 0; index < cycle.blocks; ++index) {
        load(block + index * interval_, at);
        cycle.slots += slots_in(at);
    }
    return cycle;
}

std::int64_t DayRule::count(std::int64_t from, std::int64_t to) const {
    from = std::max(from, start_);
    to = std::min(to, last_);
    if (from > to) return 0;
    if (moves_days()) {  // two months may name one day, so only looking tells
        std::int64_t total = 0;
        std::int64_t slot = 0;
        Cursor cursor(*this);
        cursor.seek(from);
        while (cursor.next(slot) && slot <= to) ++total;
        return total;
    }
    const std::int64_t step = groups_are_days() ? 1 : interval_;
    const std::int64_t first = aligned_up(block_of(floor_div(from, day_seconds)));
    const std::int64_t last = aligned_down(block_of(floor_div(to, day_seconds)));
    if (first > last) return 0;
    Block block;
    load(first, block);
    std::int64_t total = -slots_before(block, from);
    std::int64_t at = first;
    const std::int64_t blocks = (last - first) / step;
    if (const auto cycle = cycle_from(first, blocks)) {
        total += blocks / cycle->blocks * cycle->slots;
        at += blocks / cycle->blocks * cycle->blocks * step;
    }
    for (; at < last; at += step) {
        load(at, block);
        total += slots_in(block);
    }
    load(last, block);
    return total + slots_before(block, to + 1);
}

std::optional<std::int64_t> DayRule::nth(std::int64_t index) const {
    if (moves_days()) {
        Cursor cursor(*this);
        std::int64_t slot = 0;
        for (; cursor.next(slot); --index)
            if (index == 0) return slot;
        return {};
    }
    const std::int64_t step = groups_are_days() ? 1 : interval_;
    const std::int64_t end = block_of(floor_div(last_, day_seconds));
    Block block;
    load(first_block_, block);
    index += slots_before(block, start_);
    std::int64_t at = first_block_;
    const auto cycle = cycle_from(at, (end - at) / step);
    if (cycle && cycle->slots > 0) {
        const std::int64_t cycles =
            std::min(index / cycle->slots, (end - at) / step / cycle->blocks);
        at += cycles * cycle->blocks * step;
        index -= cycles * cycle->slots;
    }
    for (; at <= end; at += step) {
        load(at, block);
        const std::int64_t here = slots_in(block);
        if (index >= here) {
            index -= here;
            continue;
        }
        // Within the block the kept ones are found one by one.
        if (positions_.all()) {
            const std::int64_t slot = slot_in(block, index);
            if (slot > last_) return {};
            return slot;
        }
        const bool is_month = month_masks_ != nullptr;  // whose bit 0 is the day before
        std::int64_t left = index - (at == first_block_ ? slots_before(block, start_) : 0);
        std::int64_t slot = 0;
        Cursor cursor(*this);
        cursor.seek(std::max((block.begin + (is_month ? 1 : 0)) * day_seconds, start_));
        for (; cursor.next(slot); --left)
            if (left == 0) return slot;
        return {};
    }
    return {};
}

// ---- the cursor -----------------------------------------------------------------------------

void DayRule::Cursor::seek(std::int64_t time) {
    const DayRule& rule = *rule_;
    time = std::max(time, rule.start_);
    times_count_ = rule.times_.count();
    first_time_ = rule.times_.nth(0);
    before_ = time - 1;
    const std::int64_t day = floor_div(time, day_seconds);
    last_block_ = rule.block_of(floor_div(rule.last_, day_seconds));
    block_index_ = std::max(rule.first_block_,
                            rule.aligned_up(rule.block_of(day) - (rule.moves_days() ? 1 : 0)));
    time_ = times_count_;
    if (block_index_ > last_block_) {
        bits_ = 0;
        word_ = DayMask::words;
        block_.words = 0;
        group_size_ = position_ = 0;
        return;
    }
    rule.load(block_index_, block_);
    const std::int64_t into = std::max<std::int64_t>(day - block_.begin, 0);
    word_ = static_cast<unsigned>(into / 64);
    bits_ = word_ < block_.words ? block_.days.word(word_) & ~low_bits(into % 64) : 0;
    const bool here = day >= block_.begin && into < DayMask::days_max &&
                      block_.days.test(static_cast<unsigned>(into));
    if (rule.positions_.all()) {
        if (!here) return;
        bits_ &= bits_ - 1;
        day_ = day;
        time_ = rule.times_.count_before(floor_mod(time, day_seconds));
        return;
    }
    const std::int64_t index = index_of(block_.days, block_.begin, rule.times_, time);
    if (!rule.groups_are_days()) {
        group_size_ = std::int64_t{block_.days.count()} * times_count_;
        position_ = index;
        return;
    }
    group_size_ = position_ = 0;
    if (!here) return;
    bits_ &= bits_ - 1;
    day_ = day;
    group_size_ = times_count_;
    position_ = rule.times_.count_before(floor_mod(time, day_seconds));
}

bool DayRule::Cursor::next_block() {
    block_index_ += rule_->groups_are_days() ? 1 : rule_->interval_;
    if (block_index_ > last_block_) {
        block_.words = 0;
        bits_ = 0;
        return false;
    }
    rule_->load(block_index_, block_);
    word_ = 0;
    bits_ = block_.days.word(0);
    return true;
}

bool DayRule::Cursor::next_day() {
    while (bits_ == 0) {
        if (++word_ < block_.words)
            bits_ = block_.days.word(word_);
        else if (!next_block())
            return false;
    }
    day_ = block_.begin + word_ * 64 + std::countr_zero(bits_);
    bits_ &= bits_ - 1;
    return true;
}

bool DayRule::Cursor::next(std::int64_t& slot) {
    if (!rule_->positions_.all()) return next_position(slot);
    do {
        if (time_ < times_count_) {
            slot = day_ * day_seconds + rule_->times_.nth(time_++);
        } else {
            if (!next_day()) return false;
            slot = day_ * day_seconds + first_time_;
            time_ = 1;
        }
    } while (slot <= before_);
    before_ = slot;
    return slot <= rule_->last_;
}

bool DayRule::Cursor::next_group() {
    position_ = 0;
    if (rule_->groups_are_days()) {
        group_size_ = times_count_;
        return next_day();
    }
    if (!next_block()) return false;
    group_size_ = std::int64_t{block_.days.count()} * times_count_;
    return true;
}

bool DayRule::Cursor::next_position(std::int64_t& slot) {
    do {
        auto kept = rule_->positions_.at_or_after(position_, group_size_);
        while (!kept) {
            if (!next_group()) return false;
            kept = rule_->positions_.at_or_after(0, group_size_);
        }
        position_ = *kept + 1;
        slot = rule_->groups_are_days()
                   ? day_ * day_seconds + rule_->times_.nth(static_cast<unsigned>(*kept))
                   : rule_->slot_in(block_, *kept);
    } while (slot <= before_);
    before_ = slot;
    return slot <= rule_->last_;
}

}  // namespace taskd::core
