// SPDX-License-Identifier: Apache-2.0
#include "cli/times.h"

#include "core/describe.h"
#include "core/reminder_words.h"
#include "core/rfc3339.h"
#include "core/span.h"
#include "core/text.h"
#include "core/when.h"

#include <cstdlib>
#include <map>

namespace taskd::cli {
namespace {

using core::CalendarTime;
using core::LocalTime;
using core::Timestamp;
using std::chrono::days;
using std::chrono::floor;
using std::chrono::local_days;
using std::chrono::milliseconds;

constexpr std::int64_t week_ahead = 6;  // days before and after for which the weekday is clear

core::TimeZone zone_of(const CalendarTime& time) {
    const auto zone = core::TimeZone::load(time.tzid);
    return zone ? *zone : core::TimeZone::utc();
}

/// Days from today to a DATE, in its own zone: when it is Tuesday in Tokyo, that is today's task.
std::int64_t days_ahead(const CalendarTime& date, Timestamp now) {
    return (floor<days>(date.local) - floor<days>(zone_of(date).to_local(now))).count();
}

std::string days_words(std::int64_t ahead) {
    if (ahead == 0) return "today";
    if (ahead == 1) return "tomorrow";
    if (ahead == -1) return "yesterday";
    const auto span = rough_span(days{std::abs(ahead)});
    return ahead > 0 ? "in " + span : span + " ago";
}

/// "09:30", or "09:30:15" where the seconds matter.
std::string clock_words(LocalTime local) {
    const std::string clock = core::format_local(local).substr(11);
    return clock.substr(5) == ":00" ? clock.substr(0, 5) : clock;
}

std::string day_name(LocalTime local) {
    return core::describe(CalendarTime{local, true, "UTC", {}}).substr(0, 3);
}

}  // namespace

std::string rough_span(milliseconds span) {
    const std::int64_t seconds = std::chrono::round<std::chrono::seconds>(span).count();
    const auto rounded = [&](std::int64_t unit) { return (seconds + unit / 2) / unit; };
    const auto text = [](std::int64_t count, const char* unit) {
        return std::to_string(count) + unit;
    };
    const auto pair = [&](std::int64_t count, std::int64_t per, const char* big,
                          const char* small) {
        return text(count / per, big) + (count % per == 0 ? "" : " " + text(count % per, small));
    };
    if (seconds < 60) return text(seconds, "s");
    if (const auto minutes = rounded(60); minutes < 180)
        return minutes < 60 ? text(minutes, "m") : pair(minutes, 60, "h", "m");
    constexpr std::int64_t hour = 3600;
    constexpr std::int64_t day = 24 * hour;
    if (const auto hours = rounded(hour); hours < 7 * 24)
        return hours < 24 ? text(hours, "h") : pair(hours, 24, "d", "h");
    if (const auto count = rounded(day); count < 90) return text(count, "d");
    if (const auto months = rounded(day * 365 / 12); months < 24) return text(months, "mo");
    return text(rounded(365 * day), "y");
}

std::string distance(Timestamp at, Timestamp now) {
    const auto ahead = at - now;
    if (ahead > milliseconds{-500} && ahead < milliseconds{500}) return "now";
    return ahead > milliseconds{0} ? "in " + rough_span(ahead) : rough_span(-ahead) + " ago";
}

std::string distance(const CalendarTime& time, Timestamp now) {
    return time.is_date ? days_words(days_ahead(time, now)) : distance(time.at, now);
}

std::string distance_words(const CalendarTime& time, Timestamp now) {
    static const std::map<std::string, std::string> names{{"s", "second"}, {"m", "minute"},
                                                          {"h", "hour"},   {"d", "day"},
                                                          {"mo", "month"}, {"y", "year"}};
    auto words = core::words_of(distance(time, now));
    for (auto& word : words) {
        const auto unit = word.find_first_not_of("0123456789");
        const auto name =
            unit == 0 || unit == std::string::npos ? names.end() : names.find(word.substr(unit));
        if (name == names.end()) continue;
        const std::string count = word.substr(0, unit);
        word = count + " " + name->second + (count == "1" ? "" : "s");
    }
    return core::join(words, " ");
}

bool is_overdue(const CalendarTime& due, Timestamp now) {
    return due.is_date ? days_ahead(due, now) < 0 : due.at < now;
}

std::string due_words(const CalendarTime& due, Timestamp now, const core::TimeZone& zone) {
    const LocalTime local = due.is_date ? due.local : zone.to_local(due.at);
    const auto ahead = due.is_date ? days_ahead(due, now)
                                   : (floor<days>(local) - floor<days>(zone.to_local(now))).count();
    const bool named = std::abs(ahead) <= 1;
    std::string text = named                           ? days_words(ahead)
                       : std::abs(ahead) <= week_ahead ? day_name(local)
                                                       : core::format_date(local);
    if (!due.is_date) text += " " + core::format_local(local).substr(11, 5);
    if (due.is_date && named) return text;
    return text + ", " + distance(due, now);
}

std::string full_words(const CalendarTime& time, const core::TimeZone& zone) {
    return core::describe(time) + (time.tzid == zone.name() ? "" : " " + time.tzid);
}

std::string moment(Timestamp at, const core::TimeZone& zone) {
    return core::describe(
        CalendarTime{zone.to_local(at), false, zone.name(), floor<std::chrono::minutes>(at)});
}

std::string stamp(Timestamp at, const core::TimeZone& zone) {
    std::string text = core::format_local(zone.to_local(at));
    text[10] = ' ';
    return text;
}

std::string slot_words(const core::RecurrenceId& slot) {
    const bool midnight = LocalTime{floor<days>(slot.local)} == slot.local;
    return core::describe(CalendarTime{slot.local, true, "UTC", {}}) +
           (midnight ? "" : " " + clock_words(slot.local)) + (slot.fold ? " (second time)" : "");
}

std::string skipped_words(const core::SkippedSlots& skipped) {
    std::string text = skipped.count == 1
                           ? "skipped the slot of " + slot_words(skipped.from)
                           : "skipped " + std::to_string(skipped.count) + " slots (" +
                                 slot_words(skipped.from) + " .. " + slot_words(skipped.to) + ")";
    if (skipped.reason == core::SkipReason::catch_up)
        text += skipped.count == 1 ? "; done covers it" : "; done covers them";
    return text;
}

std::string reminder_words(const core::Reminder& reminder) {
    std::string words = core::format_reminder(reminder);
    if (reminder.nag.count() > 0)
        words += ", then every " + core::format_span(reminder.nag) + " until acknowledged";
    if (!reminder.escalate_to.empty())
        words += ", after " + core::format_span(reminder.escalate) + " to " +
                 core::join(reminder.escalate_to, ", ");
    return words;
}

std::string rule_words(const core::Rrule& rule, const CalendarTime& dtstart) {
    return core::describe_zoned(rule, dtstart);
}

std::string offset_words(std::chrono::seconds offset) {
    // The tail of "1970-01-01T00:00:00+01:00"; UTC writes itself as Z there.
    const std::string text = core::format_with_offset(Timestamp{days{1}}, offset).substr(19);
    return text == "Z" ? "+00:00" : text;
}

}  // namespace taskd::cli
