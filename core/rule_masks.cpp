// SPDX-License-Identifier: Apache-2.0
#include "core/rule_masks.h"

#include <algorithm>
#include <bit>

namespace taskd::core {
namespace {

/// A month as its masks see it: bit 1 is its first day.
struct Month {
    bool leap;
    unsigned number;  // 1..12
    unsigned first_weekday;

    [[nodiscard]] unsigned length() const { return month_length(leap, number); }
    [[nodiscard]] unsigned length_before() const {
        return month_length(leap, number == 1 ? 12 : number - 1);
    }
    [[nodiscard]] unsigned length_after() const {
        return month_length(leap, number == 12 ? 1 : number + 1);
    }
    [[nodiscard]] std::uint64_t all() const { return ((std::uint64_t{1} << length()) - 1U) << 1U; }
};

bool has(const std::vector<int>& values, int value) {
    return std::binary_search(values.begin(), values.end(), value);
}
bool wants_month(const Rrule& rule, unsigned month) {
    return rule.by_month.empty() || has(rule.by_month, static_cast<int>(month));
}

std::uint64_t bit(unsigned day) {
    return std::uint64_t{1} << day;
}

/// BYMONTHDAY: a day that the month does not have goes where SKIP says. Where BYMONTHDAY limits
/// days instead of naming them (finer than MONTHLY), no such day arises.
std::uint64_t month_days(const Rrule& rule, const Month& month) {
    const auto length = static_cast<int>(month.length());
    const bool names_days = rule.frequency >= Frequency::monthly;
    std::uint64_t days = 0;
    for (const int wanted : rule.by_month_day) {
        const int day = wanted > 0 ? wanted : length + 1 + wanted;
        if (day >= 1 && day <= length)
            days |= bit(static_cast<unsigned>(day));
        else if (names_days && rule.skip == Skip::backward)
            days |= bit(day < 1 ? 0 : month.length());
        else if (names_days && rule.skip == Skip::forward)
            days |= bit(day < 1 ? 1 : month.length() + 1);
    }
    return days;
}

bool matches(const std::vector<WeekdayNum>& by_day, unsigned weekday, int from_begin,
             int from_end) {
    return std::any_of(by_day.begin(), by_day.end(), [&](const WeekdayNum& wanted) {
        return wanted.weekday == weekday &&
               (wanted.ordinal == 0 || wanted.ordinal == from_begin || wanted.ordinal == from_end);
    });
}

/// Which weekday of its kind a day is, counted from the begin and from the end of a span; 0-based.
int nth_from_begin(unsigned day) {
    return static_cast<int>(day / 7) + 1;
}
int nth_from_end(unsigned day, unsigned length) {
    return -static_cast<int>((length - 1 - day) / 7) - 1;
}

/// BYDAY within a month, and within its neighbours for the days that SKIP moved there.
std::uint64_t weekdays_of_month(const std::vector<WeekdayNum>& by_day, const Month& month) {
    std::uint64_t days = 0;
    const unsigned length = month.length();
    for (unsigned day = 0; day < length; ++day)
        if (matches(by_day, (month.first_weekday + day) % 7, nth_from_begin(day),
                    nth_from_end(day, length)))
            days |= bit(day + 1);
    if (matches(by_day, (month.first_weekday + 6) % 7, nth_from_begin(month.length_before() - 1),
                -1))
        days |= bit(0);
    if (matches(by_day, (month.first_weekday + length) % 7, 1,
                nth_from_end(0, month.length_after())))
        days |= bit(length + 1);
    return days;
}

unsigned days_before_month(bool leap, unsigned month) {
    unsigned days = 0;
    for (unsigned before = 1; before < month; ++before) days += month_length(leap, before);
    return days;
}

std::uint64_t year_days_of_month(const std::vector<int>& by_year_day, const Month& month) {
    const auto year_length = month.leap ? 366 : 365;
    const auto before = static_cast<int>(days_before_month(month.leap, month.number));
    std::uint64_t days = 0;
    for (const int wanted : by_year_day) {
        const int day = (wanted > 0 ? wanted : year_length + 1 + wanted) - before;
        if (day >= 1 && day <= static_cast<int>(month.length()))
            days |= bit(static_cast<unsigned>(day));
    }
    return days;
}

std::uint64_t month_mask(const Rrule& rule, const Month& month) {
    if (!wants_month(rule, month.number)) return 0;
    const bool moves = rule.frequency == Frequency::monthly || rule.frequency == Frequency::yearly;
    std::uint64_t days = month.all();
    if (!rule.by_month_day.empty()) days = month_days(rule, month);
    if (!moves) days &= month.all();  // a part that only limits has no day to move
    // Within a year BYDAY and BYYEARDAY are decided by the year's mask.
    if (rule.frequency == Frequency::yearly) return days;
    if (!rule.by_year_day.empty()) days &= year_days_of_month(rule.by_year_day, month);
    if (!rule.by_day.empty()) days &= weekdays_of_month(rule.by_day, month);
    return days;
}

struct Year {
    bool leap;
    unsigned first_weekday;
    bool leap_before;
    bool leap_after;

    [[nodiscard]] unsigned length() const { return leap ? 366 : 365; }
    [[nodiscard]] Month month(unsigned number) const {
        return {leap, number, (first_weekday + days_before_month(leap, number)) % 7};
    }
};

/// The day of the year, from -3 to 3, on which its week 1 begins: the first week with four days in
/// the year (RFC 5545: ISO 8601 with WKST for Monday).
int week_one(unsigned first_weekday, unsigned week_start) {
    const auto into_week = static_cast<int>((first_weekday + 7 - week_start) % 7);
    return into_week <= 3 ? -into_week : 7 - into_week;
}
int weeks_in(unsigned length, unsigned first_weekday, unsigned week_start) {
    const int next = week_one((first_weekday + length) % 7, week_start) + static_cast<int>(length);
    return (next - week_one(first_weekday, week_start)) / 7;
}

/// BYWEEKNO: the days of the calendar year whose week has a wanted number. The first and last days
/// may belong to a week of the neighbouring year, whose numbers count then.
DayMask weeks_of_year(const Rrule& rule, const Year& year) {
    const auto wanted = [&](int number, int weeks) {
        return has(rule.by_week_no, number) || has(rule.by_week_no, number - weeks - 1);
    };
    const unsigned length_before = year.leap_before ? 366 : 365;
    const unsigned weekday_before = (year.first_weekday + 7 * 53 - length_before) % 7;
    const int weeks_before = weeks_in(length_before, weekday_before, rule.week_start);
    const int weeks = weeks_in(year.length(), year.first_weekday, rule.week_start);
    const unsigned weekday_after = (year.first_weekday + year.length()) % 7;
    const int weeks_after = weeks_in(year.leap_after ? 366 : 365, weekday_after, rule.week_start);

    DayMask days;
    const int first = week_one(year.first_weekday, rule.week_start);
    for (int day = 0; day < static_cast<int>(year.length()); ++day) {
        const int week = day < first ? 0 : (day - first) / 7 + 1;
        const bool match = week == 0      ? wanted(weeks_before, weeks_before)
                           : week > weeks ? wanted(1, weeks_after)
                                          : wanted(week, weeks);
        if (match) days.set(static_cast<unsigned>(day));
    }
    return days;
}

DayMask year_days(const Rrule& rule, const Year& year) {
    DayMask days;
    const auto length = static_cast<int>(year.length());
    for (const int wanted : rule.by_year_day) {
        const int day = wanted > 0 ? wanted - 1 : length + wanted;
        if (day >= 0 && day < length) days.set(static_cast<unsigned>(day));
    }
    return days;
}

/// BYDAY; ordinals count within the month if BYMONTH is there, else within the year.
DayMask weekdays_of_year(const Rrule& rule, const Year& year) {
    DayMask days;
    if (!rule.by_month.empty()) {
        for (unsigned number = 1; number <= 12; ++number) {
            const Month month = year.month(number);
            days.set_from(static_cast<int>(days_before_month(year.leap, number)),
                          (weekdays_of_month(rule.by_day, month) & month.all()) >> 1U);
        }
        return days;
    }
    for (unsigned day = 0; day < year.length(); ++day)
        if (matches(rule.by_day, (year.first_weekday + day) % 7, nth_from_begin(day),
                    nth_from_end(day, year.length())))
            days.set(day);
    return days;
}

DayMask year_mask(const Rrule& rule, const Year& year) {
    DayMask days;
    for (unsigned number = 1; number <= 12; ++number)
        days.set_from(static_cast<int>(days_before_month(year.leap, number)) - 1,
                      month_mask(rule, year.month(number)));
    if (!rule.by_week_no.empty()) days &= weeks_of_year(rule, year);
    if (!rule.by_year_day.empty()) days &= year_days(rule, year);
    if (!rule.by_day.empty()) days &= weekdays_of_year(rule, year);
    return days;
}

}  // namespace

MonthMasks::MonthMasks(const Rrule& rule) {
    for (unsigned weekday = 0; weekday < 7; ++weekday)
        for (const bool leap : {false, true})
            for (unsigned month = 1; month <= 12; ++month)
                masks_[index(leap, month, weekday)] = month_mask(rule, {leap, month, weekday});
}

YearMasks::YearMasks(const Rrule& rule) {
    for (unsigned weekday = 0; weekday < 7; ++weekday)
        for (unsigned neighbours = 0; neighbours < 5; ++neighbours)
            masks_[weekday * 5 + neighbours] =
                year_mask(rule, {neighbours == 4, weekday, neighbours == 1, neighbours == 2});
}

unsigned MonthMasks::largest() const {
    int most = 0;
    for (const auto mask : masks_) most = std::max(most, std::popcount(mask));
    return static_cast<unsigned>(most);
}

unsigned YearMasks::largest() const {
    unsigned most = 0;
    for (const auto& mask : masks_) most = std::max(most, mask.count());
    return most;
}

Rrule with_defaults(Rrule rule, std::int64_t start_day) {
    const CivilDay start = civil_day(start_day);
    const bool no_day = rule.by_day.empty() && rule.by_month_day.empty();
    switch (rule.frequency) {
    case Frequency::weekly:
        if (rule.by_day.empty()) rule.by_day.push_back({0, weekday_of_day(start_day)});
        break;
    case Frequency::monthly:
        if (no_day) rule.by_month_day.push_back(static_cast<int>(start.day));
        break;
    case Frequency::yearly:
        if (!no_day || !rule.by_year_day.empty()) break;
        if (!rule.by_week_no.empty()) {
            rule.by_day.push_back({0, weekday_of_day(start_day)});
            break;
        }
        if (rule.by_month.empty()) rule.by_month.push_back(static_cast<int>(start.month));
        rule.by_month_day.push_back(static_cast<int>(start.day));
        break;
    case Frequency::secondly:
    case Frequency::minutely:
    case Frequency::hourly:
    case Frequency::daily:
        break;
    }
    return rule;
}

}  // namespace taskd::core
