// SPDX-License-Identifier: Apache-2.0
#include "core/vocabulary.h"

#include "core/rfc3339.h"
#include "core/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace taskd::core {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using Names = std::vector<std::string_view>;

constexpr std::array<std::string_view, 7> weekday_names{
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
constexpr std::array<std::string_view, 12> month_names{
    "january", "february", "march",     "april",   "may",      "june",
    "july",    "august",   "september", "october", "november", "december"};
constexpr std::array<std::string_view, 12> numbers{"one",  "two", "three",  "four",
                                                   "five", "six", "seven",  "eight",
                                                   "nine", "ten", "eleven", "twelve"};
constexpr std::array<std::string_view, 12> ordinals{"first", "second", "third",    "fourth",
                                                    "fifth", "sixth",  "seventh",  "eighth",
                                                    "ninth", "tenth",  "eleventh", "twelfth"};
// End of day is when offices close, not midnight; taskd-recurrence(7) says so.
constexpr std::array<std::pair<std::string_view, hours>, 4> day_times{
    {{"noon", hours{12}}, {"midday", hours{12}}, {"midnight", hours{0}}, {"eod", hours{17}}}};

template <std::size_t size>
std::optional<int> index_of(const std::array<std::string_view, size>& names,
                            std::string_view word) {
    const auto* const found = std::find(names.begin(), names.end(), word);
    if (found == names.end()) return {};
    return static_cast<int>(found - names.begin());
}

/// The one name that begins with `word`, of three letters at least.
template <std::size_t size>
std::optional<unsigned> name_with(const std::array<std::string_view, size>& names,
                                  std::string_view word) {
    if (word.size() < 3) return {};
    for (unsigned i = 0; i < names.size(); ++i)
        if (names.at(i).substr(0, word.size()) == word) return i;
    return {};
}

std::string capitalised(std::string_view word) {
    return to_upper(word.substr(0, 1)) + std::string(word.substr(1));
}

std::string_view suffix_of(int number) {
    const int tens = number % 100;
    if (tens >= 11 && tens <= 13) return "th";
    return number % 10 == 1 ? "st" : number % 10 == 2 ? "nd" : number % 10 == 3 ? "rd" : "th";
}

/// Takes "am" or "pm" off the word: the hours to add, or nothing if there is neither.
std::optional<int> take_half(std::string_view& word) {
    if (word.size() < 3 || word.back() != 'm') return {};
    const char half = word[word.size() - 2];
    if (half != 'a' && half != 'p') return {};
    word.remove_suffix(2);
    return half == 'p' ? 12 : 0;
}

/// "9", "9:30" or "9:30:15" as numbers; the hour has one or two digits, the others two.
std::optional<std::array<int, 3>> clock_numbers(const std::vector<std::string>& parts) {
    if (parts.size() > 3) return {};
    std::array<int, 3> values{};
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto value = number_of(parts[i]);
        if (!value || parts[i].size() > 2 || (i > 0 && parts[i].size() != 2)) return {};
        values.at(i) = *value;
    }
    return values;
}

std::optional<seconds> clock_time(std::string_view word) {
    const auto half = take_half(word);
    const auto parts = split(word, ':');
    auto values = clock_numbers(parts);
    if (!values || (parts.size() == 1 && !half)) return {};
    auto& [hour, minute, second] = *values;
    if (half) {
        if (hour < 1 || hour > 12) return {};
        hour = hour % 12 + *half;
    }
    if (hour > 23 || minute > 59 || second > 59) return {};
    return hours{hour} + minutes{minute} + seconds{second};
}

}  // namespace

std::optional<int> number_of(std::string_view digits) {
    int value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) return {};
    if (digits.front() == '-') return {};
    return value;
}

std::optional<int> number_named(std::string_view word) {
    if (word == "a" || word == "an") return 1;
    if (const auto index = index_of(numbers, word)) return *index + 1;
    return number_of(word);
}

std::optional<int> ordinal_named(std::string_view word) {
    if (word == "last") return -1;
    if (const auto index = index_of(ordinals, word)) return *index + 1;
    const auto digits = word.find_first_not_of("0123456789");
    const auto number = number_of(word.substr(0, digits));
    if (!number || *number < 1 || *number > 366 || digits == std::string_view::npos) return {};
    if (word.substr(digits) != suffix_of(*number)) return {};
    return number;
}

std::optional<unsigned> weekday_named(std::string_view word) {
    if (word.size() > 3 && word.back() == 's' && word != "tues" && word != "wednes")
        word.remove_suffix(1);
    return name_with(weekday_names, word);
}

std::optional<unsigned> month_named(std::string_view word) {
    if (const auto month = name_with(month_names, word)) return *month + 1;
    return {};
}

std::optional<seconds> time_of_day(const std::vector<std::string>& words) {
    auto first = words.begin();
    if (first != words.end() && *first == "at") ++first;
    std::string word = first == words.end() ? "" : *first++;
    if (first != words.end() && (*first == "am" || *first == "pm")) word += *first++;
    if (first != words.end()) return {};
    for (const auto& [name, time] : day_times)
        if (word == name) return time;
    return clock_time(word);
}

bool looks_like_zone(std::string_view word) {
    if (to_upper(word) == "UTC") return true;
    const bool letter = !word.empty() && to_upper(word)[0] >= 'A' && to_upper(word)[0] <= 'Z';
    return word.find('/') != std::string_view::npos &&
           (letter || word.front() == '/' || word.front() == '.');
}

std::string weekday_name(unsigned weekday) {
    return capitalised(weekday_names.at(weekday));
}
std::string month_name(unsigned month) {
    return capitalised(month_names.at(month - 1));
}

std::string ordinal(int number) {
    if (number == -1) return "last";
    if (number < 0) return ordinal(-number) + " to last";
    return std::to_string(number) + std::string(suffix_of(number));
}

std::string clock_words(seconds time) {
    const std::string clock = format_local(std::chrono::local_time<seconds>{time}).substr(11);
    return clock.substr(5) == ":00" ? clock.substr(0, 5) : clock;
}

std::string and_list(const std::vector<std::string>& items) {
    if (items.size() < 2) return join(items, "");
    return join({items.begin(), items.end() - 1}, ", ") + " and " + items.back();
}

tl::unexpected<Error> not_understood(std::string_view field, std::string_view part,
                                     std::string_view examples,
                                     const std::vector<std::string>& known) {
    auto refused = invalid_argument(
        std::string(field), "\"" + clipped(part, 256) + "\" was not understood; use for example " +
                                std::string(examples));
    for (const auto& word : words_of(clipped(part, 256))) {
        const bool right = std::find(known.begin(), known.end(), word) != known.end();
        const auto near = right ? std::string() : nearest(word, known);
        if (near.empty()) continue;
        refused.value().hint = "did you mean \"" + near + "\"?";
        break;
    }
    return refused;
}

}  // namespace taskd::core
