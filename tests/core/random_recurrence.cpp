// SPDX-License-Identifier: Apache-2.0
#include "tests/core/random_recurrence.h"

#include "core/ical_time.h"
#include "core/text.h"
#include "core/time_zone.h"

#include <array>
#include <chrono>
#include <utility>

namespace taskd::test {
namespace {

using namespace core;
using std::chrono::days;
using std::chrono::floor;
using std::chrono::seconds;

enum Freq { secondly, minutely, hourly, daily, weekly, monthly, yearly };
constexpr std::array<const char*, 7> frequency_names{
    {"SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"}};
/// Days to look at: some hundred slots of a plain rule, and what the reference walks in a few ms.
constexpr std::array<int, 7> horizons{{0, 1, 12, 400, 900, 1800, 3300}};
constexpr std::array<const char*, 7> weekdays{{"MO", "TU", "WE", "TH", "FR", "SA", "SU"}};
constexpr std::array<const char*, 6> zones{{"UTC", "America/New_York", "Europe/Berlin",
                                            "Australia/Lord_Howe", "Africa/Casablanca",
                                            "Pacific/Apia"}};

template <class T, std::size_t N>
const T& pick(SeededRandom& random, const std::array<T, N>& choices) {
    return choices[static_cast<std::size_t>(random.between(0, N - 1))];
}

/// Values may repeat and come in any order.
std::string numbers(SeededRandom& random, int low, int high, bool with_negative = false,
                    int most = 4) {
    std::vector<std::string> values;
    for (auto left = random.between(1, most); left > 0; --left) {
        const auto value = random.between(low, high);
        values.push_back(std::to_string(with_negative && random.one_in(3) ? -value : value));
    }
    return join(values, ",");
}

std::string by_day(SeededRandom& random, int ordinal_max) {
    std::vector<std::string> values;
    for (auto left = random.between(1, 4); left > 0; --left) {
        std::string ordinal;
        if (ordinal_max > 0 && random.one_in(2))
            ordinal = std::to_string(random.between(1, ordinal_max) * (random.one_in(3) ? -1 : 1));
        values.push_back(ordinal + pick(random, weekdays));
    }
    return join(values, ",");
}

std::string interval(SeededRandom& random, Freq frequency) {
    constexpr std::array<int, 14> fine{{2, 3, 4, 5, 6, 7, 10, 12, 15, 24, 36, 60, 90, 1441}};
    constexpr std::array<int, 8> coarse{{2, 3, 4, 5, 7, 12, 13, 30}};
    return std::to_string(frequency < daily ? pick(random, fine) : pick(random, coarse));
}

std::string until(SeededRandom& random, const IcalTime& start, int horizon) {
    const auto end = start.local + seconds{random.between(-3600, (horizon + 1) * 86'400LL)};
    if (start.is_date || random.one_in(3))
        return format_ical_time({LocalTime{floor<days>(end)}, true, false});
    return format_ical_time({end, false, start.is_utc || random.one_in(2)});
}

std::string rule(SeededRandom& random, Freq frequency, const IcalTime& start, int horizon) {
    std::vector<std::string> parts{std::string("FREQ=") + frequency_names[frequency]};
    const bool fine = frequency < daily;
    bool has_by = false;
    const auto add = [&](const char* name, const std::string& value) {
        parts.push_back(std::string(name) + "=" + value);
        has_by = has_by || name[0] == 'B';
    };
    if (random.one_in(2)) add("INTERVAL", interval(random, frequency));
    const bool by_month = random.one_in(4);
    if (by_month) add("BYMONTH", numbers(random, 1, 12, false, 6));
    const bool by_week_no = frequency == yearly && random.one_in(3);
    if (by_week_no) add("BYWEEKNO", numbers(random, random.one_in(2) ? 1 : 50, 53, true));
    if ((frequency == yearly || fine) && random.one_in(5))
        add("BYYEARDAY", numbers(random, 1, 366, true, 40));
    const bool by_month_day = frequency != weekly && random.one_in(3);
    if (by_month_day) add("BYMONTHDAY", numbers(random, random.one_in(3) ? 28 : 1, 31, true, 6));
    if (random.one_in(3)) {
        const bool ordinals = frequency == monthly || (frequency == yearly && !by_week_no);
        const bool in_month = frequency == monthly || by_month;
        add("BYDAY", by_day(random, !ordinals ? 0 : in_month ? 5 : 53));
    }
    if (!start.is_date) {
        if (random.one_in(4)) add("BYHOUR", numbers(random, 0, random.one_in(2) ? 4 : 23));
        if (random.one_in(4)) add("BYMINUTE", numbers(random, 0, 59));
        if (random.one_in(5)) add("BYSECOND", numbers(random, 0, 60));
    }
    if (has_by && random.one_in(4))
        add("BYSETPOS", numbers(random, 1, random.one_in(3) ? 40 : 3, true, 3));
    if (random.one_in(4)) add("WKST", pick(random, weekdays));
    if ((frequency == monthly || frequency == yearly || random.one_in(8)) && random.one_in(3)) {
        add("RSCALE", "GREGORIAN");
        add("SKIP", pick(random, std::array<const char*, 3>{{"OMIT", "BACKWARD", "FORWARD"}}));
    }
    if (random.one_in(5))
        add("COUNT", std::to_string(random.between(1, random.one_in(2) ? 10 : 300)));
    else if (random.one_in(5))
        add("UNTIL", until(random, start, horizon));
    for (std::size_t left = parts.size() - 1; left > 0; --left)
        std::swap(
            parts[left],
            parts[static_cast<std::size_t>(random.between(0, static_cast<std::int64_t>(left)))]);
    const std::string text = join(parts, ";");
    return random.one_in(6) ? to_lower(text) : text;
}

/// Within a few days of a change of the clocks, or anywhere.
LocalTime near_transition(SeededRandom& random, const TimeZone& zone, int horizon) {
    constexpr std::int64_t from = 820'454'400;  // 1996
    constexpr std::int64_t to = 2'240'524'800;  // 2041
    const std::int64_t apia_skips_a_day = 1'325'239'200;
    std::int64_t at = random.between(from, to);
    if (zone.name() == "Pacific/Apia" && random.one_in(3)) at = apia_skips_a_day - 10;
    const auto segment = zone.segment_at(at);
    if (segment.end < to && !random.one_in(4))
        at = segment.end - random.between(0, horizon == 0 ? 7200 : std::min(horizon, 20) * 86'400);
    return zone.to_local(Timestamp{seconds{at}});
}

IcalTime dtstart(SeededRandom& random, const TimeZone& zone, Freq frequency, int horizon) {
    IcalTime start;
    start.local = near_transition(random, zone, horizon);
    start.is_date = frequency >= daily && random.one_in(6);
    const auto day = floor<days>(start.local);
    if (start.is_date) {
        start.local = LocalTime{day};
    } else if (frequency >= daily && random.one_in(2)) {
        // The hours in which clocks change.
        start.local = day + seconds{random.between(0, 4 * 4) * 900};
    } else if (frequency == hourly && random.one_in(2)) {
        start.local -= (start.local - day) % seconds{900};
    }
    start.is_utc = !start.is_date && zone.name() == "UTC" && random.one_in(2);
    return start;
}

/// A list of RDATE or EXDATE: near DTSTART, on its time of day or beside it.
std::string dates(SeededRandom& random, const char* name, const IcalTime& start, int horizon,
                  const std::string& tzid) {
    const bool bare = start.is_date || random.one_in(4);
    const bool utc = !bare && !tzid.empty() && random.one_in(3);
    std::vector<std::string> values;
    for (auto left = random.between(1, 6); left > 0; --left) {
        const bool fine = horizon <= 1;
        const auto shift = fine ? seconds{random.between(-60, 7200)}
                                : days{random.between(-1, std::min(horizon, 40))} +
                                      seconds{random.between(-2, 2) * 1800};
        const auto time = start.local + shift;
        values.push_back(bare ? format_ical_time({LocalTime{floor<days>(time)}, true, false})
                              : format_ical_time({time, false, utc || start.is_utc}));
    }
    std::string head = name;
    if (bare) head += ";VALUE=DATE";
    if (!bare && !utc && !start.is_utc && !tzid.empty()) head += ";TZID=" + tzid;
    return head + ":" + join(values, ",");
}

}  // namespace

RandomRecurrence random_recurrence(SeededRandom& random) {
    const auto frequency = static_cast<Freq>(random.between(0, 6));
    const std::string zone_name = pick(random, zones);
    const auto zone = TimeZone::load(zone_name).value();
    RandomRecurrence made;
    made.days = horizons[frequency];
    const auto start = dtstart(random, zone, frequency, made.days);
    made.dtstart = format_ical_time(start);
    // A DATE has no zone, and a UTC time names its own.
    if (!start.is_date && !start.is_utc) made.tzid = zone_name;

    made.lines.push_back("RRULE:" + rule(random, frequency, start, made.days));
    if (!random.one_in(4)) return made;
    const auto other = [&] {
        const auto low = start.is_date ? daily : static_cast<Freq>(std::max(frequency - 1, 0));
        return static_cast<Freq>(random.between(low, std::min(frequency + 2, 6)));
    };
    // A second rule may be finer than what the horizon is meant for.
    if (frequency == minutely || frequency == hourly)
        made.days = horizons[static_cast<std::size_t>(frequency - 1)];
    if (random.one_in(2)) made.lines.push_back("RRULE:" + rule(random, other(), start, made.days));
    if (random.one_in(4)) made.lines.push_back("RRULE:" + rule(random, other(), start, made.days));
    if (random.one_in(3)) made.lines.push_back("EXRULE:" + rule(random, other(), start, made.days));
    if (random.one_in(2)) made.lines.push_back(dates(random, "RDATE", start, made.days, made.tzid));
    if (random.one_in(2))
        made.lines.push_back(dates(random, "EXDATE", start, made.days, made.tzid));
    if (random.one_in(3))
        made.lines.push_back(dates(random, "EXDATE", start, made.days, made.tzid));
    if (random.one_in(12)) made.lines.erase(made.lines.begin());
    return made;
}

}  // namespace taskd::test
