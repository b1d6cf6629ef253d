// SPDX-License-Identifier: Apache-2.0
#include "core/phrase_clauses.h"
#include "core/vocabulary.h"

#include <algorithm>
#include <array>
#include <utility>

namespace taskd::core {
namespace {

using Read = Result<void>;

constexpr std::string_view every_examples =
    "day, weekday, 3 days, week, 2 weeks on mon,thu, month on the last day, the last friday of the "
    "month, 24 december, 4 hours, 5m, year";

const std::vector<std::string>& every_words() {
    static const std::vector<std::string> words{
        "every",    "day",      "days",     "weekday", "weekdays",  "week",     "weeks",
        "month",    "months",   "year",     "years",   "hour",      "hours",    "minute",
        "minutes",  "quarter",  "daily",    "weekly",  "monthly",   "yearly",   "hourly",
        "other",    "biweekly", "monday",   "tuesday", "wednesday", "thursday", "friday",
        "saturday", "sunday",   "weekends", "last",    "first",     "second",   "third"};
    return words;
}

tl::unexpected<Error> refuse(const std::string& reason) {
    return invalid_argument("every", reason);
}

struct Unit {
    std::string_view words;
    Frequency frequency;
    std::uint32_t times = 1;
};
constexpr std::array<Unit, 25> units{{{"half hour", Frequency::minutely, 30},
                                      {"quarter hour", Frequency::minutely, 15},
                                      {"half year", Frequency::monthly, 6},
                                      {"seconds", Frequency::secondly},
                                      {"second", Frequency::secondly},
                                      {"sec", Frequency::secondly},
                                      {"minutes", Frequency::minutely},
                                      {"minute", Frequency::minutely},
                                      {"mins", Frequency::minutely},
                                      {"min", Frequency::minutely},
                                      {"hours", Frequency::hourly},
                                      {"hour", Frequency::hourly},
                                      {"days", Frequency::daily},
                                      {"day", Frequency::daily},
                                      {"weeks", Frequency::weekly},
                                      {"week", Frequency::weekly},
                                      {"fortnights", Frequency::weekly, 2},
                                      {"fortnight", Frequency::weekly, 2},
                                      {"months", Frequency::monthly},
                                      {"month", Frequency::monthly},
                                      {"quarters", Frequency::monthly, 3},
                                      {"quarter", Frequency::monthly, 3},
                                      {"years", Frequency::yearly},
                                      {"year", Frequency::yearly},
                                      {"decade", Frequency::yearly, 10}}};
constexpr std::array<Unit, 9> adverbs{{{"hourly", Frequency::hourly},
                                       {"daily", Frequency::daily},
                                       {"weekly", Frequency::weekly},
                                       {"biweekly", Frequency::weekly, 2},
                                       {"fortnightly", Frequency::weekly, 2},
                                       {"monthly", Frequency::monthly},
                                       {"quarterly", Frequency::monthly, 3},
                                       {"yearly", Frequency::yearly},
                                       {"annually", Frequency::yearly}}};

template <std::size_t size>
const Unit* accept_unit(PhraseCursor& cursor, const std::array<Unit, size>& table) {
    for (const auto& unit : table)
        if (cursor.accept(unit.words)) return &unit;
    return nullptr;
}

void use_unit(PhraseDraft& draft, const Unit& unit, std::uint32_t number) {
    draft.every.rule.frequency = unit.frequency;
    draft.every.rule.interval = number * unit.times;
    draft.unit_given = true;
    draft.quarterly = unit.frequency == Frequency::monthly && unit.times == 3;
}

/// "twice a day", "three times a week".
bool read_times_per(PhraseCursor& cursor, PhraseDraft& draft) {
    const auto begin = cursor.place();
    auto number = cursor.accept("once")    ? std::optional(1)
                  : cursor.accept("twice") ? std::optional(2)
                                           : std::optional<int>();
    if (!number) {
        number = number_named(cursor.word());
        cursor.skip();
        if (!cursor.accept("times")) number.reset();
    }
    const bool per = cursor.accept("a") || cursor.accept("an") || cursor.accept("per") ||
                     cursor.accept("every") || cursor.accept("each");
    const auto* const unit = number && per ? accept_unit(cursor, units) : nullptr;
    if (unit == nullptr || unit->frequency < Frequency::daily || unit->times != 1) {
        cursor.go_to(begin);
        return false;
    }
    draft.times_per = number;
    use_unit(draft, *unit, 1);
    return true;
}

/// "every other friday": one weekday, since of several it is not clear which go together.
Read read_other_weekday(PhraseCursor& cursor, PhraseDraft& draft) {
    const auto days = read_days(cursor, false);
    if (!days) return tl::unexpected(days.error());
    if (!days->is_plain() || days->weekdays.size() != 1)
        return refuse("\"" + cursor.typed(0) +
                      "\" is not clear; write every 2 weeks on mon,thu, or "
                      "every other day");
    use_unit(draft, {"week", Frequency::weekly}, 2);
    draft.days = *days;
    return {};
}

Read use_interval(PhraseDraft& draft, const Unit& unit, int number) {
    if (number < 1 || number > phrase_interval_max)
        return refuse(std::to_string(number) + " " + std::string(unit.words) +
                      " is not accepted; use 1 to 10000");
    use_unit(draft, unit, static_cast<std::uint32_t>(number));
    return {};
}

Read read_unit(PhraseCursor& cursor, PhraseDraft& draft, int number) {
    const auto* const unit = accept_unit(cursor, units);
    if (unit == nullptr)
        return not_understood("every", cursor.rest(), every_examples, every_words());
    return use_interval(draft, *unit, number);
}

/// "5m" and its like, as spans are written; none when the word is something else.
std::optional<Read> read_span_word(PhraseCursor& cursor, PhraseDraft& draft) {
    constexpr std::array<std::pair<char, Unit>, 5> letters{{{'s', {"seconds", Frequency::secondly}},
                                                            {'m', {"minutes", Frequency::minutely}},
                                                            {'h', {"hours", Frequency::hourly}},
                                                            {'d', {"days", Frequency::daily}},
                                                            {'w', {"weeks", Frequency::weekly}}}};
    const std::string& word = cursor.word();
    if (word.size() < 2) return {};
    const auto number = number_of(std::string_view(word).substr(0, word.size() - 1));
    const auto* const letter = std::find_if(
        letters.begin(), letters.end(), [&](const auto& one) { return one.first == word.back(); });
    if (!number || letter == letters.end()) return {};
    cursor.skip();
    return use_interval(draft, letter->second, *number);
}

Read read_head_days(PhraseCursor& cursor, PhraseDraft& draft, bool every) {
    const bool the = cursor.word() == "the";
    const auto begin = cursor.place();
    if (!the && month_named(cursor.word()) && !number_of(cursor.word(1)) &&
        !ordinal_named(cursor.word(1))) {
        auto months = read_months(cursor);  // "every january"
        if (!months) return tl::unexpected(months.error());
        use_unit(draft, {"year", Frequency::yearly}, 1);
        draft.every.rule.by_month = std::move(*months);
        return {};
    }
    auto days = read_days(cursor, false);
    if (!days) {
        cursor.go_to(begin);
        const auto generic = not_understood("every", cursor.rest(), every_examples, every_words());
        const bool is_day = weekday_named(cursor.word()) || the || ordinal_named(cursor.word()) ||
                            month_named(cursor.word()) || month_named(cursor.word(1));
        return is_day ? Read(tl::unexpected(days.error())) : Read(generic);
    }
    const bool counted = std::any_of(days->weekdays.begin(), days->weekdays.end(),
                                     [](const WeekdayNum& day) { return day.ordinal > 1; });
    if (every && !the && counted) draft.unclear_days = cursor.typed(0);
    draft.days = std::move(*days);
    return {};
}

/// "second tuesday" is not every second.
bool starts_counted_day(const PhraseCursor& cursor) {
    const auto& noun = cursor.word(1);
    return ordinal_named(cursor.word()) &&
           (weekday_named(noun) || noun == "day" || noun == "weekday" || noun == "workday" ||
            noun == "to" || noun == "last" || noun == "and" || noun == "of");
}

}  // namespace

/// "other", "3", "three", or "third" before a unit; 0 if there is no number.
std::optional<int> read_interval(PhraseCursor& cursor, bool with_ordinals) {
    if (cursor.accept("other")) return 2;
    const auto begin = cursor.place();
    auto number = number_named(cursor.word());
    if (!number && with_ordinals) number = ordinal_named(cursor.word());
    cursor.skip();
    const auto unit_begin = cursor.place();
    const bool counts = number && *number >= 0 && accept_unit(cursor, units) != nullptr;
    cursor.go_to(counts ? unit_begin : begin);
    return counts ? number : std::nullopt;
}

Result<void> read_head(PhraseCursor& cursor, PhraseDraft& draft) {
    const bool every = cursor.accept("every") || cursor.accept("each");
    if (cursor.done()) return not_understood("every", "", every_examples, every_words());
    Read read;
    const bool other = cursor.word() == "other";
    if (read_times_per(cursor, draft)) {
    } else if (auto span = read_span_word(cursor, draft)) {
        read = std::move(*span);
    } else if (const auto number = read_interval(cursor, every)) {
        const auto begin = cursor.place();
        const bool unit = accept_unit(cursor, units) != nullptr;
        cursor.go_to(begin);
        read = unit || !other || cursor.done() ? read_unit(cursor, draft, *number)
                                               : read_other_weekday(cursor, draft);
    } else if (const auto* const adverb = accept_unit(cursor, adverbs)) {
        use_unit(draft, *adverb, 1);
    } else if (const auto* const unit =
                   starts_counted_day(cursor) ? nullptr : accept_unit(cursor, units)) {
        use_unit(draft, *unit, 1);
    } else {
        read = read_head_days(cursor, draft, every);
    }
    draft.head = "\"" + cursor.typed(0) + "\"";
    return read;
}

}  // namespace taskd::core
