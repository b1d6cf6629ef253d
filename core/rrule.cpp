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
constexpr std::array<std::string_view, 7> weekday_codes{"MO", "TU", "WE", "TH", "FR", "SA", "SU"};
constexpr std::array<std::pair<std::string_view, Frequency>, 4> frequencies{
    {{"DAILY", Frequency::daily},
     {"WEEKLY", Frequency::weekly},
     {"MONTHLY", Frequency::monthly},
     {"YEARLY", Frequency::yearly}}};

tl::unexpected<Error> refuse(std::string_view part, std::string_view value,
                             const std::string& accepted) {
    return invalid_argument(
        "rrule", std::string(part) + "=" + std::string(value) + " is not accepted; " + accepted);
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

Parsed read_frequency(Rrule& rule, std::string_view value) {
    for (const auto& [name, frequency] : frequencies) {
        if (name != value) continue;
        rule.frequency = frequency;
        return {};
    }
    return invalid_argument("rrule", "FREQ=" + std::string(value) +
                                         " is not a frequency; use DAILY, WEEKLY, MONTHLY or "
                                         "YEARLY (RFC 5545 section 3.3.10)");
}

// The bounds reach past year 9999 for every frequency and keep the arithmetic far from overflow.
constexpr int interval_max = 100'000;
constexpr int count_max = 10'000'000;

Parsed read_positive(std::uint32_t& into, std::string_view part, std::string_view value, int max) {
    const auto number = to_int(value);
    if (!number || *number < 1 || *number > max)
        return refuse(part, value, "use a whole number from 1 to " + std::to_string(max));
    into = static_cast<std::uint32_t>(*number);
    return {};
}

// 20261231, 20261231T235959 or 20261231T235959Z
Parsed read_until(Rrule& rule, std::string_view value) {
    std::string iso(value);
    const bool is_utc = !iso.empty() && iso.back() == 'Z';
    if (is_utc) iso.pop_back();
    const bool is_date = iso.size() == 8;
    if (is_date || iso.size() == 15) {
        if (!is_date) iso.insert(13, ":").insert(11, ":");
        iso.insert(6, "-").insert(4, "-");
        const auto local = parse_local(iso);
        if (local && (is_date ? !is_utc : true) && (is_date || iso[10] == 'T')) {
            rule.until = Until{*local, is_date, is_utc};
            return {};
        }
    }
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

Parsed read_by_month_day(Rrule& rule, std::string_view value) {
    for (const auto& item : split(value, ',')) {
        const auto day = to_int(item);
        if (!day || *day == 0 || *day < -31 || *day > 31)
            return refuse("BYMONTHDAY", item, "use 1 to 31, or -1 to -31 from the month's end");
        rule.by_month_day.push_back(*day);
    }
    sort_unique(rule.by_month_day);
    return {};
}

Parsed read_part(Rrule& rule, std::string_view name, std::string_view value) {
    if (name == "FREQ") return read_frequency(rule, value);
    if (name == "INTERVAL") return read_positive(rule.interval, name, value, interval_max);
    if (name == "COUNT") return read_positive(rule.count.emplace(), name, value, count_max);
    if (name == "UNTIL") return read_until(rule, value);
    if (name == "BYDAY") return read_by_day(rule, value);
    if (name == "BYMONTHDAY") return read_by_month_day(rule, value);
    if (name == "WKST") {
        const auto weekday = weekday_of(value);
        if (!weekday) return refuse(name, value, "use MO, TU, WE, TH, FR, SA or SU");
        rule.week_start = *weekday;
        return {};
    }
    return invalid_argument("rrule", "the part " + std::string(name) +
                                         " is not computed; accepted parts are FREQ, INTERVAL, "
                                         "COUNT, UNTIL, BYDAY, BYMONTHDAY and WKST");
}

Parsed check_combination(const Rrule& rule) {
    if (rule.count && rule.until)
        return invalid_argument("rrule", "COUNT and UNTIL exclude each other; keep one");
    const bool ordinals = std::any_of(rule.by_day.begin(), rule.by_day.end(),
                                      [](const WeekdayNum& day) { return day.ordinal != 0; });
    const bool by_month = rule.frequency == Frequency::monthly;
    if (ordinals && !by_month && rule.frequency != Frequency::yearly)
        return invalid_argument("rrule",
                                "BYDAY with a number needs FREQ=MONTHLY or FREQ=YEARLY; write "
                                "plain weekdays here");
    if (by_month)
        for (const auto& day : rule.by_day)
            if (day.ordinal < -5 || day.ordinal > 5)
                return refuse("BYDAY", std::to_string(day.ordinal), "a month has 1 to 5 of each");
    if (rule.frequency == Frequency::weekly && !rule.by_month_day.empty())
        return invalid_argument("rrule", "BYMONTHDAY has no meaning with FREQ=WEEKLY (RFC 5545)");
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
            return invalid_argument(
                "rrule", "\"" + part + "\" is not NAME=VALUE, as in FREQ=WEEKLY;BYDAY=MO");
        const auto name = part.substr(0, equals);
        if (std::find(seen.begin(), seen.end(), name) != seen.end())
            return invalid_argument("rrule", "the part " + name + " occurs twice");
        seen.push_back(name);
        if (auto read = read_part(rule, name, part.substr(equals + 1)); !read)
            return tl::unexpected(read.error());
    }
    if (std::find(seen.begin(), seen.end(), "FREQ") == seen.end())
        return invalid_argument("rrule", "FREQ is missing, as in FREQ=WEEKLY;BYDAY=MO");
    if (auto checked = check_combination(rule); !checked) return tl::unexpected(checked.error());
    return rule;
}

std::string format_rrule(const Rrule& rule) {
    std::string text = "FREQ=";
    for (const auto& [name, frequency] : frequencies)
        if (frequency == rule.frequency) text += name;
    if (rule.interval != 1) text += ";INTERVAL=" + std::to_string(rule.interval);
    if (rule.count) text += ";COUNT=" + std::to_string(*rule.count);
    if (rule.until) {
        std::string until = format_local(rule.until->local);
        std::erase_if(until, [](char c) { return c == '-' || c == ':'; });
        if (rule.until->is_date) until.resize(8);
        text += ";UNTIL=" + until + (rule.until->is_utc ? "Z" : "");
    }
    std::vector<std::string> items;
    for (const auto& day : rule.by_day)
        items.push_back((day.ordinal == 0 ? "" : std::to_string(day.ordinal)) +
                        std::string(weekday_code(day.weekday)));
    if (!items.empty()) text += ";BYDAY=" + join(items, ",");
    items.clear();
    for (const int day : rule.by_month_day) items.push_back(std::to_string(day));
    if (!items.empty()) text += ";BYMONTHDAY=" + join(items, ",");
    if (rule.week_start != 0) text += ";WKST=" + std::string(weekday_code(rule.week_start));
    return text;
}

std::string_view weekday_code(unsigned weekday) {
    return weekday_codes.at(weekday);
}

}  // namespace taskd::core
