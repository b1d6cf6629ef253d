// SPDX-License-Identifier: Apache-2.0
// All parts of a rule in one fixed order: what tables of tests are written in, whatever the parser
// of rules reads or the normal form is.
#pragma once

#include "core/rfc3339.h"
#include "core/rrule.h"

#include <array>
#include <string>
#include <vector>

namespace taskd::test {

inline std::string numbers_text(const std::vector<int>& numbers) {
    std::string text;
    for (const int number : numbers) text += (text.empty() ? "" : ",") + std::to_string(number);
    return text;
}

inline std::string weekdays_text(const std::vector<core::WeekdayNum>& days) {
    std::string text;
    for (const auto& day : days)
        text += (text.empty() ? "" : ",") + (day.ordinal ? std::to_string(day.ordinal) : "") +
                std::string(core::weekday_code(day.weekday));
    return text;
}

inline std::string until_text(const core::Until& until) {
    return (until.is_date ? core::format_date(until.local) : core::format_local(until.local)) +
           (until.is_utc ? "Z" : "");
}

/// "WEEKLY INTERVAL=2 BYDAY=MO,TH".
inline std::string rule_text(const core::Rrule& rule) {
    static constexpr std::array<const char*, 7> frequencies{
        "SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"};
    std::string text = frequencies.at(static_cast<std::size_t>(rule.frequency));
    const auto part = [&](const std::string& name, const std::string& value) {
        if (!value.empty()) text += " " + name + "=" + value;
    };
    part("INTERVAL", rule.interval == 1 ? "" : std::to_string(rule.interval));
    part("COUNT", rule.count ? std::to_string(*rule.count) : "");
    part("UNTIL", rule.until ? until_text(*rule.until) : "");
    part("BYMONTH", numbers_text(rule.by_month));
    part("BYWEEKNO", numbers_text(rule.by_week_no));
    part("BYYEARDAY", numbers_text(rule.by_year_day));
    part("BYMONTHDAY", numbers_text(rule.by_month_day));
    part("BYDAY", weekdays_text(rule.by_day));
    part("BYHOUR", numbers_text(rule.by_hour));
    part("BYMINUTE", numbers_text(rule.by_minute));
    part("BYSECOND", numbers_text(rule.by_second));
    part("BYSETPOS", numbers_text(rule.by_set_pos));
    part("WKST", rule.week_start == 0 ? "" : std::string(core::weekday_code(rule.week_start)));
    part("SKIP", rule.skip == core::Skip::omit       ? ""
                 : rule.skip == core::Skip::backward ? "BACKWARD"
                                                     : "FORWARD");
    return text;
}

}  // namespace taskd::test
