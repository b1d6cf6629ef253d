// SPDX-License-Identifier: Apache-2.0
// The words that times, rules and cron lines share: names, numbers, times of day.
#pragma once

#include "core/result.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::core {

inline constexpr std::size_t words_bytes_max = 1024;  ///< of a time or rule in words

/// All readers below take words in lower case.
[[nodiscard]] std::optional<int> number_of(std::string_view digits);
[[nodiscard]] std::optional<int> number_named(std::string_view word);  ///< "3", "three", "a"
[[nodiscard]] std::optional<int> ordinal_named(
    std::string_view word);  ///< "3rd", "third"; -1 "last"
[[nodiscard]] std::optional<unsigned> weekday_named(
    std::string_view word);                                                ///< 0 = "mon", "monday"
[[nodiscard]] std::optional<unsigned> month_named(std::string_view word);  ///< 1 = "jan"

/// "9:30", "09:30:15", "9am", "9 am", "at 9:30pm", "noon", "midnight", "eod" (17:00): all of
/// `words`.
[[nodiscard]] std::optional<std::chrono::seconds> time_of_day(
    const std::vector<std::string>& words);

/// Whether a word is meant as the name of a time zone: "Europe/Berlin", "UTC".
[[nodiscard]] bool looks_like_zone(std::string_view word);

[[nodiscard]] std::string weekday_name(unsigned weekday);          ///< "Monday"
[[nodiscard]] std::string month_name(unsigned month);              ///< 1 is "January"
[[nodiscard]] std::string ordinal(int number);                     ///< "3rd", "last", "2nd to last"
[[nodiscard]] std::string clock_words(std::chrono::seconds time);  ///< "09:30", "09:30:15"
[[nodiscard]] std::string and_list(const std::vector<std::string>& items);  ///< "a, b and c"

/// A refusal that names the part that was not understood and what is accepted, with the nearest of
/// `known` as a hint.
[[nodiscard]] tl::unexpected<Error> not_understood(std::string_view field, std::string_view part,
                                                   std::string_view examples,
                                                   const std::vector<std::string>& known = {});

}  // namespace taskd::core
