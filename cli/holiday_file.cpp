// SPDX-License-Identifier: Apache-2.0
#include "cli/holiday_file.h"

#include "core/recurrence_text.h"
#include "core/rfc3339.h"
#include "core/text.h"
#include "core/user_settings.h"

#include <cctype>
#include <cstdio>
#include <fstream>
#include <libical/ical.h>
#include <memory>
#include <set>

namespace taskd::cli {
namespace {

using core::Result;
using std::chrono::days;
using std::chrono::floor;
using std::chrono::local_days;
using std::chrono::year_month_day;

constexpr int nesting_max = 8;       // a calendar has 3; libical frees deeper ones by recursion
constexpr int event_days_max = 366;  // a longer one is no holiday but a mistake

core::Error refused(const std::string& why) {
    return {core::Reason::invalid_argument, "holidays: " + why, "holidays", {}};
}

struct Window {
    local_days from;
    local_days to;
};
Window window_at(local_days today) {
    const auto year = year_month_day{today}.year();
    return {local_days{year / 1 / 1},
            local_days{(year + std::chrono::years{holiday_years}) / 12 / 31}};
}

bool is_nested_deeply(const std::string& calendar) {
    int depth = 0;
    for (const auto& line : core::split(calendar, '\n')) {
        std::string word = line.substr(0, 6);
        for (char& letter : word)
            letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
        if (word == "BEGIN:" && ++depth > nesting_max) return true;
        if (word.substr(0, 4) == "END:") --depth;
    }
    return false;
}

using Component = std::unique_ptr<icalcomponent, decltype(&icalcomponent_free)>;

std::string text_of(icalproperty* property) {
    const std::unique_ptr<char, decltype(&icalmemory_free_buffer)> text{
        icalproperty_as_ical_string_r(property), icalmemory_free_buffer};
    std::string line;
    for (const char* c = text.get(); c != nullptr && *c != '\0'; ++c) {
        if (*c == '\r') continue;
        if (*c != '\n')
            line += *c;
        else if (c[1] == ' ')
            ++c;  // a folded line (RFC 5545 section 3.1)
    }
    return line;
}

/// An all-day event, as far as it matters here.
struct Event {
    std::string summary;
    icaltimetype start;
    int length = 1;                  ///< in days
    std::vector<std::string> lines;  ///< its RRULE, RDATE and EXDATE
};

Result<Event> event_from(icalcomponent* component) {
    Event event;
    const char* summary = icalcomponent_get_summary(component);
    event.summary = core::clipped(summary != nullptr ? summary : "without a name", 64);
    event.start = icalcomponent_get_dtstart(component);
    const auto broken = [&](const std::string& what) {
        return tl::unexpected(refused("the event \"" + event.summary + "\" " + what));
    };
    for (auto* one = icalcomponent_get_first_property(component, ICAL_ANY_PROPERTY); one != nullptr;
         one = icalcomponent_get_next_property(component, ICAL_ANY_PROPERTY)) {
        const std::string text = text_of(one);
        const auto kind = icalproperty_isa(one);
        if (kind == ICAL_RRULE_PROPERTY || kind == ICAL_RDATE_PROPERTY ||
            kind == ICAL_EXDATE_PROPERTY)
            event.lines.push_back(text);
        // What libical can't read it takes away, and leaves this in its place.
        for (const char* name : {"DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE"})
            if (kind == ICAL_XLICERROR_PROPERTY && text.find(name) != std::string::npos)
                return broken("has a " + std::string(name) + " that can't be read");
    }
    if (icaltime_is_null_time(event.start)) return broken("has no DTSTART");
    const auto end = icalcomponent_get_dtend(component);
    if (event.start.is_date == 0 || icaltime_is_null_time(end)) return event;
    const auto day = [](const icaltimetype& time) {
        return local_days{std::chrono::year{time.year} / time.month / time.day};
    };
    const auto length = (day(end) - day(event.start)).count();
    if (length > event_days_max) return broken("is longer than a year");
    event.length = std::max(static_cast<int>(length), 1);
    return event;
}

/// Puts the days of one event into `all`.
Result<void> expand(const Event& event, const Window& window, std::set<local_days>& all) {
    char start[16];
    std::snprintf(start, sizeof start, "%04d%02d%02d", event.start.year % 10000,
                  event.start.month % 100, event.start.day % 100);
    const auto spec = core::parse_recurrence(start, "", event.lines);
    if (!spec)
        return tl::unexpected(
            refused("the event \"" + event.summary + "\": " + spec.error().message));
    const auto slots = core::Recurrence::make(*spec);
    if (!slots)
        return tl::unexpected(
            refused("the event \"" + event.summary + "\": " + slots.error().message));
    const auto first = window.from - days{event.length};
    for (auto slot = slots->next_after(core::Timestamp{first.time_since_epoch()});
         slot && floor<days>(slot->id.local) <= window.to; slot = slots->next_after(*slot)) {
        for (int day = 0; day < event.length; ++day) {
            const auto off = floor<days>(slot->id.local) + days{day};
            if (off >= window.from && off <= window.to) all.insert(off);
        }
        if (all.size() > core::holidays_max)
            return tl::unexpected(
                refused("with the event \"" + event.summary + "\" there are more than 1000 days"));
    }
    return {};
}

Result<std::string> read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string text(holiday_file_bytes_max + 1, '\0');
    if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!file.is_open() || file.bad() || (file.fail() && !file.eof()))
        return tl::unexpected(refused("\"" + path + "\" can't be read"));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() > holiday_file_bytes_max)
        return tl::unexpected(refused("\"" + path + "\" is larger than 1 MiB"));
    return text;
}

Result<Days> listed(const std::string& words) {
    Days all;
    std::string text = words;
    for (char& letter : text)
        if (letter == ' ') letter = ',';
    for (const auto& word : core::split(text, ',')) {
        if (word.empty()) continue;
        const auto time = core::parse_local(word);
        if (!time || core::format_date(*time) != word)
            return tl::unexpected(refused("\"" + core::clipped(word, 64) +
                                          "\" is not a day such as 2026-12-25; use days with "
                                          "commas between them, or @FILE.ics"));
        all.push_back(floor<days>(*time));
    }
    return all;
}

}  // namespace

Result<Days> holidays_in(const std::string& calendar, local_days today) {
    if (calendar.find('\0') != std::string::npos || is_nested_deeply(calendar))
        return tl::unexpected(refused("this is not an iCalendar file (RFC 5545)"));
    icalerror_set_errors_are_fatal(false);
    const Component root{icalparser_parse_string(calendar.c_str()), icalcomponent_free};
    if (!root || icalcomponent_isa(root.get()) == ICAL_NO_COMPONENT)
        return tl::unexpected(refused("this is not an iCalendar file (RFC 5545)"));
    std::set<local_days> all;
    bool is_any = false;
    // Several calendars in one file are components of a root of libical's own.
    std::vector<icalcomponent*> calendars{root.get()};
    for (auto* one = icalcomponent_get_first_component(root.get(), ICAL_VCALENDAR_COMPONENT);
         one != nullptr;
         one = icalcomponent_get_next_component(root.get(), ICAL_VCALENDAR_COMPONENT))
        calendars.push_back(one);
    for (auto* one : calendars) {
        for (auto* component = icalcomponent_get_first_component(one, ICAL_VEVENT_COMPONENT);
             component != nullptr;
             component = icalcomponent_get_next_component(one, ICAL_VEVENT_COMPONENT)) {
            const auto event = event_from(component);
            if (!event) return tl::unexpected(event.error());
            if (event->start.is_date == 0) continue;
            is_any = true;
            if (auto good = expand(*event, window_at(today), all); !good)
                return tl::unexpected(good.error());
        }
    }
    if (!is_any) return tl::unexpected(refused("the file has no all-day event"));
    return Days(all.begin(), all.end());
}

Result<Days> holidays_from(const std::string& words, local_days today) {
    if (words.rfind('@', 0) != 0) return listed(words);
    const auto calendar = read_file(words.substr(1));
    if (!calendar) return tl::unexpected(calendar.error());
    return holidays_in(*calendar, today);
}

}  // namespace taskd::cli
