// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/civil.h"
#include "core/day_mask.h"
#include "core/rrule.h"

#include <array>
#include <cstdint>

namespace taskd::core {

/// A rule's days per shape of period, compiled once; RFC 5545 section 3.3.10's table decides which
/// part limits and which expands. Three shapes of period matter:
///
/// - a month by its number, leap year or not, and the weekday of its first day: 168 shapes. The
/// bits
///   begin one day ahead of the month and end one behind it, where SKIP moves days to.
/// - a year by leap year or not, weekday of its first day, and whether its neighbours are leap
///   years, which decides to which ISO week its first and last days belong: 35 shapes.
class MonthMasks {
public:
    /// For MONTHLY the days that a rule gives, for other frequencies those that it allows.
    explicit MonthMasks(const Rrule& rule);

    [[nodiscard]] std::uint64_t of(std::int64_t year, unsigned month,
                                   std::int64_t first_day) const {
        return masks_[index(is_leap(year), month, weekday_of_day(first_day))];
    }
    [[nodiscard]] bool empty() const { return masks_ == decltype(masks_){}; }
    /// The most days that a month has.
    [[nodiscard]] unsigned largest() const;

private:
    static std::size_t index(bool leap, unsigned month, unsigned first_weekday) {
        return (first_weekday * 2 + (leap ? 1U : 0U)) * 12 + month - 1;
    }
    std::array<std::uint64_t, 168> masks_{};
};

class YearMasks {
public:
    explicit YearMasks(const Rrule& rule);

    [[nodiscard]] const DayMask& of(std::int64_t year, std::int64_t first_day) const {
        const unsigned neighbours = is_leap(year)       ? 4U
                                    : is_leap(year - 1) ? 1U
                                    : is_leap(year + 1) ? 2U
                                                        : 0U;
        return masks_[weekday_of_day(first_day) * 5 + neighbours];
    }
    [[nodiscard]] bool empty() const { return masks_ == decltype(masks_){}; }
    /// The most days that a year has.
    [[nodiscard]] unsigned largest() const;

private:
    std::array<DayMask, 35> masks_{};
};

/// The rule with what it leaves to DTSTART written out: the weekday of WEEKLY, the month day of
/// MONTHLY and so on ("information, not contained in the rule", RFC 5545 section 3.3.10).
[[nodiscard]] Rrule with_defaults(Rrule rule, std::int64_t start_day);

}  // namespace taskd::core
