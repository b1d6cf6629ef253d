// SPDX-License-Identifier: Apache-2.0
#include "cli/calendar_event.h"

#include "core/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace taskd::cli {
namespace {

using core::Result;

constexpr std::size_t shown_bytes_max = 64;  // of what is refused
constexpr const char* field = "OnCalendar";

struct Part {
    const char* name;
    int min;
    int max;
    const char* accepted;
};
constexpr Part year_part{"year", calendar_year_min, calendar_year_max,
                         "use 1970 to 2199, two digits, *, lists, a..b and a/b"};
constexpr Part month_part{"month", 1, 12, "use 1 to 12, *, lists (1,7), a..b and a/b"};
constexpr Part day_part{"day", 1, 31, "use 1 to 31, *, lists (1,15), a..b and a/b"};
// systemd counts back as far as February has days.
constexpr Part last_day_part{"day from the month's end", 1, 28,
                             "use 1 to 28 behind ~, *, lists, a..b and a/b"};
constexpr Part hour_part{"hour", 0, 23, "use 0 to 23, *, lists (8,20), 9..17 and 0/2"};
constexpr Part minute_part{"minute", 0, 59, "use 0 to 59, *, lists (0,30), 0..30 and 0/15"};
constexpr Part second_part{"second", 0, 59, "use 0 to 59, *, lists (0,30), 0..30 and 0/15"};

struct Shorthand {
    const char* name;
    const char* event;
};
constexpr std::array<Shorthand, 13> shorthands{{{"minutely", "*-*-* *:*:00"},
                                                {"hourly", "*-*-* *:00:00"},
                                                {"daily", "*-*-* 00:00:00"},
                                                {"monthly", "*-*-01 00:00:00"},
                                                {"weekly", "Mon *-*-* 00:00:00"},
                                                {"yearly", "*-01-01 00:00:00"},
                                                {"annually", "*-01-01 00:00:00"},
                                                {"anually", "*-01-01 00:00:00"},
                                                {"quarterly", "*-01,04,07,10-01 00:00:00"},
                                                {"semiannually", "*-01,07-01 00:00:00"},
                                                {"semi-annually", "*-01,07-01 00:00:00"},
                                                {"biannually", "*-01,07-01 00:00:00"},
                                                {"bi-annually", "*-01,07-01 00:00:00"}}};

constexpr std::array<const char*, 7> weekday_names{"monday", "tuesday",  "wednesday", "thursday",
                                                   "friday", "saturday", "sunday"};

tl::unexpected<core::Error> refuse(std::string_view found, const std::string& why) {
    return core::invalid_argument(
        field, "\"" + core::clipped(found, shown_bytes_max) + "\" is not accepted; " + why);
}
tl::unexpected<core::Error> refuse(const Part& part, std::string_view found) {
    return core::invalid_argument(field, "\"" + core::clipped(found, shown_bytes_max) +
                                             "\" is not accepted as " + part.name + "; " +
                                             part.accepted);
}

std::optional<int> number_of(std::string_view text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc{} && end == text.data() + text.size();
    return whole && value >= 0 ? std::optional(value) : std::nullopt;
}

std::optional<int> value_of(const Part& part, std::string_view text) {
    auto value = number_of(text);
    if (value && part.max == calendar_year_max && *value < 100) *value += *value < 70 ? 2000 : 1900;
    return value && *value >= part.min && *value <= part.max ? value : std::nullopt;
}

/// "5", "5..20", "5/10", "5..20/5".
struct Item {
    int first = 0;
    int last = 0;
    int step = 1;
    bool is_open = false;  ///< a/b goes on to the part's own end
};

/// None if it is none of them.
std::optional<Item> item_of(const Part& part, bool from_end, std::string_view text) {
    const auto slash = text.find('/');
    const auto range = text.substr(0, slash);
    const auto dots = range.find("..");
    const auto first = value_of(part, range.substr(0, dots));
    const auto last =
        dots == std::string_view::npos ? first : value_of(part, range.substr(dots + 2));
    if (!first || !last || *last < *first) return {};
    Item item{*first, *last};
    if (slash == std::string_view::npos) return item;
    const auto step = number_of(text.substr(slash + 1));
    if (!step || *step < 1) return {};
    item.step = *step;
    item.is_open = dots == std::string_view::npos;
    if (!item.is_open) return item;
    // Without an end there has to be a second value. From the month's end it goes on to the last
    // day, which is number 1.
    if (*step > (from_end ? *first - part.min : part.max - *first)) return {};
    item.last = from_end ? *first : part.max;
    if (from_end) item.first = part.min + (*first - part.min) % *step;
    return item;
}

template <std::size_t Size>
Result<void> set_part(const Part& part, std::string_view text, std::bitset<Size>& values,
                      bool from_end = false, int* overshoot = nullptr) {
    if (text == "*") {
        values.set();
        return {};
    }
    const int low = part.max == calendar_year_max ? part.min : 0;
    for (const auto& one : core::split(text, ',')) {
        const auto item = item_of(part, from_end, one);
        if (!item) return refuse(part, text);
        const int count = (item->last - item->first) / item->step;
        for (int i = 0; i <= count; ++i)
            values.set(static_cast<std::size_t>(item->first + i * item->step - low));
        const int behind = item->first + (count + 1) * item->step;
        if (overshoot != nullptr && item->is_open && (*overshoot == 0 || behind < *overshoot))
            *overshoot = behind;
    }
    // A search that has come to the highest value goes on without a stumble. For seconds it begins
    // a microsecond behind the last time, and so behind that value.
    const bool is_second = part.name == second_part.name;
    if (overshoot != nullptr && !is_second && values.test(static_cast<std::size_t>(part.max)))
        *overshoot = 0;
    return {};
}

std::optional<std::size_t> weekday_of(std::string_view word) {
    for (std::size_t day = 0; day < weekday_names.size(); ++day) {
        const std::string_view name = weekday_names.at(day);
        if (word == name || word == name.substr(0, 3)) return day;
    }
    return {};
}

/// "Mon", "Mon..Fri,Sun", also with a comma at its end. A range may have "-" too, as it once had.
Result<void> set_weekdays(std::string_view text, CalendarEvent& event) {
    constexpr const char* accepted =
        "use Mon to Sun, lists (Mon,Wed) and ranges from an earlier to a later day (Mon..Fri)";
    std::string days = core::to_lower(text);
    if (days.back() == ',') days.pop_back();
    for (const auto& item : core::split(days, ',')) {
        auto dash = item.find("..");
        const std::size_t width = dash == std::string::npos ? 1 : 2;
        if (dash == std::string::npos) dash = item.find('-');
        const auto first = weekday_of(std::string_view(item).substr(0, dash));
        const auto last = dash == std::string::npos
                              ? first
                              : weekday_of(std::string_view(item).substr(dash + width));
        if (!first || !last || *last < *first) return refuse(text, accepted);
        for (auto day = *first; day <= *last; ++day) event.weekdays.set(day);
    }
    return {};
}

/// "2026-*-1..7", "*-02~03", "12-24".
Result<void> set_date(std::string_view text, CalendarEvent& event) {
    const auto sign = text.find_last_of("-~");
    const auto before = text.substr(0, sign);
    const auto dash = before.find('-');
    const bool has_year = dash != std::string_view::npos;
    if (before.find('~') != std::string_view::npos || dash != before.rfind('-'))
        return refuse(text, "a date is YEAR-MONTH-DAY, MONTH-DAY, or has ~DAY at its end");
    if (auto set = set_part(year_part, has_year ? before.substr(0, dash) : "*", event.years); !set)
        return set;
    if (auto set = set_part(month_part, has_year ? before.substr(dash + 1) : before, event.months);
        !set)
        return set;
    const auto days = text.substr(sign + 1);
    event.from_end = text[sign] == '~' && days != "*";
    return event.from_end ? set_part(last_day_part, days, event.days, true)
                          : set_part(day_part, days, event.days, false, &event.overshoot.day);
}

/// "9:30", "*:0/15:30".
Result<void> set_time(std::string_view text, CalendarEvent& event) {
    const auto parts = core::split(text, ':');
    if (parts.size() < 2 || parts.size() > 3)
        return refuse(text, "a time is HOUR:MINUTE or HOUR:MINUTE:SECOND");
    if (auto set = set_part(hour_part, parts[0], event.hours, false, &event.overshoot.hour); !set)
        return set;
    if (auto set = set_part(minute_part, parts[1], event.minutes, false, &event.overshoot.minute);
        !set)
        return set;
    const std::string seconds = parts.size() == 3 ? parts[2] : "0";
    for (std::size_t dot = seconds.find('.'); dot != std::string::npos;
         dot = seconds.find('.', dot)) {
        if (seconds.compare(dot, 2, "..") != 0)
            return refuse(text, "a fraction of a second can't be kept; use whole seconds");
        dot += 2;
    }
    return set_part(second_part, seconds, event.seconds, false, &event.overshoot.second);
}

/// Whether the word is a zone; one that can't be kept is an error.
Result<bool> take_zone(const std::string& word, CalendarEvent& event) {
    if (core::to_upper(word) == "UTC") {
        event.tzid = "UTC";
        return true;
    }
    if (std::isalpha(static_cast<unsigned char>(word.front())) == 0) return false;
    const bool is_short = std::none_of(
        word.begin(), word.end(), [](unsigned char c) { return std::islower(c) != 0 || c == '/'; });
    const auto zone = core::TimeZone::load(word);
    if (is_short)
        return refuse(word,
                      "an abbreviation of a zone holds for one half of the year; use UTC or a "
                      "name such as Europe/Berlin");
    if (!zone || zone->name() != word) return refuse(word, "it is not the name of a time zone");
    event.tzid = word;
    return true;
}

void set_default_date(CalendarEvent& event) {
    event.years.set();
    event.months.set();
    event.days.set();
}

Result<void> set_default_time(CalendarEvent& event) {
    return set_time("0:0:0", event);
}

}  // namespace

Result<CalendarEvent> parse_calendar_event(const std::string& text) {
    constexpr const char* form =
        "use [WEEKDAYS] [DATE] [TIME] [ZONE], as Mon..Fri *-*-* 9:00, or daily, weekly, ... "
        "(systemd.time(7))";
    if (!text.empty() && text.front() == '@')
        return refuse(text, "seconds since 1970 come once; add a task for it");
    if (text.find('\t') != std::string::npos) return refuse(text, form);
    CalendarEvent event;
    auto words = core::words_of(text);
    if (words.size() > 1) {
        const auto last = words.back();
        const bool is_last_time = last.find_first_of(":*~") != std::string::npos;
        if (!is_last_time && !weekday_of(core::to_lower(last))) {
            const auto taken = take_zone(last, event);
            if (!taken) return tl::unexpected(taken.error());
            if (*taken) words.pop_back();
        }
    }
    if (words.size() == 1)
        for (const auto& shorthand : shorthands)
            if (core::to_lower(words[0]) == shorthand.name) words = core::words_of(shorthand.event);
    std::size_t next = 0;
    event.weekdays.set();
    if (!words.empty() && std::isalpha(static_cast<unsigned char>(words[0].front())) != 0) {
        event.weekdays.reset();
        if (auto set = set_weekdays(words[next++], event); !set) return tl::unexpected(set.error());
    }
    const bool has_date = next < words.size() && words[next].find(':') == std::string::npos;
    if (has_date) {
        if (words[next].find_first_of("-~") == std::string::npos) return refuse(text, form);
        if (auto set = set_date(words[next++], event); !set) return tl::unexpected(set.error());
    } else {
        set_default_date(event);
    }
    auto set = next < words.size() ? set_time(words[next++], event) : set_default_time(event);
    if (!set) return tl::unexpected(set.error());
    if (words.empty() || next < words.size()) return refuse(text, form);
    return event;
}

}  // namespace taskd::cli
