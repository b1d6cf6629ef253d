// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/day_mask.h"
#include "core/rrule.h"
#include "core/rule_masks.h"
#include "core/set_positions.h"
#include "core/times_of_day.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

namespace taskd::core {

/// A rule with FREQ DAILY to YEARLY, without COUNT and UNTIL: which nominal local times it names.
/// It knows no zone. All times are seconds of local time (core/civil.h).
///
/// The calendar is cut into blocks: weeks for WEEKLY, years for YEARLY, months for the others. Each
/// block has a mask of days by its shape; each day has the times of the rule.
///
/// Cost: looking for a slot doesn't depend on the distance from DTSTART. It passes over empty
///       blocks one by one, of which the whole calendar has 120 000 months.
class DayRule {
public:
    /// `start` is DTSTART; of a DATE series the parts BYHOUR, BYMINUTE and BYSECOND are ignored, as
    /// the RFC wants.
    DayRule(const Rrule& rule, std::int64_t start, bool is_date);

    /// Nothing is named later than this, at first the end of year 9999.
    void set_last(std::int64_t last) { last_ = last; }
    [[nodiscard]] std::int64_t last() const { return last_; }

    /// False if no calendar has a day that the rule names.
    [[nodiscard]] bool possible() const;

    [[nodiscard]] std::optional<std::int64_t> at_or_after(std::int64_t time) const;
    [[nodiscard]] std::optional<std::int64_t> at_or_before(std::int64_t time) const;

    /// How many slots lie from `from` to `to`, both included; in steps of whole blocks.
    [[nodiscard]] std::int64_t count(std::int64_t from, std::int64_t to) const;
    /// The slot with `index` slots before it.
    [[nodiscard]] std::optional<std::int64_t> nth(std::int64_t index) const;

    /// Goes through the slots in order, without allocating anything.
    class Cursor;

private:
    struct Block {
        std::int64_t begin = 0;  // the day of bit 0
        unsigned words = 1;
        DayMask days;
    };
    [[nodiscard]] std::int64_t block_of(std::int64_t day) const;
    [[nodiscard]] std::int64_t aligned_up(std::int64_t block) const;
    [[nodiscard]] std::int64_t aligned_down(std::int64_t block) const;
    void load(std::int64_t block, Block& into) const;
    [[nodiscard]] bool groups_are_days() const { return frequency_ == Frequency::daily; }
    [[nodiscard]] std::int64_t slots_before(const Block& block, std::int64_t time) const;
    [[nodiscard]] std::int64_t slots_in(const Block& block) const;
    [[nodiscard]] std::optional<std::int64_t> last_in(const Block& block, std::int64_t time) const;
    [[nodiscard]] std::int64_t slot_in(const Block& block, std::int64_t index) const;
    [[nodiscard]] bool moves_days() const {
        return skip_ != Skip::omit && frequency_ == Frequency::monthly;
    }
    [[nodiscard]] std::optional<std::int64_t> constant_count() const;

    Frequency frequency_;
    Skip skip_;
    std::int64_t interval_;
    std::int64_t start_;
    std::int64_t last_;
    std::int64_t start_day_;
    std::int64_t first_block_;
    unsigned week_start_;
    std::uint64_t week_ = 0;    // the wanted days of a week
    std::uint64_t months_ = 0;  // the wanted months, bit 1 = January
    std::uint64_t stride_ = 0;  // every INTERVAL-th bit, for DAILY
    TimesOfDay times_;
    SetPositions positions_;
    std::shared_ptr<const MonthMasks> month_masks_;
    std::shared_ptr<const YearMasks> year_masks_;
};

class DayRule::Cursor {
public:
    explicit Cursor(const DayRule& rule) : rule_(&rule) { seek(rule.start_); }

    /// The next call of next() gives the first slot at or after `time`.
    void seek(std::int64_t time);
    [[nodiscard]] bool next(std::int64_t& slot);

private:
    bool next_day();
    bool next_block();
    bool next_position(std::int64_t& slot);
    bool next_group();

    const DayRule* rule_;
    Block block_;
    std::int64_t block_index_ = 0;
    std::int64_t last_block_ = 0;
    unsigned word_ = 0;
    std::uint64_t bits_ = 0;  // the days of `word_` that are still to come
    std::int64_t day_ = 0;
    unsigned time_ = 0;            // the next time of `day_`
    unsigned times_count_ = 0;     // of a day
    std::int64_t first_time_ = 0;  // of a day
    std::int64_t position_ = 0;    // BYSETPOS: the next index in the group
    std::int64_t group_size_ = 0;
    std::int64_t before_ = 0;  // what was given last; SKIP may name a day twice
};

}  // namespace taskd::core
