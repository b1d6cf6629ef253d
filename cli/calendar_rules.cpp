// SPDX-License-Identifier: Apache-2.0
// Calendar events of systemd as recurrence rules. A rule has no part for years: a stretch of them
// is a first day and UNTIL, even steps are INTERVAL.
#include "cli/calendar_event.h"
#include "core/rrule.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace taskd::cli {
namespace {

using core::Frequency;
using core::Result;
using core::Rrule;

constexpr std::size_t stretches_max = 4;  // each is a series of its own

template <std::size_t Size>
std::vector<int> values_of(const std::bitset<Size>& set, int low = 0) {
    std::vector<int> values;
    for (std::size_t i = 0; i < Size; ++i)
        if (set.test(i)) values.push_back(static_cast<int>(i) + low);
    return values;
}

std::vector<int> month_days(const CalendarEvent& event) {
    std::vector<int> days;
    for (int day = 1; day <= 31; ++day)
        if (event.days.test(static_cast<std::size_t>(day)))
            days.push_back(event.from_end ? -day : day);
    std::sort(days.begin(), days.end());
    return days;
}

void set_days(const CalendarEvent& event, Rrule& rule) {
    auto months = values_of(event.months);
    std::erase(months, 0);
    if (months.size() < 12) rule.by_month = std::move(months);
    if (auto days = month_days(event); days.size() < 31) rule.by_month_day = std::move(days);
    if (!event.weekdays.all())
        for (const int day : values_of(event.weekdays))
            rule.by_day.push_back({0, static_cast<unsigned>(day)});
    const bool has_days = !rule.by_month_day.empty();
    if (!rule.by_day.empty())
        rule.frequency = has_days ? Frequency::daily : Frequency::weekly;
    else if (has_days)
        rule.frequency = rule.by_month.empty() ? Frequency::monthly : Frequency::yearly;
    else
        rule.frequency = Frequency::daily;
}

void set_times(const CalendarEvent& event, Rrule& rule) {
    rule.by_hour = values_of(event.hours);
    rule.by_minute = values_of(event.minutes);
    rule.by_second = values_of(event.seconds);
    if (rule.by_second == std::vector<int>{0}) rule.by_second.clear();
}

/// Each hour, minute or second that the clock shows.
void set_each_hour(const CalendarEvent& event, Rrule& rule) {
    set_times(event, rule);
    rule.by_hour.clear();
    rule.frequency = Frequency::hourly;
    if (!event.minutes.all()) return;
    rule.by_minute.clear();
    rule.frequency = Frequency::minutely;
    if (!event.seconds.all()) return;
    rule.by_second.clear();
    rule.frequency = Frequency::secondly;
}

/// The rule without its years, and a single time of day apart from it.
std::pair<Rrule, std::string> rule_of(const CalendarEvent& event) {
    Rrule rule;
    set_days(event, rule);
    if (event.hours.all()) {
        set_each_hour(event, rule);
        return {rule, ""};
    }
    set_times(event, rule);
    if (rule.by_hour.size() * rule.by_minute.size() > 1 || !rule.by_second.empty())
        return {rule, ""};
    const auto two = [](int value) { return (value < 10 ? "0" : "") + std::to_string(value); };
    std::string at = two(rule.by_hour[0]) + ":" + two(rule.by_minute[0]);
    rule.by_hour.clear();
    rule.by_minute.clear();
    return {rule, at};
}

/// The same for FREQ=YEARLY, whose INTERVAL counts years.
std::pair<Rrule, std::string> yearly_rule_of(const CalendarEvent& event) {
    auto [rule, at] = rule_of(event);
    if (event.hours.all()) set_times(event, rule);
    rule.frequency = Frequency::yearly;
    if (rule.by_month_day.empty() && rule.by_day.empty())
        for (int day = 1; day <= 31; ++day) rule.by_month_day.push_back(day);
    return {rule, at};
}

int year_of(core::LocalTime local) {
    const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(local));
    return static_cast<int>(date.year());
}

/// From the first day of a year, and through the last one of another, where there is one.
OurRule limited(const std::pair<Rrule, std::string>& made, int first, int last, int this_year) {
    auto [rule, at] = made;
    if (first > this_year) at = std::to_string(first) + "-01-01" + (at.empty() ? "" : " " + at);
    if (last < calendar_year_max) {
        const auto day = std::chrono::year{last} / std::chrono::December / 31;
        rule.until = core::Until{core::LocalTime{std::chrono::local_days{day}}, true, false};
    }
    return {core::format_rrule(rule), at};
}

using Stretches = std::vector<std::pair<int, int>>;

Stretches stretches_of(const std::vector<int>& years) {
    Stretches stretches;
    for (const int year : years) {
        if (stretches.empty() || stretches.back().second + 1 != year)
            stretches.emplace_back(year, year);
        else
            stretches.back().second = year;
    }
    return stretches;
}

bool is_even(const std::vector<int>& years) {
    for (std::size_t i = 2; i < years.size(); ++i)
        if (years[i] - years[i - 1] != years[1] - years[0]) return false;
    return true;
}

CalendarEvent only(CalendarEvent event, int first, int last) {
    for (int year = calendar_year_min; year <= calendar_year_max; ++year)
        if (year < first || year > last)
            event.years.reset(static_cast<std::size_t>(year - calendar_year_min));
    return event;
}

}  // namespace

Result<std::vector<OurRule>> rules_of(const CalendarEvent& event, core::Timestamp now,
                                      const core::TimeZone& zone) {
    const auto next = calendar_times(event, now, zone, 1);
    if (next.empty())
        return core::invalid_argument(
            "OnCalendar", "systemd has no time for it from now to the end of 2199, its last year");
    const int this_year = year_of(zone.to_local(now));
    auto years = values_of(only(event, this_year, calendar_year_max).years, calendar_year_min);
    const auto stretches = stretches_of(years);
    std::vector<OurRule> rules;
    if (stretches.size() <= stretches_max) {
        for (const auto& [begin, end] : stretches)
            if (!calendar_times(only(event, begin, end), now, zone, 1).empty())
                rules.push_back(limited(rule_of(event), begin, end, this_year));
        return rules;
    }
    // INTERVAL counts from the first slot, so the rule has to begin with the year of that.
    const int first = year_of(zone.to_local(next.front()));
    std::erase_if(years, [&](int year) { return year < first; });
    if (!is_even(years))
        return core::invalid_argument(
            "OnCalendar", "its years are no stretches and no even steps; no rule says them");
    auto made = yearly_rule_of(event);
    const int step = years[1] - years[0];
    made.first.interval = static_cast<std::uint32_t>(step);
    const bool ends = years.back() + step <= calendar_year_max;
    rules.push_back(limited(made, first, ends ? years.back() : calendar_year_max, this_year));
    return rules;
}

}  // namespace taskd::cli
