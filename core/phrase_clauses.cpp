// SPDX-License-Identifier: Apache-2.0
#include "core/phrase_clauses.h"

#include "core/phrase_times.h"
#include "core/rfc3339.h"
#include "core/text.h"
#include "core/vocabulary.h"
#include "core/when.h"

#include <algorithm>
#include <array>
#include <utility>

namespace taskd::core {
namespace {

using std::chrono::seconds;
using Read = Result<void>;

constexpr std::string_view clause_examples =
    "on mon,thu, at 9:30, in december, until 2027-06-30, for 10 times, starting next monday or "
    "after completion";
constexpr int count_max = 100'000;

const std::vector<std::string>& clause_words() {
    static const std::vector<std::string> words{"on",   "at",       "in",    "until",
                                                "for",  "starting", "after", "times",
                                                "only", "between",  "from",  "of"};
    return words;
}

tl::unexpected<Error> refuse(const std::string& reason) {
    return invalid_argument("every", reason);
}
tl::unexpected<Error> unknown_clause(const PhraseCursor& cursor) {
    return not_understood("every", cursor.rest(), clause_examples, clause_words());
}

/// The words up to what begins another clause. `at_ends` is false where "at" may belong to them.
std::string take_words(PhraseCursor& cursor, bool at_ends, bool in_ends) {
    static const std::vector<std::string> ends{",",        "until",     "till",    "through",
                                               "for",      "from",      "between", "only",
                                               "starting", "beginning", "after",   "and"};
    const auto begin = cursor.place();
    while (!cursor.done()) {
        const auto& word = cursor.word();
        if (std::find(ends.begin(), ends.end(), word) != ends.end()) {
            // "day after tomorrow" is a day.
            if (word != "after" || cursor.word(1) != "tomorrow") break;
        }
        if ((at_ends && word == "at") || (in_ends && (word == "in" || word == "on"))) break;
        cursor.skip();
    }
    return cursor.typed(begin);
}

Result<std::vector<int>> read_numbers(PhraseCursor& cursor, int max) {
    std::vector<int> numbers;
    for (auto end = cursor.place();;) {
        const auto number = number_of(cursor.word());
        const bool count = cursor.word(1) == "times";
        if (!number || *number > max || count) {
            cursor.go_to(end);
            break;
        }
        cursor.skip();
        numbers.push_back(*number);
        end = cursor.place();
        if (!cursor.accept_separators()) break;
    }
    if (numbers.empty())
        return not_understood("every", cursor.rest(), "at minutes 0 and 30 of the hours 9 and 17");
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    return numbers;
}

/// "at minutes 0 and 30", and "of the hours 9 and 10" behind it.
Read read_minutes(PhraseCursor& cursor, PhraseDraft& draft) {
    auto minute_list = read_numbers(cursor, 59);
    if (!minute_list) return tl::unexpected(minute_list.error());
    draft.minutes = std::move(*minute_list);
    if (!cursor.accept("of the hours") && !cursor.accept("of the hour")) return {};
    auto hour_list = read_numbers(cursor, 23);
    if (!hour_list) return tl::unexpected(hour_list.error());
    draft.hours = std::move(*hour_list);
    return {};
}

/// Days in words depend on today; here it only matters whether they can be read.
Read check_words(const std::string& words, bool is_until) {
    const Timestamp some_day{std::chrono::sys_days{std::chrono::year{2024} / 1 / 1}};
    const auto read = is_until ? parse_until("every", words, some_day, TimeZone::utc())
                               : parse_when("every", words, some_day, TimeZone::utc());
    return read ? Read{} : Read(tl::unexpected(read.error()));
}

Read read_at(PhraseCursor& cursor, PhraseDraft& draft) {
    if (draft.every.at || !draft.times.empty() || !draft.minutes.empty())
        return refuse("times were given twice, again with \"at " + cursor.rest() + "\"; keep one");
    if (cursor.accept("minutes") || cursor.accept("minute")) return read_minutes(cursor, draft);
    const auto begin = cursor.place();
    const auto times = read_time_list(cursor);
    if (times.size() > 1) {
        for (const auto& time : times) draft.times.push_back(time.time);
        return check_bare(times);
    }
    if (times.size() == 1 && times[0].bare && (cursor.done() || cursor.word() == ",")) {
        draft.times.push_back(times[0].time);
        return check_bare(times);
    }
    cursor.go_to(begin);
    auto words = take_words(cursor, true, true);
    if (words.empty())
        return not_understood("every", cursor.rest(), "at 9:30 or at 8:00 and 20:00");
    if (auto read = check_words(words, false); !read) return read;
    draft.every.at = std::move(words);
    return {};
}

Read read_on(PhraseCursor& cursor, PhraseDraft& draft) {
    if (draft.days)
        return refuse("days were given twice, again with \"on " + cursor.rest() + "\"; keep one");
    auto days = read_days(cursor, draft.every.rule.frequency == Frequency::monthly);
    if (!days) return tl::unexpected(days.error());
    draft.days = std::move(*days);
    return {};
}

Read read_only(PhraseCursor& cursor, PhraseDraft& draft) {
    if (cursor.accept("in")) {
        auto months = read_months(cursor);
        if (!months) return tl::unexpected(months.error());
        draft.in_months = std::move(*months);
        return {};
    }
    if (draft.only || !cursor.accept("on"))
        return not_understood("every", cursor.rest(), "only on mon,thu or only in december");
    auto days = read_days(cursor, false);
    if (!days) return tl::unexpected(days.error());
    draft.only = std::move(*days);
    return {};
}

Read read_in(PhraseCursor& cursor, PhraseDraft& draft) {
    if (!draft.in_months.empty()) return refuse("months were given twice; keep one");
    auto months = read_months(cursor);
    if (!months) return tl::unexpected(months.error());
    draft.in_months = std::move(*months);
    return {};
}

Read read_of(PhraseCursor& cursor, PhraseDraft& draft) {
    if (draft.of_month || draft.of_year || !draft.of_months.empty()) return unknown_clause(cursor);
    for (const auto* const words : {"the month", "each month", "every month", "a month", "month"})
        if (!draft.of_month) draft.of_month = cursor.accept(words);
    if (draft.of_month) return {};
    for (const auto* const words : {"the year", "each year", "every year", "a year"})
        if (!draft.of_year) draft.of_year = cursor.accept(words);
    if (draft.of_year) return {};
    const auto begin = cursor.place();
    if (cursor.accept("every")) {  // "the last day of every 3 months"
        const auto number = read_interval(cursor, true);
        if (number && *number > 0 && *number <= phrase_interval_max &&
            (cursor.accept("months") || cursor.accept("month"))) {
            draft.every.rule.interval = static_cast<std::uint32_t>(*number);
            draft.of_month = true;
            return {};
        }
        cursor.go_to(begin);
    }
    auto months = read_months(cursor);
    if (!months)
        return not_understood("every", cursor.rest(),
                              "of the month, of march and june, of the year");
    draft.of_months = std::move(*months);
    return {};
}

/// A date, or a local or UTC time, says the same on every day.
std::optional<Until> fixed_until(const std::string& words) {
    const auto iso = parse_iso(words);
    if (!iso || iso->fraction.count() != 0) return {};
    if (iso->offset && *iso->offset != seconds{0}) return {};
    return Until{iso->local, !iso->has_time, iso->offset.has_value()};
}

Read read_until(PhraseCursor& cursor, PhraseDraft& draft) {
    if (draft.every.until || draft.every.rule.until) return unknown_clause(cursor);
    const auto words = take_words(cursor, !draft.every.at && draft.times.empty(), false);
    if (const auto until = fixed_until(words)) {
        draft.every.rule.until = until;
        return {};
    }
    if (auto read = check_words(words, true); !read) return read;
    draft.every.until = words;
    return {};
}

Read read_count(PhraseCursor& cursor, PhraseDraft& draft, int count) {
    if (draft.every.rule.count) return refuse("a number of times was given twice; keep one");
    if (count < 1 || count > count_max)
        return refuse(std::to_string(count) + " times is not accepted; use 1 to 100000");
    if (!cursor.accept("times") && !cursor.accept("time") && !cursor.accept("occurrences"))
        return refuse("\"for " + std::to_string(count) + " " + cursor.rest() +
                      "\" was not understood; use for 10 times, or until and the last day");
    draft.every.rule.count = static_cast<std::uint32_t>(count);
    return {};
}

Read read_for(PhraseCursor& cursor, PhraseDraft& draft) {
    const auto number = number_named(cursor.word());
    if (!number)
        return not_understood("every", cursor.rest(), "for 10 times, or until and the last day");
    cursor.skip();
    return read_count(cursor, draft, *number);
}

Read read_starting(PhraseCursor& cursor, PhraseDraft& draft) {
    if (draft.every.starting) return unknown_clause(cursor);
    const auto begin = cursor.place();
    if (!cursor.accept("at")) cursor.accept("on");
    const auto words = take_words(cursor, true, false);
    if (auto read = check_words(words, false); !read) return read;
    if (words.empty()) cursor.go_to(begin);
    draft.every.starting = words;
    return {};
}

Read read_window(PhraseCursor& cursor, PhraseDraft& draft) {
    std::vector<TimeWord> times;
    const auto dash = cursor.word().find('-');
    if (dash != std::string::npos) {
        for (const auto& word : split(cursor.word(), '-')) {
            PhraseCursor part(word);
            if (const auto time = read_time(part)) times.push_back(*time);
        }
        if (times.size() == 2) cursor.skip();
    } else if (const auto first = read_time(cursor)) {
        times.push_back(*first);
        if (cursor.accept("and") || cursor.accept("to") || cursor.accept("until"))
            if (const auto last = read_time(cursor)) times.push_back(*last);
    }
    if (times.size() != 2 || draft.window)
        return not_understood("every", cursor.rest(), "between 9:00 and 17:00");
    draft.window = {times[0].time, times[1].time};
    return check_bare(times);
}

/// "from 9:00 to 17:00" is a window, "from next monday" a start.
Read read_from(PhraseCursor& cursor, PhraseDraft& draft) {
    const auto begin = cursor.place();
    const bool time = read_time(cursor).has_value();
    const bool window = time && (cursor.word() == "to" || cursor.word() == "until");
    cursor.go_to(begin);
    return window ? read_window(cursor, draft) : read_starting(cursor, draft);
}

Read read_after(PhraseCursor& cursor, PhraseDraft& draft) {
    for (const auto* const words :
         {"completion", "it is done", "it's done", "done", "completing it"})
        if (!draft.every.after_completion) draft.every.after_completion = cursor.accept(words);
    if (draft.every.after_completion) return {};
    return not_understood("every", cursor.rest(), "after completion");
}

Read read_or(PhraseCursor& cursor, PhraseDraft& draft) {
    Skip& skip = draft.every.rule.skip;
    if (skip != Skip::omit) return unknown_clause(cursor);
    for (const auto* const words : {"the last day", "the day before", "the last day before"})
        if (cursor.accept(words)) skip = Skip::backward;
    for (const auto* const words : {"the day after", "the next day"})
        if (cursor.accept(words)) skip = Skip::forward;
    if (skip != Skip::omit) return {};
    return not_understood("every", cursor.rest(), "or the last day, or the day after");
}

/// "weeks starting on sunday": WKST.
Read read_weeks(PhraseCursor& cursor, PhraseDraft& draft) {
    if (cursor.accept("starting")) {
        cursor.accept("on");
        if (const auto weekday = weekday_named(cursor.word())) {
            cursor.skip();
            draft.every.rule.week_start = *weekday;
            return {};
        }
    }
    return not_understood("every", cursor.rest(), "weeks starting on sunday");
}

struct Clause {
    std::string_view word;
    Read (*read)(PhraseCursor&, PhraseDraft&);
};
constexpr std::array<Clause, 19> clauses{{{"on", read_on},
                                          {"at", read_at},
                                          {"in", read_in},
                                          {"of", read_of},
                                          {"only", read_only},
                                          {"until", read_until},
                                          {"till", read_until},
                                          {"through", read_until},
                                          {"for", read_for},
                                          {"starting", read_starting},
                                          {"beginning", read_starting},
                                          {"start", read_starting},
                                          {"from", read_from},
                                          {"between", read_window},
                                          {"during", read_window},
                                          {"after", read_after},
                                          {"or", read_or},
                                          {"weeks", read_weeks},
                                          {"with weeks", read_weeks}}};

Read read_clause(PhraseCursor& cursor, PhraseDraft& draft) {
    for (const auto& clause : clauses)
        if (cursor.accept(clause.word)) return clause.read(cursor, draft);
    const auto number = number_of(cursor.word());
    const auto& unit = cursor.word(1);
    if (number && (unit == "times" || unit == "time" || unit == "occurrences")) {
        cursor.skip();
        return read_count(cursor, draft, *number);
    }
    return unknown_clause(cursor);
}

}  // namespace

Result<void> read_clauses(PhraseCursor& cursor, PhraseDraft& draft) {
    while (!cursor.done()) {
        cursor.accept(",");
        if (auto read = read_clause(cursor, draft); !read) return read;
    }
    return {};
}

}  // namespace taskd::core
