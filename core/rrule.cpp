// SPDX-License-Identifier: Apache-2.0
#include "core/rrule.h"

#include "core/rfc3339.h"
#include "core/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace taskd::core {
namespace {

constexpr std::size_t rule_bytes_max = 4096;
constexpr std::size_t shown_bytes_max = 64;  // of a part that is refused
constexpr std::array<std::string_view, 7> weekday_codes{"MO", "TU", "WE", "TH", "FR", "SA", "SU"};
constexpr std::array<std::string_view, 7> frequencies{"SECONDLY", "MINUTELY", "HOURLY", "DAILY",
                                                      "WEEKLY",   "MONTHLY",  "YEARLY"};
constexpr std::array<std::string_view, 3> skips{"OMIT", "BACKWARD", "FORWARD"};

tl::unexpected<Error> refuse(std::string_view part, std::string_view value,
                             const std::string& accepted) {
    return invalid_argument("rrule", std::string(part) + "=" + clipped(value, shown_bytes_max) +
                                         " is not accepted; " + accepted);
}

std::optional<int> to_int(std::string_view text) {
    if (text.substr(0, 2) == "+-") return {};
    if (!text.empty() && text.front() == '+') text.remove_prefix(1);
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return {};
    return value;
}

std::optional<unsigned> weekday_of(std::string_view code) {
    const auto* const found = std::find(weekday_codes.begin(), weekday_codes.end(), code);
    if (found == weekday_codes.end()) return {};
    return static_cast<unsigned>(found - weekday_codes.begin());
}

template <class T>
void sort_unique(std::vector<T>& values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

using Parsed = Result<void>;

/// The index of `value` in a table of words.
template <std::size_t Size>
std::optional<std::size_t> find_word(const std::array<std::string_view, Size>& words,
                                     std::string_view value) {
    const auto* const found = std::find(words.begin(), words.end(), value);
    if (found == words.end()) return {};
    return static_cast<std::size_t>(found - words.begin());
}

Parsed read_frequency(Rrule& rule, std::string_view value) {
    const auto found = find_word(frequencies, value);
    if (!found)
        return invalid_argument("rrule", "FREQ=" + clipped(value, shown_bytes_max) +
                                             " is not a frequency; use SECONDLY, MINUTELY, HOURLY, "
                                             "DAILY, WEEKLY, MONTHLY or YEARLY (RFC 5545 section "
                                             "3.3.10)");
    rule.frequency = static_cast<Frequency>(*found);
    return {};
}

// Seven billion years of them, or one and the end of the calendar: beyond that lies no other rule.
constexpr int number_max = 2'147'483'647;

Parsed read_positive(std::uint32_t& into, std::string_view part, std::string_view value) {
    const auto number = to_int(value);
    if (!number || *number < 1)
        return refuse(part, value, "use a whole number from 1 to " + std::to_string(number_max));
    into = static_cast<std::uint32_t>(*number);
    return {};
}

// 20261231, 20261231T235959 or 20261231T235959Z
Parsed read_until(Rrule& rule, std::string_view value) {
    rule.until = parse_ical_time(value);
    if (rule.until) return {};
    return refuse("UNTIL", value, "use a date such as 20261231, or 20261231T235959Z");
}

Parsed read_by_day(Rrule& rule, std::string_view value) {
    for (const auto& item : split(value, ',')) {
        const auto code = std::string_view(item).substr(item.size() < 2 ? 0 : item.size() - 2);
        const auto ordinal_text = std::string_view(item).substr(0, item.size() - code.size());
        const auto weekday = weekday_of(code);
        const auto ordinal = ordinal_text.empty() ? std::optional<int>(0) : to_int(ordinal_text);
        const bool good = weekday && ordinal && *ordinal >= -53 && *ordinal <= 53 &&
                          (ordinal_text.empty() || *ordinal != 0);
        if (!good) return refuse("BYDAY", item, "use MO, TU, WE, TH, FR, SA, SU, or 2MO, -1FR");
        rule.by_day.push_back({*ordinal, *weekday});
    }
    sort_unique(rule.by_day);
    return {};
}

/// A part whose value is a list of whole numbers (RFC 5545 section 3.3.10).
struct NumberList {
    std::string_view name;
    std::vector<int> Rrule::*values;
    int min;
    int max;
    bool from_end;  ///< -1 is the last one, and 0 is none
    std::string_view accepted;
};
constexpr std::array<NumberList, 8> number_lists{{
    {"BYSECOND", &Rrule::by_second, 0, 60, false, "use 0 to 60"},
    {"BYMINUTE", &Rrule::by_minute, 0, 59, false, "use 0 to 59"},
    {"BYHOUR", &Rrule::by_hour, 0, 23, false, "use 0 to 23"},
    {"BYMONTHDAY", &Rrule::by_month_day, 1, 31, true, "use 1 to 31, or -1 to -31 from the end"},
    {"BYYEARDAY", &Rrule::by_year_day, 1, 366, true, "use 1 to 366, or -1 to -366 from the end"},
    {"BYWEEKNO", &Rrule::by_week_no, 1, 53, true, "use 1 to 53, or -1 to -53 from the end"},
    {"BYMONTH", &Rrule::by_month, 1, 12, false, "use 1 to 12"},
    {"BYSETPOS", &Rrule::by_set_pos, 1, 366, true, "use 1 to 366, or -1 to -366 from the end"},
}};

Parsed read_numbers(Rrule& rule, const NumberList& list, std::string_view value) {
    auto& values = rule.*list.values;
    for (const auto& item : split(value, ',')) {
        const auto number = to_int(item);
        const int distance =
            number && list.from_end && *number < 0 ? -*number : number.value_or(-1);
        if (!number || distance < list.min || distance > list.max)
            return refuse(list.name, item, std::string(list.accepted));
        values.push_back(*number);
    }
    // A leap second is no second of ours: no minute of a Timestamp has one.
    if (list.name == "BYSECOND") std::replace(values.begin(), values.end(), 60, 59);
    sort_unique(values);
    return {};
}

Parsed read_week_start(Rrule& rule, std::string_view value) {
    const auto weekday = weekday_of(value);
    if (!weekday) return refuse("WKST", value, "use MO, TU, WE, TH, FR, SA or SU");
    rule.week_start = *weekday;
    return {};
}

Parsed read_scale(std::string_view value) {
    if (value == "GREGORIAN") return {};
    return refuse("RSCALE", value, "only the calendar GREGORIAN is computed");
}

Parsed read_skip(Rrule& rule, std::string_view value) {
    const auto found = find_word(skips, value);
    if (!found) return refuse("SKIP", value, "use OMIT, BACKWARD or FORWARD (RFC 7529)");
    rule.skip = static_cast<Skip>(*found);
    return {};
}

Parsed read_part(Rrule& rule, std::string_view name, std::string_view value) {
    if (name == "FREQ") return read_frequency(rule, value);
    if (name == "INTERVAL") return read_positive(rule.interval, name, value);
    if (name == "COUNT") return read_positive(rule.count.emplace(), name, value);
    if (name == "UNTIL") return read_until(rule, value);
    if (name == "BYDAY") return read_by_day(rule, value);
    if (name == "WKST") return read_week_start(rule, value);
    if (name == "RSCALE") return read_scale(value);
    if (name == "SKIP") return read_skip(rule, value);
    for (const auto& list : number_lists)
        if (name == list.name) return read_numbers(rule, list, value);
    return invalid_argument(
        "rrule", "there is no part " + clipped(name, shown_bytes_max) +
                     "; the parts are FREQ, INTERVAL, COUNT, UNTIL, BYSECOND, BYMINUTE, BYHOUR, "
                     "BYDAY, BYMONTHDAY, BYYEARDAY, BYWEEKNO, BYMONTH, BYSETPOS, WKST, RSCALE and "
                     "SKIP (RFC 5545 section 3.3.10, RFC 7529)");
}

bool has_by_part(const Rrule& rule) {
    return !rule.by_day.empty() ||
           std::any_of(number_lists.begin(), number_lists.end(), [&](const NumberList& list) {
               return list.name != "BYSETPOS" && !(rule.*list.values).empty();
           });
}

/// What the RFC's table calls N/A, and its sentences with "MUST NOT" and "MUST only".
Parsed check_combination(const Rrule& rule) {
    const auto no = [](const char* message) { return invalid_argument("rrule", message); };
    const Frequency frequency = rule.frequency;
    const bool yearly = frequency == Frequency::yearly;
    if (rule.count && rule.until) return no("COUNT and UNTIL exclude each other; keep one");
    const bool ordinals = std::any_of(rule.by_day.begin(), rule.by_day.end(),
                                      [](const WeekdayNum& day) { return day.ordinal != 0; });
    if (ordinals && frequency != Frequency::monthly && !yearly)
        return no(
            "BYDAY with a number needs FREQ=MONTHLY or FREQ=YEARLY; write plain weekdays "
            "here (RFC 5545)");
    if (ordinals && !rule.by_week_no.empty())
        return no("BYDAY with a number has no meaning beside BYWEEKNO (RFC 5545)");
    if (frequency == Frequency::weekly && !rule.by_month_day.empty())
        return no("BYMONTHDAY has no meaning with FREQ=WEEKLY (RFC 5545)");
    if (!rule.by_year_day.empty() && frequency >= Frequency::daily && !yearly)
        return no("BYYEARDAY has no meaning with FREQ=DAILY, WEEKLY or MONTHLY (RFC 5545)");
    if (!rule.by_week_no.empty() && !yearly) return no("BYWEEKNO needs FREQ=YEARLY (RFC 5545)");
    if (!rule.by_set_pos.empty() && !has_by_part(rule))
        return no(
            "BYSETPOS picks from what another BY part gives; add one, such as BYDAY (RFC "
            "5545)");
    return {};
}

}  // namespace

Result<Rrule> parse_rrule(std::string_view text) {
    if (text.size() > rule_bytes_max)
        return invalid_argument("rrule", "is " + std::to_string(text.size()) +
                                             " bytes long; at most 4096 are accepted");
    std::string upper = to_upper(trim(text));
    if (upper.rfind("RRULE:", 0) == 0) upper.erase(0, 6);

    Rrule rule;
    std::vector<std::string> seen;
    for (const auto& part : split(upper, ';')) {
        const auto equals = part.find('=');
        if (equals == std::string::npos)
            return invalid_argument("rrule",
                                    "\"" + clipped(part, shown_bytes_max) +
                                        "\" is not NAME=VALUE, as in FREQ=WEEKLY;BYDAY=MO");
        const auto name = part.substr(0, equals);
        if (std::find(seen.begin(), seen.end(), name) != seen.end())
            return invalid_argument("rrule",
                                    "the part " + clipped(name, shown_bytes_max) + " occurs twice");
        seen.push_back(name);
        if (auto read = read_part(rule, name, part.substr(equals + 1)); !read)
            return tl::unexpected(read.error());
    }
    if (std::find(seen.begin(), seen.end(), "FREQ") == seen.end())
        return invalid_argument("rrule", "FREQ is missing, as in FREQ=WEEKLY;BYDAY=MO");
    const auto has = [&](const char* name) {
        return std::find(seen.begin(), seen.end(), name) != seen.end();
    };
    if (has("SKIP") && !has("RSCALE"))
        return invalid_argument("rrule", "SKIP needs RSCALE=GREGORIAN beside it (RFC 7529)");
    if (auto checked = check_combination(rule); !checked) return tl::unexpected(checked.error());
    return rule;
}

std::string format_rrule(const Rrule& rule) {
    std::string text =
        "FREQ=" + std::string(frequencies.at(static_cast<std::size_t>(rule.frequency)));
    const auto add = [&](std::string_view name, const std::string& value) {
        text += ";" + std::string(name) + "=" + value;
    };
    if (rule.interval != 1) add("INTERVAL", std::to_string(rule.interval));
    if (rule.count) add("COUNT", std::to_string(*rule.count));
    if (rule.until) add("UNTIL", format_ical_time(*rule.until));
    std::vector<std::string> items;
    for (const auto& list : number_lists) {
        if (list.name == "BYMONTHDAY" && !rule.by_day.empty()) {
            for (const auto& day : rule.by_day)
                items.push_back((day.ordinal == 0 ? "" : std::to_string(day.ordinal)) +
                                std::string(weekday_code(day.weekday)));
            add("BYDAY", join(items, ","));
            items.clear();
        }
        for (const int value : rule.*list.values) items.push_back(std::to_string(value));
        if (!items.empty()) add(list.name, join(items, ","));
        items.clear();
    }
    if (rule.week_start != 0) add("WKST", std::string(weekday_code(rule.week_start)));
    if (rule.skip != Skip::omit) {
        add("RSCALE", "GREGORIAN");
        add("SKIP", std::string(skips.at(static_cast<std::size_t>(rule.skip))));
    }
    return text;
}

std::string_view weekday_code(unsigned weekday) {
    return weekday_codes.at(weekday);
}

}  // namespace taskd::core
