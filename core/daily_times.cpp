// SPDX-License-Identifier: Apache-2.0
#include "core/daily_times.h"

#include "core/vocabulary.h"

#include <algorithm>

namespace taskd::core {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t positions_max = 366;  // of BYSETPOS, RFC 5545 section 3.3.10

template <class T>
void sort_unique(std::vector<T>& values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

std::vector<std::string> words_for(const std::vector<seconds>& times) {
    std::vector<std::string> words;
    for (const auto time : times)
        if (words.size() < 8) words.push_back(clock_words(time));
    if (times.size() > words.size()) words.emplace_back("more");
    return words;
}

tl::unexpected<Error> refuse(const std::vector<seconds>& times, const std::string& reason) {
    return invalid_argument("every", "no single rule comes at " + and_list(words_for(times)) +
                                         ": " + reason + "; make several series of it");
}

/// All hours with all minutes, in order.
std::vector<seconds> combined(const Rrule& rule) {
    std::vector<seconds> times;
    for (const int hour : rule.by_hour)
        for (const int minute : rule.by_minute) times.push_back(hours{hour} + minutes{minute});
    return times;
}

/// How many days a period has for BYSETPOS to count through; 0 if that varies.
std::size_t days_of_period(const Rrule& rule) {
    if (rule.frequency == Frequency::daily) return 1;
    if (rule.frequency != Frequency::weekly || !rule.by_month.empty()) return 0;
    return std::max<std::size_t>(1, rule.by_day.size());
}

Result<void> pick_times(Rrule& rule, const std::vector<seconds>& times) {
    const auto all = combined(rule);
    const auto in_days = days_of_period(rule);
    if (!rule.by_set_pos.empty() || in_days == 0)
        return refuse(times, "BYHOUR and BYMINUTE combine to " + and_list(words_for(all)));
    if (all.size() * in_days > positions_max) return refuse(times, "BYSETPOS counts to 366 only");
    for (std::size_t i = 0; i < all.size() * in_days; ++i)
        if (std::binary_search(times.begin(), times.end(), all[i % all.size()]))
            rule.by_set_pos.push_back(static_cast<int>(i) + 1);
    return {};
}

}  // namespace

Result<void> set_daily_times(Rrule& rule, std::vector<seconds> times) {
    sort_unique(times);
    for (const auto time : times) {
        if (time % minutes{1} != seconds{0})
            return refuse(times, "seconds need a rule of their own");
        rule.by_hour.push_back(static_cast<int>(time / hours{1}));
        rule.by_minute.push_back(static_cast<int>(time % hours{1} / minutes{1}));
    }
    sort_unique(rule.by_hour);
    sort_unique(rule.by_minute);
    const auto all = rule.by_hour.size() * rule.by_minute.size();
    if (all == times.size()) {
        const bool counted = !rule.by_set_pos.empty() && all > 1;
        return counted ? refuse(times, "BYSETPOS would count the times too") : Result<void>{};
    }
    return pick_times(rule, times);
}

std::optional<std::vector<seconds>> daily_times(const Rrule& rule) {
    if (rule.by_hour.empty() || rule.by_minute.empty() || !rule.by_second.empty()) return {};
    auto times = combined(rule);
    if (!rule.by_set_pos.empty()) {
        const auto all = times;
        times.clear();
        for (const int position : rule.by_set_pos)
            if (position > 0 && position <= static_cast<int>(all.size()))
                times.push_back(all[static_cast<std::size_t>(position) - 1]);
    }
    Rrule again = rule;
    again.by_hour = {};
    again.by_minute = {};
    again.by_set_pos = {};
    if (times.empty() || !set_daily_times(again, times) || again != rule) return {};
    return times;
}

std::optional<seconds> step_of(const std::vector<seconds>& times) {
    if (times.size() < 3) return {};
    const auto step = times[1] - times[0];
    for (std::size_t i = 2; i < times.size(); ++i)
        if (times[i] - times[i - 1] != step) return {};
    return step;
}

}  // namespace taskd::core
