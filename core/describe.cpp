// SPDX-License-Identifier: Apache-2.0
#include "core/describe.h"

#include "core/daily_times.h"
#include "core/phrase.h"
#include "core/plan.h"
#include "core/rfc3339.h"
#include "core/text.h"
#include "core/vocabulary.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace taskd::core {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using Items = std::vector<std::string>;

constexpr std::size_t times_listed_max = 12;

/// "every day", "every 3 days".
std::string every(std::string_view unit, std::int64_t count) {
    return "every " + (count == 1 ? "" : std::to_string(count) + " ") + std::string(unit) +
           (count == 1 ? "" : "s");
}

std::string every_unit(const Rrule& rule) {
    static constexpr std::array<std::string_view, 7> names{"second", "minute", "hour", "day",
                                                           "week",   "month",  "year"};
    return every(names.at(static_cast<std::size_t>(rule.frequency)), rule.interval);
}

bool is_workdays(const std::vector<WeekdayNum>& by_day) {
    if (by_day.size() != 5) return false;
    return std::all_of(by_day.begin(), by_day.end(),
                       [](const WeekdayNum& day) { return day.ordinal == 0 && day.weekday < 5; });
}
bool is_weekend(const std::vector<WeekdayNum>& by_day) {
    return by_day == std::vector<WeekdayNum>{{0, 5}, {0, 6}};
}

/// From the month's begin, then from its end.
Items in_reading_order(const std::vector<int>& numbers) {
    Items items;
    for (const int number : numbers)
        if (number > 0) items.push_back(ordinal(number));
    for (const int number : numbers)
        if (number < 0) items.push_back(ordinal(number));
    return items;
}

std::string month_days(const std::vector<int>& numbers) {
    auto items = in_reading_order(numbers);
    if (!items.empty() && *std::min_element(numbers.begin(), numbers.end()) < 0)
        items.back() += " day";
    return "the " + and_list(items);
}

/// "Monday and the last Friday"; each with its own number, so that none takes over another's.
std::string weekdays(const std::vector<WeekdayNum>& by_day) {
    Items items;
    for (const auto& day : by_day)
        items.push_back((day.ordinal == 0 ? "" : "the " + ordinal(day.ordinal) + " ") +
                        weekday_name(day.weekday));
    return and_list(items);
}

std::string months(const std::vector<int>& by_month) {
    Items items;
    for (const int month : by_month) items.push_back(month_name(static_cast<unsigned>(month)));
    return and_list(items);
}

/// The days of a month or year that a rule names; "" if it names none.
std::string named_days(const Rrule& rule) {
    if (!rule.by_set_pos.empty() && (is_workdays(rule.by_day) || is_weekend(rule.by_day)))
        return "the " + and_list(in_reading_order(rule.by_set_pos)) +
               (is_weekend(rule.by_day) ? " weekend day" : " workday");
    if (!rule.by_month_day.empty()) return month_days(rule.by_month_day);
    if (!rule.by_day.empty()) return weekdays(rule.by_day);
    return "";
}

/// "on 24 December", "on the 2nd Sunday of May", "on the 100th day of the year".
std::string days_of_year(const Rrule& rule) {
    if (!rule.by_year_day.empty())
        return "the " + and_list(in_reading_order(rule.by_year_day)) + " day of the year";
    const std::string named = named_days(rule);
    if (rule.by_month.empty()) return named + " of the year";
    const bool date =
        rule.by_month.size() == 1 && rule.by_month_day.size() == 1 && rule.by_month_day[0] > 0;
    if (date) return std::to_string(rule.by_month_day[0]) + " " + months(rule.by_month);
    return named + " of " + months(rule.by_month);
}

std::string limits(const Rrule& rule) {
    if (rule.by_day.empty())
        return rule.by_month_day.empty() ? "" : " on " + month_days(rule.by_month_day);
    return is_workdays(rule.by_day) ? " on weekdays" : " on " + weekdays(rule.by_day);
}

std::string in_months(const Rrule& rule) {
    return rule.by_month.empty() ? "" : " in " + months(rule.by_month);
}

/// Everything before the times of day.
std::string head(const Rrule& rule) {
    const std::string unit = every_unit(rule);
    switch (rule.frequency) {
    case Frequency::secondly:
    case Frequency::minutely:
    case Frequency::hourly:
        return unit + limits(rule) + in_months(rule);
    case Frequency::daily:
        return unit + in_months(rule);
    case Frequency::weekly:
        if (is_workdays(rule.by_day) && rule.interval == 1)
            return "every weekday" + in_months(rule);
        return unit + " on " + weekdays(rule.by_day) + in_months(rule);
    case Frequency::monthly:
        return unit + " on " + named_days(rule) +
               (rule.skip == Skip::backward ? " or the last day" : "") +
               (rule.skip == Skip::forward ? " or the day after" : "") + in_months(rule);
    case Frequency::yearly:
        return unit + " on " + days_of_year(rule) +
               (rule.skip == Skip::backward ? " or the day before" : "") +
               (rule.skip == Skip::forward ? " or the day after" : "");
    }
    return unit;
}

/// "every 90 minutes between 09:00 and 16:30 on weekdays": a daily rule with times in even steps.
std::optional<std::string> stepped(const Rrule& rule) {
    const auto times = daily_times(rule);
    const auto step = times ? step_of(*times) : std::nullopt;
    if (!step || rule.frequency != Frequency::daily || rule.interval != 1 || times->size() < 4)
        return {};
    const bool whole_hours = *step % hours{1} == seconds{0};
    return (whole_hours ? every("hour", *step / hours{1}) : every("minute", *step / minutes{1})) +
           " between " + clock_words(times->front()) + " and " + clock_words(times->back()) +
           limits(rule) + in_months(rule);
}

Items number_words(const std::vector<int>& numbers) {
    Items items;
    for (const int number : numbers) items.push_back(std::to_string(number));
    return items;
}

/// The times of day behind the days.
std::string at_times(const Rrule& rule, const CalendarTime& dtstart) {
    if (const auto times = daily_times(rule); times && times->size() <= times_listed_max) {
        Items items;
        for (const auto time : *times) items.push_back(clock_words(time));
        if (items.size() > 1) return " at " + and_list(items);
    }
    if (!rule.by_minute.empty())
        return " at minutes " + and_list(number_words(rule.by_minute)) +
               (rule.by_hour.empty() ? ""
                                     : " of the hours " + and_list(number_words(rule.by_hour)));
    if (dtstart.is_date || has_times(rule)) return "";
    return " at " + clock_words(dtstart.local - floor<days>(dtstart.local));
}

/// What a daily, monthly or yearly rule leaves out of the days that its head names.
std::string only_on(const Rrule& rule) {
    const bool limited = rule.frequency == Frequency::daily ||
                         (rule.frequency > Frequency::weekly && !rule.by_month_day.empty());
    if (!limited) return "";
    std::string text;
    if (!rule.by_day.empty())
        text = ", only on " + (is_workdays(rule.by_day) ? "weekdays" : weekdays(rule.by_day));
    if (rule.frequency == Frequency::daily && !rule.by_month_day.empty())
        text += ", only on " + month_days(rule.by_month_day);
    return text;
}

std::string ends(const Rrule& rule) {
    std::string text;
    if (rule.week_start != 0) text += ", weeks starting on " + weekday_name(rule.week_start);
    if (rule.count) text += ", " + std::to_string(*rule.count) + " times";
    if (!rule.until) return text;
    const auto& until = *rule.until;
    return text + ", until " +
           (until.is_date ? format_date(until.local) : format_local(until.local)) +
           (until.is_utc ? "Z" : "");
}

/// A rule finer than daily is counted from DTSTART's moment.
std::string starting(const Rrule& rule, const CalendarTime& dtstart) {
    if (rule.frequency >= Frequency::daily || rule.interval == 1 || dtstart.is_date) return "";
    return ", starting " + format_date(dtstart.local) + " " +
           clock_words(dtstart.local - floor<days>(dtstart.local));
}

std::string in_words(const Rrule& rule, const CalendarTime& dtstart) {
    if (const auto steps = stepped(rule)) return *steps + ends(rule);
    return head(rule) + at_times(rule, dtstart) + only_on(rule) + ends(rule) +
           starting(rule, dtstart);
}

std::string by_rule(const Rrule& rule, const CalendarTime& dtstart) {
    const bool sub_daily = rule.frequency < Frequency::daily;
    const bool own_times = !rule.by_hour.empty() && !rule.by_minute.empty();
    const bool timed = !dtstart.is_date && !sub_daily && !own_times;
    return "by rule " + format_rrule(rule) +
           (timed ? " at " + clock_words(dtstart.local - floor<days>(dtstart.local)) : "") +
           starting(rule, dtstart);
}

}  // namespace

Rrule spelt_out(const Rrule& given, const CalendarTime& dtstart) {
    Rrule rule = given;
    const std::chrono::year_month_day date{floor<days>(dtstart.local)};
    const auto weekday = std::chrono::weekday{floor<days>(dtstart.local)}.iso_encoding() - 1;
    const seconds clock = dtstart.local - floor<days>(dtstart.local);
    const int day = static_cast<int>(static_cast<unsigned>(date.day()));
    const bool no_days = rule.by_day.empty() && rule.by_month_day.empty() &&
                         rule.by_year_day.empty() && rule.by_week_no.empty();
    if (rule.frequency == Frequency::weekly && no_days) rule.by_day = {{0, weekday}};
    if (rule.frequency == Frequency::monthly && no_days) rule.by_month_day = {day};
    if (rule.frequency == Frequency::yearly && no_days) {
        rule.by_month_day = {day};
        if (rule.by_month.empty())
            rule.by_month = {static_cast<int>(static_cast<unsigned>(date.month()))};
    }
    const bool daily = rule.frequency >= Frequency::daily;
    if (!rule.by_hour.empty() && rule.by_minute.empty() && daily)
        rule.by_minute = {static_cast<int>(clock % hours{1} / minutes{1})};
    if (!rule.by_minute.empty() && rule.by_hour.empty() && daily)
        rule.by_hour = {static_cast<int>(clock / hours{1})};
    // Where weeks are not counted, their first day says nothing.
    const bool weeks_count = rule.frequency == Frequency::weekly
                                 ? rule.interval > 1 || !rule.by_set_pos.empty()
                                 : !rule.by_week_no.empty();
    if (!weeks_count) rule.week_start = 0;
    return rule;
}

std::string describe(const Rrule& given, const CalendarTime& dtstart) {
    const Rrule rule = spelt_out(given, dtstart);
    std::string words = in_words(rule, dtstart);
    // The words are used only if reading them gives the rule again: whatever they leave out shows
    // here, and the rule is then shown as it is.
    const auto again = parse_every(words);
    return again && spelt_out(again->rule, dtstart) == rule ? words : by_rule(given, dtstart);
}

std::string describe_zoned(const Rrule& rule, const CalendarTime& dtstart) {
    return describe(rule, dtstart) + (dtstart.tzid.empty() ? "" : ", " + dtstart.tzid);
}

}  // namespace taskd::core
