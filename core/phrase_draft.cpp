// SPDX-License-Identifier: Apache-2.0
#include "core/phrase_draft.h"

#include "core/daily_times.h"
#include "core/vocabulary.h"

#include <algorithm>

namespace taskd::core {
namespace {

using std::chrono::seconds;

tl::unexpected<Error> refuse(const std::string& reason) {
    return invalid_argument("every", reason);
}

bool is_sub_daily(const Rrule& rule) {
    return rule.frequency < Frequency::daily;
}

seconds step_of(const Rrule& rule) {
    const seconds unit = rule.frequency == Frequency::secondly   ? seconds{1}
                         : rule.frequency == Frequency::minutely ? seconds{std::chrono::minutes{1}}
                                                                 : seconds{std::chrono::hours{1}};
    return unit * rule.interval;
}

/// "every 90 minutes between 9:00 and 17:00" is every day at 9:00, 10:30 and so on: counted from
/// the window's begin on the wall clock, so that it stays there when the clock changes.
Result<void> use_window(PhraseDraft& draft) {
    if (!draft.window) return {};
    Rrule& rule = draft.every.rule;
    const auto [first, last] = *draft.window;
    if (!is_sub_daily(rule))
        return refuse(
            "\"between\" needs hours or minutes, as every 2 hours between 9:00 and 17:00; " +
            draft.head + " has one time of day");
    if (last < first)
        return refuse("the window ends at " + clock_words(last) + ", before it begins at " +
                      clock_words(first) + "; no single rule goes over midnight");
    const auto step = step_of(rule);
    if (step % std::chrono::minutes{1} != seconds{0})
        return refuse("\"between\" needs whole minutes; " + draft.head + " is finer");
    for (auto time = first; time <= last; time += step) draft.times.push_back(time);
    rule.frequency = Frequency::daily;
    rule.interval = 1;
    return {};
}

/// "24 december", "the 2nd sunday of may" and "mon" name their own period.
Frequency frequency_of(const PhraseDraft& draft) {
    const DayList& days = *draft.days;
    const bool picked = !days.positions.empty();
    if (!days.months.empty() || draft.of_year) return Frequency::yearly;
    if (!draft.of_months.empty())
        return picked && draft.of_months.size() > 1 ? Frequency::monthly : Frequency::yearly;
    return days.is_plain() ? Frequency::weekly : Frequency::monthly;
}

Result<void> check_of(const PhraseDraft& draft) {
    const Rrule& rule = draft.every.rule;
    const bool of = draft.of_month || draft.of_year || !draft.of_months.empty();
    if (!of) return {};
    if (!draft.days || draft.days->is_plain() || !draft.days->months.empty())
        return refuse(
            "\"of\" needs a day before it, as the 1st, the last day or the 2nd sunday of march; "
            "use in march for " +
            draft.head);
    const bool fits = draft.of_month
                          ? rule.frequency == Frequency::monthly
                          : rule.frequency == Frequency::yearly ||
                                (!draft.unit_given && rule.frequency == Frequency::monthly);
    return fits ? Result<void>{} : refuse("\"of\" does not fit " + draft.head);
}

Result<void> check_range(const std::vector<int>& values, int max, const std::string& what) {
    for (const int value : values)
        if (value == 0 || value < -max || value > max)
            return refuse("there is no " + ordinal(value) + " " + what + "; use 1 to " +
                          std::to_string(max));
    return {};
}

Result<void> check_days(const PhraseDraft& draft) {
    const DayList& days = *draft.days;
    const bool monthly = !draft.of_year;
    if (auto checked = check_range(days.month_days, monthly ? 31 : 366,
                                   monthly ? "day of a month" : "day of a year");
        !checked)
        return checked;
    std::vector<int> counted;
    for (const auto& day : days.weekdays)
        if (day.ordinal != 0) counted.push_back(day.ordinal);
    return check_range(counted, monthly ? 5 : 53,
                       monthly ? "of a weekday in a month" : "of a weekday in a year");
}

/// Which days fit into which period.
Result<void> check_fit(const PhraseDraft& draft) {
    const Rrule& rule = draft.every.rule;
    const DayList& days = *draft.days;
    const bool plain = days.is_plain();
    const std::string fits_not = " does not fit " + draft.head + "; use ";
    switch (rule.frequency) {
    case Frequency::secondly:
    case Frequency::minutely:
    case Frequency::hourly:
        if (plain || (days.weekdays.empty() && days.months.empty())) return {};
        return refuse("\"on\" a counted weekday or a date" + fits_not +
                      "on weekdays or on mon,thu");
    case Frequency::daily:
        if (draft.window && (plain || (days.weekdays.empty() && days.months.empty()))) return {};
        return refuse("\"on\"" + fits_not + "the days alone, as mon,thu, or only on mon,thu");
    case Frequency::weekly:
        return plain ? Result<void>{} : refuse("a day of the month" + fits_not + "on mon,thu");
    case Frequency::monthly:
        if (!plain && days.months.empty()) return {};
        return refuse("the day" + fits_not + "on the 1st, on the last day, on the last friday");
    case Frequency::yearly:
        if (!days.months.empty() || draft.of_year || (!plain && !rule.by_month.empty())) return {};
        if (!plain && !draft.of_months.empty()) return {};
        return refuse("the day" + fits_not + "on 24 december or on the 2nd sunday of may");
    }
    return {};
}

Result<void> place_days(PhraseDraft& draft) {
    Rrule& rule = draft.every.rule;
    if (draft.days && !draft.unit_given) rule.frequency = frequency_of(draft);
    if (!draft.unclear_days.empty() && !draft.of_month && !draft.of_year && draft.of_months.empty())
        return refuse("\"" + draft.unclear_days +
                      "\" may be every other one or one of each month; "
                      "write every other friday or the 2nd friday of the month");
    if (auto checked = check_of(draft); !checked) return checked;
    if (!draft.days) return {};
    if (draft.quarterly)
        return refuse(
            "which month of the quarter is meant is not clear; write the last day of mar, "
            "jun, sep and dec, or every 3 months on the last day");
    if (auto checked = check_fit(draft); !checked) return checked;
    if (auto checked = check_days(draft); !checked) return checked;
    const DayList& days = *draft.days;
    const bool picks_of_several =
        !days.positions.empty() && rule.by_month.size() + draft.of_months.size() > 1;
    if (picks_of_several && rule.frequency == Frequency::yearly)
        return refuse(
            "BYSETPOS counts through the whole year here; use every month on the last "
            "workday in march and june");
    rule.by_day = days.weekdays;
    rule.by_set_pos = days.positions;
    (draft.of_year ? rule.by_year_day : rule.by_month_day) = days.month_days;
    const auto& months = days.months.empty() ? draft.of_months : days.months;
    rule.by_month.insert(rule.by_month.end(), months.begin(), months.end());
    return {};
}

/// "only on" and "in" take slots away.
Result<void> place_limits(PhraseDraft& draft) {
    Rrule& rule = draft.every.rule;
    if (draft.only) {
        const bool weekdays = draft.only->is_plain();
        const bool month_days = draft.only->weekdays.empty() && draft.only->months.empty();
        if (!weekdays && !month_days)
            return refuse("\"only on\" takes weekdays or days of the month, as only on mon,thu");
        if (weekdays ? !rule.by_day.empty()
                     : !rule.by_month_day.empty() || !rule.by_year_day.empty() ||
                           rule.frequency == Frequency::weekly)
            return refuse("\"only on\" does not fit the days that were named before it");
        if (auto checked = check_range(draft.only->month_days, 31, "day of a month"); !checked)
            return checked;
        if (weekdays)
            rule.by_day = draft.only->weekdays;
        else
            rule.by_month_day = draft.only->month_days;
    }
    if (draft.in_months.empty()) return {};
    if (!rule.by_month.empty())
        return refuse("months were named twice; keep one of \"of\" and \"in\"");
    rule.by_month = draft.in_months;
    return {};
}

Result<void> check_skip(const Rrule& rule) {
    if (rule.skip == Skip::omit) return {};
    const bool single =
        !rule.by_month_day.empty() && rule.by_day.empty() && rule.by_set_pos.empty();
    if (single && (rule.frequency == Frequency::monthly || rule.frequency == Frequency::yearly))
        return {};
    return refuse("\"or\" needs a day of the month before it, as on the 31st or the last day");
}

Result<void> place_minutes(PhraseDraft& draft) {
    if (draft.minutes.empty()) return {};
    Rrule& rule = draft.every.rule;
    if (rule.frequency == Frequency::hourly ? !draft.hours.empty()
                                            : draft.hours.empty() || is_sub_daily(rule))
        return refuse(
            "\"at minutes\" fits every hour at minutes 0 and 30, or every day at minutes 0 "
            "and 30 of the hours 9 and 17");
    rule.by_minute = draft.minutes;
    rule.by_hour = draft.hours;
    if (rule.by_hour.size() * rule.by_minute.size() > 1 && !rule.by_set_pos.empty())
        return refuse("BYSETPOS would count the times too; make several series of it");
    return {};
}

Result<void> place_times(PhraseDraft& draft) {
    std::sort(draft.times.begin(), draft.times.end());
    draft.times.erase(std::unique(draft.times.begin(), draft.times.end()), draft.times.end());
    if (draft.times.empty()) return {};
    if (draft.every.at) return refuse("times were given twice; keep one");
    if (is_sub_daily(draft.every.rule))
        return refuse("times of day do not fit " + draft.head +
                      "; use starting 8:00, or between 9:00 and 17:00");
    if (draft.times.size() > 1) return set_daily_times(draft.every.rule, draft.times);
    draft.every.at = clock_words(draft.times.front());
    return {};
}

/// "twice a week" names two days, "twice a day" two times.
Result<void> check_times_per(const PhraseDraft& draft) {
    if (!draft.times_per || *draft.times_per == 1) return {};
    const Rrule& rule = draft.every.rule;
    const auto days = rule.frequency == Frequency::daily ? draft.times.size()
                      : rule.by_set_pos.empty()
                          ? (rule.by_day.size() + rule.by_month_day.size()) *
                                (rule.frequency == Frequency::yearly
                                     ? std::max<std::size_t>(1, rule.by_month.size())
                                     : 1)
                          : rule.by_set_pos.size();
    if (days == static_cast<std::size_t>(*draft.times_per)) return {};
    return refuse(draft.head + " needs " + std::to_string(*draft.times_per) +
                  (rule.frequency == Frequency::daily ? " times, as twice a day at 8:00 and 20:00; "
                                                      : " days, as twice a week on mon and thu; ") +
                  std::to_string(days) + " were named");
}

Result<void> check_ends(const PhraseDraft& draft) {
    const Every& every = draft.every;
    if (every.rule.count && (every.rule.until || every.until))
        return refuse("it ends twice; keep one of \"until\" and \"for ... times\"");
    if (every.at && is_sub_daily(every.rule))
        return refuse("\"at " + *every.at + "\" does not fit " + draft.head + "; use starting " +
                      *every.at + ", or at minutes 0 and 30 with hours");
    return {};
}

}  // namespace

Result<Every> finish(PhraseDraft draft) {
    for (auto* const step : {use_window, place_days, place_limits, place_minutes, place_times})
        if (auto done = step(draft); !done) return tl::unexpected(done.error());
    for (auto* const check : {check_times_per, check_ends})
        if (auto done = check(draft); !done) return tl::unexpected(done.error());
    if (auto done = check_skip(draft.every.rule); !done) return tl::unexpected(done.error());
    return std::move(draft.every);
}

}  // namespace taskd::core
