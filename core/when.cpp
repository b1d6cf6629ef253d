// SPDX-License-Identifier: Apache-2.0
#include "core/when.h"

#include "core/recurrence.h"
#include "core/rfc3339.h"
#include "core/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

namespace taskd::core {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::local_days;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t words_bytes_max = 256;
constexpr std::string_view time_examples =
    "9:30, tomorrow 9am, fri 17:30, in 20 minutes, 2026-12-31 or 2026-12-31T09:00";
constexpr std::string_view every_examples =
    "day, weekday, 3 days, week, 2 weeks on mon,thu, month, month on the last day, year";
constexpr std::array<std::string_view, 7> weekday_names{
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
constexpr std::array<std::string_view, 12> month_names{
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};

struct Unit {
    std::string_view name;
    seconds length;
};
constexpr std::array<Unit, 17> units{{
    {"s", seconds{1}},
    {"sec", seconds{1}},
    {"secs", seconds{1}},
    {"second", seconds{1}},
    {"seconds", seconds{1}},
    {"m", minutes{1}},
    {"min", minutes{1}},
    {"mins", minutes{1}},
    {"minute", minutes{1}},
    {"minutes", minutes{1}},
    {"h", hours{1}},
    {"hour", hours{1}},
    {"hours", hours{1}},
    {"d", days{1}},
    {"day", days{1}},
    {"days", days{1}},
    {"week", days{7}},
}};

tl::unexpected<Error> not_understood(std::string_view field, std::string_view part,
                                     std::string_view examples) {
    return invalid_argument(std::string(field), "\"" + clipped(part, words_bytes_max) +
                                                    "\" was not understood; use for example " +
                                                    std::string(examples));
}

std::optional<int> number_of(std::string_view text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return {};
    return value;
}

/// "mon", "monday" and "mondays" are 0 .. "sunday" is 6; at least three letters.
std::optional<unsigned> weekday_named(std::string_view word) {
    if (word.size() > 3 && word.back() == 's' && word != "tues" && word != "wednes")
        word.remove_suffix(1);
    if (word.size() < 3) return {};
    for (unsigned i = 0; i < weekday_names.size(); ++i)
        if (weekday_names[i].substr(0, word.size()) == word) return i;
    return {};
}

/// "9:30", "09:30:15", "9am", "9:30pm".
std::optional<seconds> time_of_day(std::string_view word) {
    int shift = -1;
    if (word.size() > 2 && word.back() == 'm') {
        const char half = word[word.size() - 2];
        if (half != 'a' && half != 'p') return {};
        shift = half == 'p' ? 12 : 0;
        word.remove_suffix(2);
    }
    const auto parts = split(word, ':');
    if (parts.size() > 3 || (parts.size() == 1 && shift < 0)) return {};
    std::array<int, 3> values{};
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto value = number_of(parts[i]);
        if (!value || parts[i][0] == '-' || parts[i].size() > 2 || (i > 0 && parts[i].size() != 2))
            return {};
        values[i] = *value;
    }
    if (shift >= 0) {
        if (values[0] < 1 || values[0] > 12) return {};
        values[0] = values[0] % 12 + shift;
    }
    if (values[0] > 23 || values[1] > 59 || values[2] > 59) return {};
    return hours{values[0]} + minutes{values[1]} + seconds{values[2]};
}

/// Reads a time of day from the whole of `words` ("9 am" counts as one, a leading "at" is skipped).
std::optional<seconds> time_of_day(std::vector<std::string> words) {
    if (!words.empty() && words.front() == "at") words.erase(words.begin());
    if (words.size() == 2 && (words[1] == "am" || words[1] == "pm")) {
        words[0] += words[1];
        words.pop_back();
    }
    if (words.size() != 1) return {};
    return time_of_day(words.front());
}

When at_local(LocalTime local, bool is_date, const TimeZone& zone) {
    const auto resolved = zone.to_utc(local);
    return {CalendarTime{local, is_date, zone.name(), resolved.at}, false,
            !is_date && resolved.kind == LocalKind::skipped};
}

/// An instant keeps its exact moment even in a repeated hour, where the local time alone is
/// unclear.
When at_instant(Timestamp at, const TimeZone& zone) {
    return {CalendarTime{zone.to_local(at), false, zone.name(), at}, false, false};
}

/// "today", "tomorrow", "fri", "next fri" -> how many days ahead; weekdays mean the coming one, and
/// today only when its time is still ahead.
std::optional<int> days_ahead(std::vector<std::string>& words, unsigned today, bool time_is_ahead) {
    const auto take = [&](std::size_t count) {
        words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(count));
    };
    if (words.empty()) return {};
    if (words[0] == "today") return take(1), 0;
    if (words[0] == "tomorrow") return take(1), 1;
    const bool next = words[0] == "next" && words.size() > 1;
    const auto weekday = weekday_named(words[next ? 1 : 0]);
    if (!weekday) return {};
    take(next ? 2 : 1);
    const int ahead = static_cast<int>((*weekday + 7 - today) % 7);
    return ahead == 0 && (next || !time_is_ahead) ? 7 : ahead;
}

Result<When> parse_in(std::string_view field, const std::vector<std::string>& words, Timestamp now,
                      const TimeZone& zone) {
    const std::string rest = join({words.begin() + 1, words.end()}, " ");
    const auto span = parse_span(field, rest);
    if (!span) return tl::unexpected(span.error());
    // "in 2 days" and "in 1w" keep the wall-clock time over a DST change; smaller units are exact,
    // and their names have other letters.
    const bool only_days = rest.find_first_not_of("0123456789 daysweek") == std::string::npos;
    if (only_days && *span != seconds{0} && *span % days{1} == seconds{0})
        return at_local(zone.to_local(now) + *span, false, zone);
    return at_instant(now + *span, zone);
}

Result<When> parse_iso_when(std::string_view field, const std::string& text, const TimeZone& zone) {
    const auto iso = parse_iso(text);
    if (!iso) return not_understood(field, text, time_examples);
    const auto when =
        iso->offset
            ? at_instant(Timestamp{iso->local.time_since_epoch() - *iso->offset + iso->fraction},
                         zone)
            : at_local(iso->local, !iso->has_time, zone);
    // At the ends of the calendar an offset leads out of the years that can be stored.
    if (!is_writable(when.time.at) || !is_writable(Timestamp{when.time.local.time_since_epoch()}))
        return invalid_argument(std::string(field), text + " lies outside the years 1 to 9999");
    return when;
}

std::string ordinal(int day) {
    if (day == -1) return "last day";
    const int tens = day % 100;
    const char* suffix = tens >= 11 && tens <= 13 ? "th"
                         : day % 10 == 1          ? "st"
                         : day % 10 == 2          ? "nd"
                         : day % 10 == 3          ? "rd"
                                                  : "th";
    return std::to_string(day) + suffix;
}

/// "1st", "15", "31st" or, as two words, "last day".
std::optional<int> ordinal_named(std::string_view word) {
    const auto digits = word.find_first_not_of("0123456789");
    const auto suffix = digits == std::string_view::npos ? "" : word.substr(digits);
    if (!suffix.empty() && suffix != "st" && suffix != "nd" && suffix != "rd" && suffix != "th")
        return {};
    const auto day = number_of(word.substr(0, digits));
    if (!day || *day < 1 || *day > 31) return {};
    return day;
}

std::string and_list(const std::vector<std::string>& items) {
    if (items.size() < 2) return join(items, "");
    return join({items.begin(), items.end() - 1}, ", ") + " and " + items.back();
}

std::string capitalised(std::string_view word) {
    return to_upper(word.substr(0, 1)) + std::string(word.substr(1));
}

/// Separates "mon,thu" and "mon and thu" into single words.
std::vector<std::string> list_items(const std::vector<std::string>& words) {
    std::vector<std::string> items;
    for (const auto& word : words)
        for (const auto& item : split(word, ','))
            if (!item.empty() && item != "and" && item != "the") items.push_back(item);
    return items;
}

Result<void> read_weekdays(Rrule& rule, const std::vector<std::string>& words) {
    const auto items = list_items(words);
    for (const auto& item : items) {
        const auto weekday = weekday_named(item);
        if (!weekday) return not_understood("every", item, "on mon,wed,fri");
        rule.by_day.push_back({0, *weekday});
    }
    if (items.empty()) return not_understood("every", join(words, " "), "on mon,wed,fri");
    return {};
}

Result<void> read_month_days(Rrule& rule, const std::vector<std::string>& words) {
    const auto items = list_items(words);
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (items[i] == "last" && i + 1 < items.size() && items[i + 1] == "day") {
            rule.by_month_day.push_back(-1);
            ++i;
            continue;
        }
        const auto day = ordinal_named(items[i]);
        if (!day)
            return not_understood("every", items[i], "on the 1st, on the 15, on the last day");
        rule.by_month_day.push_back(*day);
    }
    if (items.empty()) return not_understood("every", join(words, " "), "on the 1st");
    return {};
}

std::optional<Frequency> frequency_named(std::string word) {
    if (word.size() > 1 && word.back() == 's') word.pop_back();
    if (word == "day" || word == "daily") return Frequency::daily;
    if (word == "week" || word == "weekly") return Frequency::weekly;
    if (word == "month" || word == "monthly") return Frequency::monthly;
    if (word == "year" || word == "yearly") return Frequency::yearly;
    return {};
}

const std::vector<std::string>& every_words() {
    static const std::vector<std::string> words{
        "day",     "days",      "weekday",  "week",   "weeks",    "month",  "months",
        "year",    "years",     "daily",    "weekly", "monthly",  "yearly", "monday",
        "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
    return words;
}

Result<Rrule> parse_rule_words(std::vector<std::string> words) {
    Rrule rule;
    const auto shift = [&] { words.erase(words.begin()); };
    if (words[0] == "other") {
        rule.interval = 2;
        shift();
    } else if (const auto number = number_of(words[0])) {
        if (*number < 1 || *number > 10000)
            return invalid_argument("every", words[0] + " is not accepted; use 1 to 10000");
        rule.interval = static_cast<std::uint32_t>(*number);
        shift();
    }
    if (words.empty()) return not_understood("every", "", every_examples);

    if (rule.interval == 1 && (words[0] == "weekday" || words[0] == "weekdays") &&
        words.size() == 1) {
        rule.frequency = Frequency::weekly;
        for (unsigned day = 0; day < 5; ++day) rule.by_day.push_back({0, day});
        return rule;
    }
    const auto frequency = frequency_named(words[0]);
    if (!frequency) {
        rule.frequency = Frequency::weekly;
        if (rule.interval != 1 ||
            !weekday_named(list_items(words).empty() ? std::string() : list_items(words).front())) {
            auto refused = not_understood("every", words[0], every_examples);
            if (const auto near = nearest(words[0], every_words()); !near.empty())
                refused.value().hint = "did you mean \"" + near + "\"?";
            return refused;
        }
        if (auto read = read_weekdays(rule, words); !read) return tl::unexpected(read.error());
        return rule;
    }
    rule.frequency = *frequency;
    shift();
    if (words.empty()) return rule;
    const bool takes_on =
        rule.frequency == Frequency::weekly || rule.frequency == Frequency::monthly;
    if (words[0] != "on" || words.size() == 1 || !takes_on)
        return not_understood("every", join(words, " "), every_examples);
    shift();
    auto read = rule.frequency == Frequency::weekly ? read_weekdays(rule, words)
                                                    : read_month_days(rule, words);
    if (!read) return tl::unexpected(read.error());
    return rule;
}

}  // namespace

Result<When> parse_when(std::string_view field, std::string_view text, Timestamp now,
                        const TimeZone& zone) {
    if (text.size() > words_bytes_max)
        return invalid_argument(std::string(field), "is longer than 256 bytes");
    auto words = words_of(text);
    if (!words.empty() &&
        (words.back().find('/') != std::string::npos || to_upper(words.back()) == "UTC")) {
        const auto named = to_upper(words.back()) == "UTC" ? "UTC" : words.back();
        const auto other = TimeZone::load(named);
        if (!other)
            return invalid_argument(std::string(field), "\"" + named + "\" is not a time zone",
                                    other.error().hint);
        words.pop_back();
        return parse_when(field, join(words, " "), now, *other);
    }
    if (words.empty()) return not_understood(field, text, time_examples);
    if (words[0][0] >= '0' && words[0][0] <= '9' && words[0].find('-') != std::string::npos) {
        // "2026-12-31 9am" and "2026-12-31 9:30" beside the ISO forms.
        if (words.size() > 1)
            if (const auto time = time_of_day({words.begin() + 1, words.end()}))
                return parse_iso_when(field, words[0] + format_local(LocalTime{*time}).substr(10),
                                      zone);
        return parse_iso_when(field, join(words, " "), zone);
    }
    for (auto& word : words) word = to_lower(word);
    if (words[0] == "in" && words.size() > 1) return parse_in(field, words, now, zone);
    if (words[0] == "now" && words.size() == 1) return at_instant(now, zone);

    const LocalTime local_now = zone.to_local(now);
    const auto today = floor<days>(local_now);
    if (const auto time = time_of_day(words)) {
        auto when = at_local(today + *time, false, zone);
        if (when.time.at <= now) when = at_local(today + days{1} + *time, false, zone);
        when.bare_time = true;
        return when;
    }
    const std::size_t day_words = words[0] == "next" ? 2 : 1;
    std::optional<seconds> time;
    if (words.size() > day_words) {
        time = time_of_day({words.begin() + static_cast<std::ptrdiff_t>(day_words), words.end()});
        if (!time)
            return not_understood(
                field,
                join({words.begin() + static_cast<std::ptrdiff_t>(day_words), words.end()}, " "),
                "9:30 or 5pm");
        words.resize(day_words);
    }
    const bool ahead = time && today + *time > local_now;
    const auto shift = days_ahead(words, std::chrono::weekday{today}.iso_encoding() - 1, ahead);
    if (!shift || !words.empty()) return not_understood(field, text, time_examples);
    return at_local(today + days{*shift} + time.value_or(seconds{0}), !time, zone);
}

Result<seconds> parse_span(std::string_view field, std::string_view text) {
    std::string_view rest = trim(text);
    const auto refused = [&] {
        return not_understood(field, text, "10m, 1h30m, 2 days or 90 seconds");
    };
    if (rest.empty() || rest.size() > words_bytes_max) return refused();
    if (rest == "0") return seconds{0};
    constexpr seconds span_max = days{366};
    seconds total{0};
    while (!rest.empty()) {
        const auto digits = rest.find_first_not_of("0123456789");
        const auto number = number_of(rest.substr(0, digits));
        if (!number || digits == std::string_view::npos) return refused();
        rest = trim(rest.substr(digits));
        const auto letters = rest.find_first_of("0123456789 \t\r\n\f\v");
        std::string name = to_lower(rest.substr(0, letters));
        if (name == "weeks" || name == "w") name = "week";
        const auto* const unit =
            std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == name; });
        if (unit == units.end()) return refused();
        total += unit->length * *number;
        if (total > span_max)
            return invalid_argument(std::string(field), clipped(trim(text), words_bytes_max) +
                                                            " is too long; at most 366 days are "
                                                            "accepted");
        rest = letters == std::string_view::npos ? std::string_view() : trim(rest.substr(letters));
    }
    return total;
}

std::string format_span(seconds span) {
    if (span == seconds{0}) return "0";
    std::string text;
    const auto part = [&](seconds unit, char name) {
        if (span >= unit) text += std::to_string(span / unit) + name;
        span %= unit;
    };
    part(days{1}, 'd');
    part(hours{1}, 'h');
    part(minutes{1}, 'm');
    part(seconds{1}, 's');
    return text;
}

Result<Every> parse_every(std::string_view text) {
    if (to_upper(text).find("FREQ=") != std::string::npos) {
        auto rule = parse_rrule(text);
        if (!rule) {
            rule.error().field = "every";  // what the rule was typed into
            return tl::unexpected(rule.error());
        }
        return Every{*rule, {}};
    }
    if (text.size() > words_bytes_max) return invalid_argument("every", "is longer than 256 bytes");
    const auto original = words_of(text);
    auto words = words_of(to_lower(text));
    Every every;
    const auto at = std::find(words.begin(), words.end(), "at");
    if (at != words.end()) {
        every.at = join({original.begin() + (at - words.begin()) + 1, original.end()}, " ");
        words.erase(at, words.end());
    }
    if (!words.empty() && words[0] == "every") words.erase(words.begin());
    if (words.empty()) return not_understood("every", text, every_examples);
    auto rule = parse_rule_words(words);
    if (!rule) return tl::unexpected(rule.error());
    // The rule is kept in its normal form, as if it had been typed as RRULE.
    auto normal = parse_rrule(format_rrule(*rule));
    if (!normal) return tl::unexpected(normal.error());
    every.rule = *normal;
    return every;
}

std::string describe(const Rrule& rule, LocalTime dtstart) {
    static constexpr std::array<std::string_view, 7> names{"second", "minute", "hour", "day",
                                                           "week",   "month",  "year"};
    const std::chrono::year_month_day start{floor<days>(dtstart)};
    const auto start_weekday = std::chrono::weekday{floor<days>(dtstart)}.iso_encoding() - 1;
    const auto name = names.at(static_cast<std::size_t>(rule.frequency));
    std::string text = rule.interval == 1 ? "every " + std::string(name)
                                          : "every " + std::to_string(rule.interval) + " " +
                                                std::string(name) + "s";
    std::vector<std::string> items;
    const bool weekly = rule.frequency == Frequency::weekly;
    const bool monthly = rule.frequency == Frequency::monthly;
    const bool plain = rule.by_day.empty() && rule.by_month_day.empty();
    const bool negative = std::any_of(rule.by_month_day.begin(), rule.by_month_day.end(),
                                      [](int day) { return day < -1; });
    // The words have no week start; it matters when weeks are left out.
    if (weekly && rule.interval > 1 && rule.week_start != 0) return format_rrule(rule);
    if (weekly) {
        bool workdays = rule.by_day.size() == 5;
        for (const auto& day : rule.by_day) {
            items.push_back(capitalised(weekday_names.at(day.weekday)));
            workdays = workdays && day.weekday < 5;
        }
        if (plain) items.push_back(capitalised(weekday_names.at(start_weekday)));
        if (workdays && rule.interval == 1)
            text = "every weekday";
        else
            text += " on " + and_list(items);
    } else if (monthly && rule.by_day.empty() && !negative) {
        for (const int day : rule.by_month_day)
            if (day > 0) items.push_back(ordinal(day));
        for (const int day : rule.by_month_day)
            if (day < 0) items.push_back(ordinal(day));
        if (plain) items.push_back(ordinal(static_cast<int>(static_cast<unsigned>(start.day()))));
        text += " on the " + and_list(items);
    } else if (rule.frequency == Frequency::yearly && plain) {
        text += " on " + std::to_string(static_cast<unsigned>(start.day())) + " " +
                std::string(month_names.at(static_cast<unsigned>(start.month()) - 1));
    } else if (!plain) {
        return format_rrule(rule);
    }
    if (rule.count) text += ", " + std::to_string(*rule.count) + " times";
    if (rule.until)
        text += ", until " +
                (rule.until->is_date ? format_date(rule.until->local)
                                     : format_local(rule.until->local)) +
                (rule.until->is_utc ? "Z" : "");
    return text;
}

std::string describe(const CalendarTime& time) {
    const auto zone = TimeZone::load(time.tzid);
    const LocalTime local = time.is_date || !zone ? time.local : zone->to_local(time.at);
    const auto weekday = std::chrono::weekday{floor<days>(local)}.iso_encoding() - 1;
    std::string text =
        capitalised(weekday_names.at(weekday).substr(0, 3)) + " " + format_date(local);
    if (time.is_date) return text;
    const std::string clock = format_local(local).substr(11);
    return text + " " + (clock.substr(5) == ":00" ? clock.substr(0, 5) : clock);
}

Result<CalendarTime> dtstart_of(const Rrule& rule, const std::optional<std::string>& at,
                                Timestamp now, const TimeZone& zone) {
    CalendarTime from = calendar_time(LocalTime{floor<days>(zone.to_local(now))}, true, zone);
    TimeZone where = zone;
    if (at) {
        const auto when = parse_when("at", *at, now, zone);
        if (!when) return tl::unexpected(when.error());
        from = when->time;
        const auto named = TimeZone::load(from.tzid);
        if (!named) return tl::unexpected(named.error());
        where = *named;
    }
    // INTERVAL counts from DTSTART, so any day that the other parts match can be the first.
    Rrule pattern = rule;
    pattern.interval = 1;
    pattern.count.reset();
    const auto slots = Recurrence::make(pattern, from.local, where);
    if (!slots) return tl::unexpected(slots.error());
    return calendar_time(slots->first(), from.is_date, where);
}

}  // namespace taskd::core
