// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "core/day_mask.h"
#include "core/result.h"
#include "core/rrule.h"
#include "core/time_zone.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace taskd::core {

/// The slots of a rule: nominal local times in order. Every answer is computed from DTSTART and the
/// calendar, never from the slot before, so monthly on the 31st doesn't drift (invariant 6).
///
/// Units:  local time of DTSTART's zone; a DATE rule has midnights. Years 1..9999.
/// Cost:   next_after, prev_before and contains don't depend on the distance from DTSTART; a rule
///         that never matches ends within one Gregorian cycle (400 years) of table look-ups.
/// Source: RFC 5545 section 3.3.10. DTSTART that the rule doesn't match is not a slot.
class Recurrence {
public:
    /// Errors: invalid_argument on `rrule` - the rule has no slot at all ("impossible").
    [[nodiscard]] static Result<Recurrence> make(const Rrule& rule, LocalTime dtstart,
                                                 const TimeZone& zone);

    [[nodiscard]] LocalTime first() const { return first_; }
    [[nodiscard]] std::optional<LocalTime> next_after(LocalTime time) const;
    [[nodiscard]] std::optional<LocalTime> prev_before(LocalTime time) const;
    [[nodiscard]] bool contains(LocalTime time) const;

    /// How many slots lie in [from, to]; exact, in steps of whole periods.
    [[nodiscard]] std::uint64_t count_in(LocalTime from, LocalTime to) const;

private:
    Recurrence(const Rrule& rule, LocalTime dtstart);

    // A period is a day, week, month or year by FREQ, numbered from DTSTART's own (0).
    struct Period {
        std::chrono::local_days begin;
        DayMask days;
    };
    void compile();
    [[nodiscard]] std::int64_t index_of(std::chrono::local_days day) const;
    [[nodiscard]] Period period(std::int64_t index) const;
    [[nodiscard]] std::optional<LocalTime> at_or_after(std::chrono::local_days day) const;
    [[nodiscard]] LocalTime nth(std::uint32_t count) const;
    [[nodiscard]] LocalTime last_at(Timestamp until, const TimeZone& zone) const;

    Rrule rule_;
    std::chrono::local_days start_day_;
    std::chrono::seconds time_of_day_;
    std::vector<DayMask> shapes_;  ///< by shape of the period; see shape_of_month, shape_of_year
    LocalTime first_;
    LocalTime last_;  ///< UNTIL, or the slot that COUNT ends with, or the end of year 9999
};

}  // namespace taskd::core
