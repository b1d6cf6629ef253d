// SPDX-License-Identifier: Apache-2.0
#include "core/cron.h"

#include "core/daily_times.h"
#include "core/text.h"
#include "core/vocabulary.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

namespace taskd::core {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

struct Field {
    std::string_view name;
    int min;
    int max;
    std::string_view accepted;
};
constexpr std::array<Field, 5> fields{
    {{"minute", 0, 59, "0 to 59, *, lists (0,30), ranges (9-17) and steps (*/15)"},
     {"hour", 0, 23, "0 to 23, *, lists (8,20), ranges (9-17) and steps (*/2)"},
     {"day of month", 1, 31, "1 to 31, *, lists, ranges, steps, L for the last day, L-3"},
     {"month", 1, 12, "1 to 12, jan to dec, *, lists, ranges and steps"},
     {"day of week", 0, 7, "0 to 7 (0 and 7 are Sunday), sun to sat, *, lists, ranges, 5L, 5#2"}}};
enum Place { minute, hour, month_day, month, weekday };

struct Shorthand {
    std::string_view name;
    std::string_view line;
};
constexpr std::array<Shorthand, 7> shorthands{{{"@yearly", "0 0 1 1 *"},
                                               {"@annually", "0 0 1 1 *"},
                                               {"@monthly", "0 0 1 * *"},
                                               {"@weekly", "0 0 * * 0"},
                                               {"@daily", "0 0 * * *"},
                                               {"@midnight", "0 0 * * *"},
                                               {"@hourly", "0 * * * *"}}};

tl::unexpected<Error> refuse(const std::string& reason) {
    return invalid_argument("every", "cron: " + reason);
}
tl::unexpected<Error> refuse(const Field& field, std::string_view found, std::string reason = {}) {
    if (reason.empty()) reason = "use " + std::string(field.accepted);
    return refuse("\"" + clipped(found, 64) + "\" is not accepted as " + std::string(field.name) +
                  "; " + reason);
}

/// What a field names. `all` is "*", which restricts nothing.
struct Values {
    bool all = false;
    bool stepped_star = false;  ///< "*/2"; crons differ on whether it restricts the days
    std::vector<int> values;
    std::vector<WeekdayNum> counted;  ///< 5L, 5#2
};

std::optional<int> value_named(Place place, std::string_view word) {
    if (const auto number = number_of(word); number && word.size() <= 2) return number;
    if (word.size() != 3) return {};
    if (place == month)
        if (const auto named = month_named(word)) return static_cast<int>(*named);
    if (place == weekday)
        if (const auto named = weekday_named(word)) return static_cast<int>(*named + 1) % 7;
    return {};
}

/// 0 and 7 are Sunday here, 6 in a rule.
unsigned rule_weekday(int value) {
    return static_cast<unsigned>((value + 6) % 7);
}

/// "L", "L-3", "5L", "5#2"; whether it was one of them.
Result<bool> read_special(Place place, std::string_view item, Values& values) {
    const Field& field = fields.at(place);
    if (item.find('w') != std::string_view::npos && place == month_day)
        return refuse(field, item,
                      "no RRULE says the weekday nearest to a day; for LW write the last weekday "
                      "of the month");
    if (place == month_day && item.substr(0, 1) == "l") {
        const auto back = item.size() == 1 ? std::optional(0)
                          : item[1] == '-' ? number_of(item.substr(2))
                                           : std::nullopt;
        if (!back || *back > 30) return refuse(field, item);
        values.values.push_back(-1 - *back);
        return true;
    }
    if (place != weekday) return false;
    const auto hash = item.find('#');
    const bool last = item.size() > 1 && item.back() == 'l';
    if (item == "l")
        return refuse(field, item, "L needs a weekday before it, as 5L for the last Friday");
    if (!last && hash == std::string_view::npos) return false;
    const auto day = value_named(weekday, item.substr(0, last ? item.size() - 1 : hash));
    const auto number = last ? std::optional(-1) : number_of(item.substr(hash + 1));
    if (!day || *day > 7 || !number || (!last && (*number < 1 || *number > 5)))
        return refuse(field, item);
    values.counted.push_back({*number, rule_weekday(*day)});
    return true;
}

/// "9", "9-17", "*", each with "/2" behind it.
Result<void> read_range(Place place, const std::string& item, Values& values) {
    const Field& field = fields.at(place);
    const auto parts = split(item, '/');
    const auto ends = split(parts[0], '-');
    const bool star = parts[0] == "*";
    if (parts.size() > 2 || ends.size() > 2) return refuse(field, item);
    const auto first = star ? std::optional(field.min) : value_named(place, ends[0]);
    const auto last =
        star ? std::optional(place == weekday ? 6 : field.max) : value_named(place, ends.back());
    const auto step = parts.size() == 2 ? number_of(parts[1]) : std::optional(1);
    if (!first || !last || !step || *first < field.min || *last > field.max)
        return refuse(field, item);
    if (*last < *first) return refuse(field, item, "the range ends before it begins");
    if (*step < 1 || *step > field.max)
        return refuse(field, item, "a step is 1 to " + std::to_string(field.max));
    if (parts.size() == 2 && !star && ends.size() == 1)
        return refuse(field, item,
                      "a step needs * or a range before it, as " + ends[0] + "-" +
                          std::to_string(field.max) + "/" + parts[1]);
    values.stepped_star = values.stepped_star || (star && *step > 1);
    for (int value = *first; value <= *last; value += *step) values.values.push_back(value);
    return {};
}

Result<Values> read_field(Place place, const std::string& text) {
    Values values;
    const bool no_day = text == "?" && (place == month_day || place == weekday);
    if (text == "*" || text == "*/1" || no_day) {
        values.all = true;
        return values;
    }
    for (const auto& item : split(text, ',')) {
        if (item.empty() || item == "?") return refuse(fields.at(place), text);
        const auto special = read_special(place, item, values);
        if (!special) return tl::unexpected(special.error());
        if (*special) continue;
        if (auto read = read_range(place, item, values); !read) return tl::unexpected(read.error());
    }
    auto& list = values.values;
    if (place == weekday)
        for (auto& day : list) day %= 7;
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
    // What names each value restricts nothing: "0-23".
    const auto full = static_cast<std::size_t>(
        place == weekday ? 7 : fields.at(place).max - fields.at(place).min + 1);
    const bool from_end = !list.empty() && list.front() < 0;
    values.all = list.size() == full && values.counted.empty() && !from_end;
    return values;
}

using Line = std::array<Values, 5>;

/// FREQ and the days, for rules with times of day.
void set_days(Rrule& rule, const Line& line) {
    const auto& days = line[weekday];
    for (const int day : days.values)
        if (!days.all) rule.by_day.push_back({0, rule_weekday(day)});
    rule.by_day.insert(rule.by_day.end(), days.counted.begin(), days.counted.end());
    std::sort(rule.by_day.begin(), rule.by_day.end());
    rule.by_day.erase(std::unique(rule.by_day.begin(), rule.by_day.end()), rule.by_day.end());
    if (!line[month_day].all) rule.by_month_day = line[month_day].values;
    if (!line[month].all) rule.by_month = line[month].values;
    if (!days.counted.empty())
        rule.frequency = Frequency::monthly;
    else if (!days.all)
        rule.frequency = Frequency::weekly;
    else if (!line[month_day].all)
        rule.frequency = line[month].all ? Frequency::monthly : Frequency::yearly;
    else
        rule.frequency = Frequency::daily;
}

/// Minutes of each hour: FREQ=HOURLY or MINUTELY, limited to the days.
void set_every_hour(Rrule& rule, const Line& line) {
    const bool counted = !line[weekday].counted.empty();
    if (!counted) rule.frequency = line[minute].all ? Frequency::minutely : Frequency::hourly;
    if (!line[minute].all || counted) rule.by_minute = line[minute].values;
    // BYDAY with a number needs a month; each of its days has all hours.
    if (counted) rule.by_hour = line[hour].values;
}

/// Times of day: one of them is for `at`.
void set_times(Every& every, const Line& line) {
    const auto& hour_list = line[hour].values;
    const auto& minute_list = line[minute].values;
    if (hour_list.size() * minute_list.size() == 1 && !line[minute].all) {
        every.at = clock_words(hours{hour_list[0]} + minutes{minute_list[0]});
        return;
    }
    every.rule.by_hour = hour_list;
    every.rule.by_minute = minute_list;
    // "*/15 9-17" is every 15 minutes between two times, which phrases make a daily rule too.
    const auto times = daily_times(every.rule);
    const bool evenly = times && step_of(*times);
    if (evenly && every.rule.frequency == Frequency::weekly)
        every.rule.frequency = Frequency::daily;
}

Result<Every> rule_of(Line line) {
    const auto& days = line[month_day];
    const auto& weekdays = line[weekday];
    if (!days.all && !weekdays.all)
        return refuse(
            days.stepped_star || weekdays.stepped_star
                ? "crons differ on a step in one field of days and a limit in the other; "
                  "write it as a phrase"
                : "day of month and day of week are both limited, which cron reads as either "
                  "of them; no single RRULE says that, make two series of it");
    for (const Place place : {minute, hour})
        if (line.at(place).all && line.at(place).values.empty())
            for (int i = 0; i <= fields.at(place).max; ++i) line.at(place).values.push_back(i);
    Every every;
    set_days(every.rule, line);
    if (line[hour].all)
        set_every_hour(every.rule, line);
    else
        set_times(every, line);
    return every;
}

Result<Every> parse_fields(const std::vector<std::string>& words) {
    if (words.size() == 6 || words.size() == 7)
        return refuse(
            "the line has " + std::to_string(words.size()) +
            " fields; seconds and years are not accepted, use minute, hour, day of month, "
            "month, day of week");
    if (words.size() != 5)
        return refuse("the line has " + std::to_string(words.size()) +
                      " fields; use five: minute, hour, day of month, month, day of week, as "
                      "0 9 * * 1-5");
    Line line;
    for (const Place place : {minute, hour, month_day, month, weekday}) {
        auto read = read_field(place, to_lower(words[place]));
        if (!read) return tl::unexpected(read.error());
        line.at(place) = std::move(*read);
    }
    return rule_of(std::move(line));
}

Result<std::vector<std::string>> expanded(const std::vector<std::string>& words) {
    const std::string name = words.empty() ? "" : to_lower(words[0]);
    if (name.empty() || name[0] != '@') return words;
    for (const auto& shorthand : shorthands)
        if (name == shorthand.name && words.size() == 1) return words_of(shorthand.line);
    if (name == "@reboot") return refuse("@reboot is no time; no rule can say it");
    if (name == "@every") return refuse("@every belongs to other programs; write every 90 minutes");
    std::vector<std::string> known;
    for (const auto& shorthand : shorthands) known.emplace_back(shorthand.name);
    return not_understood("every", join(words, " "), join(known, ", "), known);
}

}  // namespace

bool looks_like_cron(std::string_view text) {
    const auto words = words_of(text);
    if (words.empty()) return false;
    if (words[0][0] == '@') return true;
    const auto is_field = [](const std::string& word) {
        return word.find_first_not_of("0123456789*/,-") == std::string::npos;
    };
    if (words.size() < 2 || !is_field(words[0]) || !is_field(words[1])) return false;
    const auto has_value = [](const std::string& word) {
        return word.find_first_of("0123456789*") != std::string::npos;
    };
    return has_value(words[0]) && has_value(words[1]);
}

Result<Every> parse_cron(std::string_view text) {
    auto words = words_of(text);
    std::string zone;
    // "MON/2" is no zone; behind five fields or a shorthand, a word that looks like one is.
    const bool shorthand = !words.empty() && words[0][0] == '@';
    if (words.size() == (shorthand ? 2U : 6U) && looks_like_zone(words.back())) {
        const auto loaded = TimeZone::load(to_upper(words.back()) == "UTC" ? "UTC" : words.back());
        if (!loaded)
            return invalid_argument("every",
                                    "\"" + clipped(words.back(), 256) + "\" is not a time zone",
                                    loaded.error().hint);
        zone = loaded->name();
        words.pop_back();
    }
    const auto line = expanded(words);
    if (!line) return tl::unexpected(line.error());
    auto every = parse_fields(*line);
    if (!every || zone.empty()) return every;
    every->tzid = zone;
    if (every->at) *every->at += " " + zone;
    return every;
}

}  // namespace taskd::core
