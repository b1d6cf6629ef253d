// SPDX-License-Identifier: Apache-2.0
#include "daemon/resiliency_values.h"

#include "core/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace taskd::daemon {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t found_bytes_max = 64;  // of a value in a message
constexpr std::size_t statuses_max = 100;
constexpr int trip_max = 1'000'000;

constexpr std::int64_t ms_ns = 1'000'000;
constexpr std::int64_t duration_ns_max =
    25 * 3'600'000 * ms_ns;  // more than any bound, far below 2^63

constexpr std::array<std::pair<std::string_view, std::int64_t>, 8> units{{
    {"ns", 1},
    {"us", 1000},
    {"\u00b5s", 1000},  // the micro sign and the Greek letter: Go takes both
    {"\u03bcs", 1000},
    {"ms", ms_ns},
    {"s", 1000 * ms_ns},
    {"m", 60'000 * ms_ns},
    {"h", 3'600'000 * ms_ns},
}};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::optional<std::int64_t> to_integer(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return {};
    return value;
}

std::string_view take_digits(std::string_view& rest) {
    const auto* const end =
        std::find_if(rest.begin(), rest.end(), [](char c) { return !is_digit(c); });
    const auto digits = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
    rest.remove_prefix(digits.size());
    return digits;
}

/// One number with its unit ("1.5h") off the front, in nanoseconds; what is finer is cut off.
std::optional<std::int64_t> take_part(std::string_view& rest) {
    const auto whole = take_digits(rest);
    std::string_view fraction;
    if (rest.substr(0, 1) == ".") {
        rest.remove_prefix(1);
        fraction = take_digits(rest);
    }
    if (whole.empty() && fraction.empty()) return {};
    const auto name = rest.substr(0, rest.find_first_of(".0123456789"));
    const auto* const unit =
        std::find_if(units.begin(), units.end(), [&](const auto& u) { return u.first == name; });
    if (unit == units.end()) return {};
    rest.remove_prefix(name.size());

    const auto count = whole.empty() ? std::optional<std::int64_t>{0} : to_integer(whole);
    if (!count || *count > duration_ns_max / unit->second) return {};
    std::int64_t total = *count * unit->second;
    std::int64_t place = unit->second;
    for (const char digit : fraction) total += (digit - '0') * (place /= 10);
    return total;
}

/// None where the text is no duration, too long, or no whole number of milliseconds.
std::optional<milliseconds> to_duration(std::string_view text) {
    if (text.empty() || !(is_digit(text.front()) || text.front() == '.')) return {};
    if (const auto number = to_integer(text)) return milliseconds{*number};
    std::int64_t total = 0;
    while (!text.empty()) {
        const auto part = take_part(text);
        if (!part || *part > duration_ns_max - total) return {};
        total += *part;
    }
    if (total % ms_ns != 0) return {};
    return milliseconds{total / ms_ns};
}

std::optional<std::pair<int, int>> to_range(std::string_view text) {
    const auto dash = text.find('-');
    const auto first = to_integer(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : to_integer(text.substr(dash + 1));
    if (!first || !last || *first < 100 || *last > 599 || *first > *last) return {};
    return std::pair{static_cast<int>(*first), static_cast<int>(*last)};
}

/// What is left of `text` after `word`, without the spaces between.
std::optional<std::string_view> after(std::string_view text, std::string_view word) {
    if (text.substr(0, word.size()) != word) return {};
    return core::trim(text.substr(word.size()));
}

}  // namespace

tl::unexpected<core::Error> refused_value(const std::string& key, std::string_view found,
                                          const std::string& accepted, std::string hint) {
    return core::invalid_argument(
        key, "found \"" + core::clipped(found, found_bytes_max) + "\"; accepted " + accepted,
        std::move(hint));
}

core::Result<milliseconds> read_duration(const std::string& key, std::string_view value,
                                         const DurationBounds& bounds) {
    const auto duration = to_duration(value);
    if (!duration || *duration < bounds.min || *duration > bounds.max)
        return refused_value(key, value,
                             "are durations of " + std::string(bounds.words) +
                                 " in whole milliseconds, such as 5s, 1m30s, 500ms or 500");
    return *duration;
}

core::Result<int> read_count(const std::string& key, std::string_view value, int min, int max) {
    const auto count = to_integer(value);
    if (!count || *count < min || *count > max)
        return refused_value(
            key, value,
            "are whole numbers from " + std::to_string(min) + " to " + std::to_string(max));
    return static_cast<int>(*count);
}

core::Result<core::StatusRanges> read_statuses(const std::string& key, std::string_view value) {
    core::StatusRanges statuses;
    for (const auto& part : core::split(value, ',')) {
        const auto range = to_range(core::trim(part));
        if (!range || statuses.ranges.size() == statuses_max)
            return refused_value(key, value,
                                 "are at most 100 statuses from 100 to 599 with commas, such as "
                                 "429,500-599");
        statuses.ranges.push_back(*range);
    }
    return statuses;
}

core::Result<int> read_trip(const std::string& key, std::string_view value) {
    const auto refused = [&] {
        return refused_value(key, value,
                             "are consecutiveFailures > N and consecutiveFailures >= N, which open "
                             "after 1 to 1000000 failures in a row");
    };
    const auto comparison = after(core::trim(value), "consecutiveFailures");
    if (!comparison) return refused();
    const auto at_least = after(*comparison, ">=");
    const auto more_than = after(*comparison, ">");
    const auto number = to_integer(at_least ? *at_least : more_than.value_or(""));
    if (!number || *number < 0 || *number > trip_max) return refused();
    const auto failures = at_least ? *number : *number + 1;
    if (failures < 1 || failures > trip_max) return refused();
    return static_cast<int>(failures);
}

}  // namespace taskd::daemon
