// SPDX-License-Identifier: Apache-2.0
#include "core/phrase_days.h"

#include "core/vocabulary.h"

#include <algorithm>
#include <array>
#include <utility>

namespace taskd::core {
namespace {

constexpr std::string_view day_examples =
    "mon,thu, weekdays, the 15th, the last day, the last friday, the first workday or 24 december";

const std::vector<std::string>& day_words() {
    static const std::vector<std::string> words{
        "monday",   "tuesday",   "wednesday", "thursday", "friday",   "saturday", "sunday",
        "weekdays", "weekends",  "workday",   "day",      "last",     "first",    "second",
        "third",    "january",   "february",  "march",    "april",    "june",     "july",
        "august",   "september", "october",   "november", "december", "the"};
    return words;
}

tl::unexpected<Error> refuse(const PhraseCursor& cursor) {
    return not_understood("every", cursor.rest(), day_examples, day_words());
}

struct DaySet {
    std::string_view words;
    unsigned first;
    unsigned last;
};
constexpr std::array<DaySet, 10> day_sets{{{"weekdays", 0, 4},
                                           {"weekday", 0, 4},
                                           {"workdays", 0, 4},
                                           {"workday", 0, 4},
                                           {"business days", 0, 4},
                                           {"business day", 0, 4},
                                           {"weekend days", 5, 6},
                                           {"weekend day", 5, 6},
                                           {"weekends", 5, 6},
                                           {"weekend", 5, 6}}};

void sort_unique(std::vector<int>& values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

/// Reads one list; the members are what was read of it so far.
class DayReader {
public:
    DayReader(PhraseCursor& cursor, bool bare_numbers)
        : cursor_(cursor), bare_numbers_(bare_numbers) {}

    Result<DayList> read() {
        while (item()) {
            const auto end = cursor_.place();
            cursor_.accept_separators();
            const auto next = cursor_.place();
            const bool joined = next != end || (!pending_.empty() && !starts_number());
            if (!joined || !starts_item()) {
                cursor_.go_to(end);
                break;
            }
        }
        // "the last" is no day yet.
        const bool from_end =
            std::any_of(pending_.begin(), pending_.end(), [](int n) { return n < 1; });
        if (from_end) return refuse(cursor_);
        take_pending(list_.month_days);
        return finished();
    }

private:
    bool starts_number() const {
        return ordinal_named(cursor_.word()) || number_of(cursor_.word());
    }
    /// Whether the next words would be one more of the list; "5 times" is not.
    bool starts_item() {
        const auto& word = cursor_.word(cursor_.word() == "the" ? 1 : 0);
        if (weekday_named(word) || month_named(word) || ordinal_named(word) || word == "day")
            return true;
        if (word.find('-') != std::string::npos && weekday_named(split(word, '-')[0])) return true;
        if (number_of(word)) return month_named(cursor_.word(1)) || (bare_numbers_ && !is_count());
        return std::any_of(day_sets.begin(), day_sets.end(),
                           [&](const DaySet& set) { return words_of(set.words).front() == word; });
    }
    bool is_count() const {
        const auto& unit = cursor_.word(1);
        return unit == "times" || unit == "time" || unit == "occurrences";
    }

    bool item() {
        if (!starts_item()) return false;
        cursor_.accept("the");
        return date() || number() || day_noun() || day_set() || weekdays();
    }

    /// "dec 24", "24 december", "24th december"; also "24th of december and 1st of ..." is not one.
    bool date() {
        const bool month_first = month_named(cursor_.word()).has_value();
        const auto& day_word = cursor_.word(month_first ? 1 : 0);
        const auto month = month_named(cursor_.word(month_first ? 0 : 1));
        auto day = number_of(day_word);
        if (!day) day = ordinal_named(day_word);
        if (!month || !day || !pending_.empty()) return false;
        cursor_.skip(2);
        dates_.emplace_back(static_cast<int>(*month), *day);
        return true;
    }

    /// "2nd", "last", "second to last", "2nd last"; with `bare_numbers` also "15".
    bool number() {
        auto number = ordinal_named(cursor_.word());
        if (!number && bare_numbers_) number = number_of(cursor_.word());
        if (!number) return false;
        cursor_.skip();
        if (*number > 0 && (cursor_.accept("to last") || cursor_.accept("last"))) number = -*number;
        pending_.push_back(*number);
        return true;
    }

    bool day_noun() {
        if (pending_.empty() || (!cursor_.accept("day") && !cursor_.accept("days"))) return false;
        take_pending(list_.month_days);
        return true;
    }

    bool day_set() {
        for (const auto& set : day_sets) {
            if (!cursor_.accept(set.words)) continue;
            mixed_ = mixed_ || (!pending_.empty() && !list_.weekdays.empty());
            for (auto day = set.first; day <= set.last; ++day) list_.weekdays.push_back({0, day});
            take_pending(list_.positions);
            return true;
        }
        return false;
    }

    /// "monday", "mon-fri", "mon to fri"; numbers before it, or before the ones it follows, count
    /// it: "the second tuesday and thursday".
    bool weekdays() {
        auto names = split(cursor_.word(), '-');
        const auto first = weekday_named(names[0]);
        auto last = first;
        if (!first || names.size() > 2) return false;
        if (names.size() == 2) last = weekday_named(names[1]);
        if (!last) return false;
        cursor_.skip();
        if (names.size() == 1 && (cursor_.word() == "to" || cursor_.word() == "through")) {
            last = weekday_named(cursor_.word(1));
            if (last)
                cursor_.skip(2);
            else
                last = first;
        }
        if (!pending_.empty()) counted_ = std::exchange(pending_, {});
        add_weekdays(*first, *last);
        return true;
    }

    void add_weekdays(unsigned first, unsigned last) {
        for (unsigned i = 0; i <= (last + 7 - first) % 7; ++i) {
            const unsigned day = (first + i) % 7;
            if (counted_.empty()) list_.weekdays.push_back({0, day});
            for (const int number : counted_) list_.weekdays.push_back({number, day});
        }
    }

    void take_pending(std::vector<int>& into) {
        into.insert(into.end(), pending_.begin(), pending_.end());
        pending_.clear();
    }

    Result<DayList> finished() {
        if (!dates_.empty() && !list_.empty()) mixed_ = true;
        for (const auto& [month, day] : dates_) {
            list_.months.push_back(month);
            list_.month_days.push_back(day);
        }
        std::sort(dates_.begin(), dates_.end());
        dates_.erase(std::unique(dates_.begin(), dates_.end()), dates_.end());
        for (auto* values : {&list_.months, &list_.month_days, &list_.positions})
            sort_unique(*values);
        std::sort(list_.weekdays.begin(), list_.weekdays.end());
        list_.weekdays.erase(std::unique(list_.weekdays.begin(), list_.weekdays.end()),
                             list_.weekdays.end());
        if (list_.empty()) return refuse(cursor_);
        const bool crossed = list_.months.size() * list_.month_days.size() != dates_.size();
        if (!dates_.empty() && crossed)
            return invalid_argument(
                "every",
                "no single rule has these dates: BYMONTH and BYMONTHDAY combine "
                "each month with each day; make several series of them");
        const bool kinds = !list_.weekdays.empty() && !list_.month_days.empty();
        const bool counted = std::any_of(list_.weekdays.begin(), list_.weekdays.end(),
                                         [](const WeekdayNum& day) { return day.ordinal != 0; });
        if (mixed_ || kinds || (counted && !list_.positions.empty()))
            return invalid_argument("every",
                                    "no single rule has weekdays, dates and days of the month side "
                                    "by side; make several series of them");
        return list_;
    }

    PhraseCursor& cursor_;
    bool bare_numbers_;
    bool mixed_ = false;
    DayList list_;
    std::vector<int> pending_;  ///< numbers whose noun is still to come: "1st and 3rd ..."
    std::vector<int> counted_;  ///< those of the last counted weekday
    std::vector<std::pair<int, int>> dates_;
};

}  // namespace

bool DayList::is_plain() const {
    return positions.empty() && month_days.empty() &&
           std::all_of(weekdays.begin(), weekdays.end(),
                       [](const WeekdayNum& day) { return day.ordinal == 0; });
}

Result<DayList> read_days(PhraseCursor& cursor, bool bare_numbers) {
    return DayReader(cursor, bare_numbers).read();
}

Result<std::vector<int>> read_months(PhraseCursor& cursor) {
    std::vector<int> months;
    for (;;) {
        const auto first = month_named(cursor.word());
        if (!first) break;
        cursor.skip();
        auto last = first;
        if ((cursor.word() == "to" || cursor.word() == "through") && month_named(cursor.word(1))) {
            last = month_named(cursor.word(1));
            cursor.skip(2);
        }
        for (unsigned i = 0; i <= (*last + 12 - *first) % 12; ++i)
            months.push_back(static_cast<int>((*first - 1 + i) % 12 + 1));
        const auto end = cursor.place();
        cursor.accept_separators();
        if (!month_named(cursor.word())) {
            cursor.go_to(end);
            break;
        }
    }
    if (months.empty())
        return not_understood("every", cursor.rest(), "january, or jun, jul and aug", day_words());
    sort_unique(months);
    return months;
}

}  // namespace taskd::core
