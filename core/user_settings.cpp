// SPDX-License-Identifier: Apache-2.0
#include "core/user_settings.h"

#include "core/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace taskd::core {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::minutes;

/// "22:00", "7", "07:30" as minutes of the day.
std::optional<minutes> minute_of_day(std::string_view text) {
    const auto parts = split(text, ':');
    if (parts.size() > 2) return {};
    std::array<int, 2> values{0, 0};
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto& part = parts[i];
        if (part.empty() || part.size() > 2) return {};
        const auto [end, error] =
            std::from_chars(part.data(), part.data() + part.size(), values.at(i));
        if (error != std::errc{} || end != part.data() + part.size()) return {};
    }
    if (values[0] < 0 || values[0] > 23 || values[1] < 0 || values[1] > 59) return {};
    return minutes{values[0] * 60 + values[1]};
}

struct Quiet {
    minutes from;
    minutes to;
};

std::optional<Quiet> quiet_from(std::string_view text) {
    const auto parts = split(text, '-');
    if (parts.size() != 2) return {};
    const auto from = minute_of_day(trim(parts[0]));
    const auto to = minute_of_day(trim(parts[1]));
    if (!from || !to || *from == *to) return {};
    return Quiet{*from, *to};
}

std::string clock_text(minutes of_day) {
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), "%02d:%02d", static_cast<int>(of_day.count() / 60),
                  static_cast<int>(of_day.count() % 60));
    return text.data();
}

}  // namespace

Result<UserSettings> checked(UserSettings settings) {
    if (!settings.zone.empty()) {
        const auto zone = TimeZone::load(settings.zone);
        if (!zone)
            return invalid_argument("zone",
                                    "\"" + clipped(settings.zone, 64) +
                                        "\" is not an IANA time zone such as Europe/Berlin",
                                    zone.error().hint);
    }
    const auto& email = settings.email;
    if (!email.empty()) {
        const auto at = email.rfind('@');
        const bool shaped = at != std::string::npos && at > 0 && at + 1 < email.size();
        if (email.size() > email_bytes_max || !is_utf8(email) || has_control(email) || !shaped ||
            email.find_first_of(" \t,;<>\"") != std::string::npos)
            return invalid_argument("email", "\"" + clipped(email, 64) +
                                                 "\" is not an address such as ada@example.org");
    }
    if (!settings.quiet_hours.empty()) {
        const auto quiet = quiet_from(settings.quiet_hours);
        if (!quiet)
            return invalid_argument("quiet_hours",
                                    "\"" + clipped(settings.quiet_hours, 64) +
                                        "\" is not accepted; use two times of day "
                                        "such as 22:00-07:00",
                                    "taskctl config --unset quiet-hours");
        settings.quiet_hours = clock_text(quiet->from) + "-" + clock_text(quiet->to);
    }
    if (!settings.agenda.empty()) {
        const auto time = minute_of_day(trim(settings.agenda));
        if (!time)
            return invalid_argument("agenda",
                                    "\"" + clipped(settings.agenda, 64) +
                                        "\" is not accepted; use a time of day such as "
                                        "08:00",
                                    "taskctl config --unset agenda");
        settings.agenda = clock_text(*time);
    }
    auto& holidays = settings.holidays;
    std::sort(holidays.begin(), holidays.end());
    holidays.erase(std::unique(holidays.begin(), holidays.end()), holidays.end());
    if (holidays.size() > holidays_max)
        return invalid_argument("holidays", std::to_string(holidays.size()) +
                                                " days were given; at most 1000 are accepted");
    return settings;
}

Timestamp after_quiet_hours(const UserSettings& settings, Timestamp now) {
    const auto quiet = quiet_from(settings.quiet_hours);
    if (!quiet) return now;
    const auto zone =
        settings.zone.empty() ? Result<TimeZone>(TimeZone::utc()) : TimeZone::load(settings.zone);
    if (!zone) return now;
    const LocalTime local = zone->to_local(now);
    const LocalTime midnight{floor<days>(local)};
    const auto of_day = local - midnight;
    const bool overnight = quiet->from > quiet->to;
    const bool inside = overnight ? of_day >= quiet->from || of_day < quiet->to
                                  : of_day >= quiet->from && of_day < quiet->to;
    if (!inside) return now;
    const LocalTime end =
        midnight + quiet->to + (overnight && of_day >= quiet->from ? days{1} : days{0});
    // In the repeated hour of a change of the clocks the end may lie behind `now`.
    return std::max(now, zone->to_utc(end).at);
}

std::optional<Timestamp> next_agenda(const UserSettings& settings, Timestamp now) {
    const auto time = minute_of_day(settings.agenda);
    if (settings.agenda.empty() || !time) return {};
    const auto zone =
        settings.zone.empty() ? Result<TimeZone>(TimeZone::utc()) : TimeZone::load(settings.zone);
    if (!zone) return {};
    auto day = floor<days>(zone->to_local(now));
    while (zone->to_utc(day + *time).at <= now) day += days{1};
    return zone->to_utc(day + *time).at;
}

std::optional<Timestamp> renewed_agenda(const UserSettings& settings, Timestamp planned,
                                        Timestamp now) {
    const auto next = next_agenda(settings, now);
    if (!next || planned <= now) return planned;  // without its zone it keeps its time
    const auto ahead = planned - *next;
    const bool is_tomorrows = ahead >= std::chrono::hours{12} && ahead <= std::chrono::hours{36};
    return is_tomorrows ? planned : next;
}

}  // namespace taskd::core
