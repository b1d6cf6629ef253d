// SPDX-License-Identifier: Apache-2.0
#include "core/date_words.h"

#include "core/text.h"
#include "core/vocabulary.h"

#include <array>
#include <utility>

namespace taskd::core {
namespace {

using std::chrono::days;
using std::chrono::local_days;
using std::chrono::month;
using std::chrono::months;
using std::chrono::year;
using std::chrono::year_month;
using std::chrono::year_month_day;
using std::chrono::years;
using Words = std::vector<std::string>;
using Day = std::optional<local_days>;

constexpr std::array<std::pair<std::string_view, int>, 5> near_days{{{"today", 0},
                                                                     {"tomorrow", 1},
                                                                     {"yesterday", -1},
                                                                     {"day after tomorrow", 2},
                                                                     {"day before yesterday", -2}}};

unsigned weekday_of(local_days day) {
    return std::chrono::weekday{day}.iso_encoding() - 1;
}
year_month month_of(local_days day) {
    const year_month_day date{day};
    return date.year() / date.month();
}
local_days first_of(year_month at) {
    return local_days{at / 1};
}
local_days last_of(year_month at) {
    return local_days{at / std::chrono::last};
}
Day existing(year_month at, int day) {
    const auto date = at / std::chrono::day{static_cast<unsigned>(day)};
    return date.ok() ? Day(local_days{date}) : Day();
}

/// "2027"; four digits, so that no day or hour is taken for one.
std::optional<year> year_named(const std::string& word) {
    const auto number = word.size() == 4 ? number_of(word) : std::optional<int>();
    return number && *number > 0 ? std::optional(year{*number}) : std::nullopt;
}

bool is_coming(Day day, const Today& today) {
    return day && (*day > today.date || (*day == today.date && today.time_is_ahead));
}

/// The first coming day that `in` finds in a month or year from this one on. Eight years hold every
/// 29 February but one, that of 1896 to 1904 and its like; forty hold every fifth Monday of it.
template <class Find>
Day coming(const Today& today, months step, year_month first, const Find& in) {
    for (int i = 0; i * step < months{480}; ++i)
        if (const Day day = in(first + i * step); is_coming(day, today)) return day;
    return {};
}

/// "fri", "this fri", "next fri": the coming one; today's only when its time is still ahead.
Day weekday_ahead(const Words& words, const Today& today) {
    const bool next = words.size() == 2 && words[0] == "next";
    if (words.size() != 1 && !next && !(words.size() == 2 && words[0] == "this")) return {};
    const auto weekday = weekday_named(words.back());
    if (!weekday) return {};
    const auto ahead = (*weekday + 7 - weekday_of(today.date)) % 7;
    return today.date + days{ahead == 0 && (next || !today.time_is_ahead) ? 7 : ahead};
}

/// "mon in 2 weeks": of the week (from Monday) that is so many weeks after this one.
Day weekday_in_weeks(const Words& words, const Today& today) {
    if (words.size() != 4 || words[1] != "in" || (words[3] != "weeks" && words[3] != "week"))
        return {};
    const auto weekday = weekday_named(words[0]);
    const auto weeks = number_named(words[2]);
    if (!weekday || !weeks || *weeks > 500) return {};
    return today.date - days{weekday_of(today.date)} +
           days{*weeks * 7 + static_cast<int>(*weekday)};
}

/// "24 december", "24th of december", "dec 24th", each with or without a year behind it.
Day day_of_month_name(Words words, const Today& today) {
    std::optional<year> in_year;
    if (words.size() > 2) in_year = year_named(words.back());
    if (in_year) words.pop_back();
    if (words.size() == 3 && words[1] == "of") words.erase(words.begin() + 1);
    if (words.size() != 2) return {};
    auto named = month_named(words[1]);
    const std::string& digits = words[named ? 0 : 1];
    if (!named) named = month_named(words[0]);
    auto number = number_of(digits);
    if (!number) number = ordinal_named(digits);
    if (!named || !number || *number < 1) return {};
    const month which{*named};
    const auto in = [&](year_month at) { return existing(at.year() / which, *number); };
    return in_year ? in(*in_year / which)
                   : coming(today, years{1}, month_of(today.date).year() / which, in);
}

/// "24.12.2026"; with dots the day always comes first.
Day dotted(const Words& words) {
    const auto parts = words.size() == 1 ? split(words[0], '.') : Words{};
    if (parts.size() != 3) return {};
    const auto day = number_of(parts[0]);
    const auto in_month = number_of(parts[1]);
    const auto in_year = year_named(parts[2]);
    if (!day || !in_month || !in_year || *day > 31 || *in_month < 1 || *in_month > 12) return {};
    return existing(*in_year / month{static_cast<unsigned>(*in_month)}, *day);
}

/// The nth day, workday or weekday of a month; negative from its end.
Day nth_in_month(year_month at, int nth, const std::string& what) {
    const auto weekday = weekday_named(what);
    const bool work = what == "workday" || what == "weekday";
    if (!weekday && !work && what != "day") return {};
    const days step{nth < 0 ? -1 : 1};
    int left = nth < 0 ? -nth : nth;
    for (auto day = nth < 0 ? last_of(at) : first_of(at); month_of(day) == at; day += step) {
        const auto here = weekday_of(day);
        if ((weekday && here != *weekday) || (work && here > 4)) continue;
        if (--left == 0) return day;
    }
    return {};
}

/// What follows "of" or "in": the first month it may be, and how far it is to the next.
struct MonthWords {
    year_month first;
    months step{0};  ///< 0: this month only
};
std::optional<MonthWords> months_named(const Words& words, const Today& today) {
    const auto here = month_of(today.date);
    const std::string text = join(words, " ");
    if (text == "the month" || text == "month") return MonthWords{here, months{1}};
    if (text == "this month") return MonthWords{here, {}};
    if (text == "next month") return MonthWords{here + months{1}, {}};
    const auto named = words.empty() ? std::nullopt : month_named(words[0]);
    if (!named || words.size() > 2) return {};
    if (words.size() == 1) return MonthWords{here.year() / month{*named}, years{1}};
    const auto in_year = year_named(words[1]);
    return in_year ? std::optional(MonthWords{*in_year / month{*named}, {}}) : std::nullopt;
}

/// "first monday of january", "last day of the month", "15th of next month", "the 15th".
Day ordinal_day(const Words& words, const Today& today) {
    const auto nth = words.empty() ? std::nullopt : ordinal_named(words[0]);
    if (!nth || *nth > 31) return {};
    std::size_t next = 1;
    std::string what = "day";
    if (words.size() > 1 && words[1] != "of" && words[1] != "in") what = words[next++];
    if (*nth == -1 && next == 1) return {};  // "last" alone is no day
    Words rest{"the", "month"};
    if (next < words.size())
        rest.assign(words.begin() + static_cast<std::ptrdiff_t>(next) + 1, words.end());
    else if (next != 1)
        return {};  // "first monday": of what?
    const auto where = months_named(rest, today);
    if (!where) return {};
    const auto in = [&](year_month at) { return nth_in_month(at, *nth, what); };
    return where->step == months{0} ? in(where->first)
                                    : coming(today, where->step, where->first, in);
}

/// "end of june", "end of the month", "end of the year".
Day end_of(const Words& words, const Today& today) {
    if (words.size() < 3 || words[0] != "end" || words[1] != "of") return {};
    const Words rest(words.begin() + 2, words.end());
    const std::string text = join(rest, " ");
    const auto in_year = month_of(today.date).year();
    if (text == "the year" || text == "year") return local_days{in_year / 12 / 31};
    if (const auto where = months_named(rest, today)) {
        if (where->step == months{0}) return last_of(where->first);
        return coming({today.date, true}, where->step, where->first,
                      [](year_month at) { return Day(last_of(at)); });
    }
    return {};
}

/// "2027-06".
Day end_of_iso_month(const std::string& word) {
    if (word.size() != 7 || word[4] != '-') return {};
    const auto in_year = year_named(word.substr(0, 4));
    const auto in_month = number_of(word.substr(5));
    if (!in_year || !in_month || *in_month < 1 || *in_month > 12) return {};
    return last_of(*in_year / month{static_cast<unsigned>(*in_month)});
}

}  // namespace

std::optional<local_days> day_named(const std::vector<std::string>& given, const Today& today) {
    Words words = given;
    if (words.size() > 1 && (words[0] == "on" || words[0] == "the")) words.erase(words.begin());
    if (words.size() > 1 && words[0] == "the") words.erase(words.begin());
    const std::string text = join(words, " ");
    for (const auto& [name, ahead] : near_days)
        if (text == name) return today.date + days{ahead};
    for (auto* const read : {weekday_ahead, weekday_in_weeks, ordinal_day, end_of})
        if (const Day day = read(words, today)) return day;
    if (const Day day = day_of_month_name(words, today)) return day;
    return dotted(words);
}

std::optional<local_days> end_of_period(const std::vector<std::string>& words, const Today& today) {
    if (words.size() == 1) {
        if (const auto in_year = year_named(words[0])) return local_days{*in_year / 12 / 31};
        if (const Day day = end_of_iso_month(words[0])) return day;
    }
    Words of_month{"end", "of"};
    of_month.insert(of_month.end(), words.begin(), words.end());
    return end_of(of_month, today);
}

}  // namespace taskd::core
