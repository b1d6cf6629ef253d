// SPDX-License-Identifier: Apache-2.0
// Cron's own rule, minute by minute of the days that match: the one to compare with.
#include "cli/crontab.h"
#include "core/text.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <charconv>
#include <optional>

namespace taskd::cli {
namespace {

using core::LocalTime;
using core::Timestamp;
using core::TimeZone;
using std::chrono::days;
using std::chrono::floor;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t values_max = 60;
constexpr int years_ahead = 40;  // 29 February on a Monday is rare

struct Field {
    std::bitset<values_max> values;
    bool star = false;  ///< begins with *
};

std::optional<int> value_of(std::string_view text) {
    constexpr std::array names{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
    constexpr std::array months{"",    "jan", "feb", "mar", "apr", "may", "jun",
                                "jul", "aug", "sep", "oct", "nov", "dec"};
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc{} && end == text.data() + text.size()) return value;
    const auto lower = core::to_lower(std::string(text));
    for (std::size_t i = 0; i < names.size(); ++i)
        if (lower == names.at(i)) return static_cast<int>(i);
    for (std::size_t i = 1; i < months.size(); ++i)
        if (lower == months.at(i)) return static_cast<int>(i);
    return {};
}

std::optional<Field> field_of(const std::string& text, int low, int high) {
    Field field;
    field.star = text.front() == '*';
    for (const auto& item : core::split(text, ',')) {
        const auto parts = core::split(item, '/');
        const auto ends = core::split(parts[0], '-');
        const auto first = parts[0] == "*" ? std::optional(low) : value_of(ends[0]);
        const auto last = parts[0] == "*" ? std::optional(high) : value_of(ends.back());
        const auto step = parts.size() > 1 ? value_of(parts[1]) : std::optional(1);
        if (!first || !last || !step || *step < 1 || *first < 0 ||
            *last >= static_cast<int>(values_max))
            return {};
        for (int value = *first; value <= *last; value += *step)
            field.values.set(static_cast<std::size_t>(value));
    }
    return field;
}

struct Line {
    Field minute, hour, day, month, weekday;
};

std::optional<Line> line_of(const std::string& schedule) {
    constexpr std::array<std::pair<const char*, const char*>, 7> shorthands{
        {{"@yearly", "0 0 1 1 *"},
         {"@annually", "0 0 1 1 *"},
         {"@monthly", "0 0 1 * *"},
         {"@weekly", "0 0 * * 0"},
         {"@daily", "0 0 * * *"},
         {"@midnight", "0 0 * * *"},
         {"@hourly", "0 * * * *"}}};
    std::string text = core::to_lower(schedule);
    for (const auto& [name, meaning] : shorthands)
        if (text == name) text = meaning;
    const auto words = core::words_of(text);
    if (words.size() != 5) return {};
    const auto minute = field_of(words[0], 0, 59);
    const auto hour = field_of(words[1], 0, 23);
    const auto day = field_of(words[2], 1, 31);
    const auto month = field_of(words[3], 1, 12);
    auto weekday = field_of(words[4], 0, 7);
    if (!minute || !hour || !day || !month || !weekday) return {};
    if (weekday->values.test(7)) weekday->values.set(0);
    return Line{*minute, *hour, *day, *month, *weekday};
}

bool matches(const Line& line, std::chrono::local_days date) {
    const std::chrono::year_month_day calendar(date);
    const std::chrono::weekday weekday(date);
    if (!line.month.values.test(static_cast<unsigned>(calendar.month()))) return false;
    const bool day = line.day.values.test(static_cast<unsigned>(calendar.day()));
    const bool of_week = line.weekday.values.test(weekday.c_encoding());
    return line.day.star || line.weekday.star ? day && of_week : day || of_week;
}

/// The instants at which cron runs something for one local time.
void add_instants(LocalTime local, bool by_clock, const TimeZone& zone,
                  std::vector<Timestamp>& times) {
    const auto resolved = zone.to_utc(local);
    const auto at = std::chrono::duration_cast<seconds>(resolved.at.time_since_epoch()).count();
    const auto segment = zone.segment_at(at);
    if (resolved.kind == core::LocalKind::skipped) {
        if (!by_clock) times.push_back(Timestamp{seconds{segment.begin}});
        return;
    }
    times.push_back(resolved.at);
    if (resolved.kind != core::LocalKind::repeated || !by_clock) return;
    const auto later = zone.segment_at(segment.end);
    times.push_back(resolved.at + seconds{segment.offset - later.offset});
}

}  // namespace

std::vector<Timestamp> cron_times(const std::string& schedule, Timestamp from, const TimeZone& zone,
                                  std::size_t count) {
    const auto line = line_of(schedule);
    std::vector<Timestamp> found;
    if (!line) return found;
    const bool by_clock = line->minute.star || line->hour.star;
    auto date = floor<days>(zone.to_local(from)) - days{1};
    for (int left = years_ahead * 366; left > 0 && found.size() < count; --left, date += days{1}) {
        if (!matches(*line, date)) continue;
        std::vector<Timestamp> times;
        for (std::size_t hour = 0; hour < 24; ++hour) {
            if (!line->hour.values.test(hour)) continue;
            for (std::size_t minute = 0; minute < 60; ++minute)
                if (line->minute.values.test(minute))
                    add_instants(LocalTime{date} + minutes{hour * 60 + minute}, by_clock, zone,
                                 times);
        }
        std::sort(times.begin(), times.end());
        times.erase(std::unique(times.begin(), times.end()), times.end());
        for (const auto time : times)
            if (time > from && found.size() < count) found.push_back(time);
    }
    return found;
}

}  // namespace taskd::cli
