// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/rrule.h"
#include "core/rule_masks.h"
#include "core/set_positions.h"
#include "core/time_zone.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

namespace taskd::core {

/// A rule with FREQ SECONDLY, MINUTELY or HOURLY, without COUNT and UNTIL: which instants it names.
/// All times are seconds since 1970 in UTC.
///
/// It steps in absolute time, as a clock does that nobody sets: "every 6 hours" is 6 hours apart
/// also on the day on which the wall clock jumps. Parts that limit (BYHOUR ..) look at the wall
/// clock of the zone; both passes of a repeated hour are there, and none of a gap.
///
/// Cost: looking for a slot doesn't depend on the distance from DTSTART. It jumps over days, hours
///       and minutes that the rule doesn't want, and over stretches of one UTC offset in which the
///       grid of INTERVAL never meets a wanted time.
class ClockRule {
public:
    ClockRule(const Rrule& rule, std::int64_t start, const TimeZone& zone);

    void set_last(std::int64_t last) { last_ = last; }
    [[nodiscard]] std::int64_t last() const { return last_; }

    /// False if no calendar has a time that the rule names.
    [[nodiscard]] bool possible() const;

    /// Whether it has a slot there; looks no further than at that period.
    [[nodiscard]] bool has_slot(std::int64_t instant) const;
    [[nodiscard]] std::optional<std::int64_t> at_or_after(std::int64_t time) const;
    [[nodiscard]] std::optional<std::int64_t> at_or_before(std::int64_t time) const;

    /// How many slots lie from `from` to `to`, both included, if they are at most `max`; else `max`
    /// or more.
    [[nodiscard]] std::int64_t count(std::int64_t from, std::int64_t to, std::int64_t max) const;
    /// More slots than there can be up to `to`, for next to nothing.
    [[nodiscard]] std::int64_t count_bound(std::int64_t to) const;
    [[nodiscard]] std::optional<std::int64_t> nth(std::int64_t index) const;

    /// Goes through the slots in order, without allocating anything.
    class Cursor;

private:
    /// The rule as it is in one stretch with one offset.
    struct View {
        OffsetSegment segment;
        std::uint64_t minutes = 0;
        std::uint64_t seconds = 0;
        std::int64_t day_begin = 0;  // a day (or more) that is known to be wanted
        std::int64_t day_end = 0;
    };
    void pick_seconds();
    void look_at(std::int64_t time, View& view) const;
    [[nodiscard]] bool aligned(std::int64_t& time) const;
    [[nodiscard]] bool up(std::int64_t& time, View& view, std::int64_t last) const;
    [[nodiscard]] bool down(std::int64_t& time, View& view) const;
    [[nodiscard]] bool find_day_up(std::int64_t& day) const;
    [[nodiscard]] bool find_day_down(std::int64_t& day) const;
    [[nodiscard]] bool meets(const View& view) const;
    [[nodiscard]] bool meets_across(const View& view, std::int64_t divisor) const;
    [[nodiscard]] std::optional<std::int64_t> meeting(std::int64_t time, const View& view) const;
    [[nodiscard]] std::int64_t period_begin(std::int64_t time) const;
    [[nodiscard]] std::optional<std::int64_t> kept_up(std::int64_t time) const;
    [[nodiscard]] std::optional<std::int64_t> kept_down(std::int64_t time) const;
    [[nodiscard]] std::int64_t slots_per_unit(const View& view) const;

    std::int64_t unit_;      // seconds of one period
    std::int64_t interval_;  // periods from one to the next
    std::int64_t start_;
    std::int64_t last_;
    std::int64_t start_offset_;
    std::int64_t origin_;    // the begin of DTSTART's period
    std::int64_t sub_unit_;  // what DTSTART says of the minute and second in its period
    std::uint64_t hours_;
    std::uint64_t minutes_;  // 0: from DTSTART
    std::uint64_t seconds_;
    std::int64_t inverse_ = 0;  // of INTERVAL modulo a day's units, both without common divisor
    unsigned weekdays_;         // BYDAY, bit 0 = Monday
    bool any_day_;
    bool any_time_;  // one slot in every period, whatever the wall clock says
    TimeZone zone_;
    SetPositions positions_;
    std::shared_ptr<const MonthMasks> months_;
};

class ClockRule::Cursor {
public:
    explicit Cursor(const ClockRule& rule) : rule_(&rule), time_(rule.start_) {
        rule.look_at(time_, view_);
    }
    void seek(std::int64_t time) { time_ = std::max(time, rule_->start_); }
    [[nodiscard]] bool next(std::int64_t& slot);

    /// The stretch in which the last slot lies.
    [[nodiscard]] const OffsetSegment& segment() const { return view_.segment; }

private:
    const ClockRule* rule_;
    std::int64_t time_;  // the next one is not earlier
    View view_;
};

}  // namespace taskd::core
