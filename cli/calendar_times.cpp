// SPDX-License-Identifier: Apache-2.0
// systemd's own next times, day by day: the ones to compare with.
//
// systemd.time(7) says nothing of the days on which the clock changes. What systemd 252 does, found
// by systemd-analyze calendar with zones of all kinds:
// - It searches on the wall clock. A time that the clock skips is left out, and nothing takes its
//   place: 02:30 does not come on that day, "daily" does not where midnight is skipped. 2:00/30 min
//   over the gap goes on with the first time behind it.
// - Of a time that the clock shows twice the first pass is taken, however far ahead. The search
// goes
//   on from there by the wall clock, so that of "*:0/30" the whole second pass is left out: after
//   02:30 summer time comes 03:00, an hour and a half later.
// - Only a search that begins within the second pass, as of a timer that is started then, finds
//   what is still to come of that pass.
//
// And one more thing, on each day: a/b is counted on over the end of its part, and where that
// carries over two parts at once the search goes on from there. *:3/22 is 3, 25 and 47 minutes past
// each hour; behind 23:47 comes 23:69, which is 00:09 of the next day, so that 00:03 is lost. In
// the same way seconds lose the beginning of an hour, hours that of a month, days that of a year.
// Steps that divide the part evenly, such as 0/15, lose nothing.
#include "cli/calendar_event.h"

#include <chrono>
#include <optional>

namespace taskd::cli {
namespace {

using core::LocalTime;
using core::Timestamp;
using core::TimeZone;
using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

bool has_year(const CalendarEvent& event, int year) {
    return year >= calendar_year_min && year <= calendar_year_max &&
           event.years.test(static_cast<std::size_t>(year - calendar_year_min));
}

bool matches(const CalendarEvent& event, std::chrono::local_days date) {
    const std::chrono::year_month_day calendar(date);
    if (!event.months.test(static_cast<unsigned>(calendar.month()))) return false;
    if (!event.weekdays.test(std::chrono::weekday(date).iso_encoding() - 1)) return false;
    auto day = static_cast<unsigned>(calendar.day());
    if (event.from_end) {
        const auto last = (calendar.year() / calendar.month() / std::chrono::last).day();
        day = static_cast<unsigned>(last) - day + 1;
    }
    return event.days.test(day);
}

/// The instant of a local time for a search that began at `from`, none if the clock skips it.
std::optional<Timestamp> instant_of(LocalTime local, Timestamp from, const TimeZone& zone) {
    const auto resolved = zone.to_utc(local);
    if (resolved.kind == core::LocalKind::skipped) return {};
    // A time ahead on the wall clock whose first pass is over: `from` is in the second one.
    if (resolved.kind == core::LocalKind::unique || resolved.at > from) return resolved.at;
    const auto at = floor<seconds>(resolved.at).time_since_epoch().count();
    const auto first = zone.segment_at(at);
    return resolved.at + seconds{first.offset - zone.segment_at(first.end).offset};
}

bool is_last_of_month(std::chrono::local_days date) {
    return std::chrono::year_month_day(date + days{1}).day() == std::chrono::day{1};
}

/// One search, as far as it has come.
class Search {
public:
    Search(const CalendarEvent& event, Timestamp from, const TimeZone& zone, std::size_t count)
        : event_(event), zone_(zone), from_(from), behind_(zone.to_local(from)), count_(count) {}

    std::vector<Timestamp> run() {
        auto date = floor<days>(behind_);
        while (found_.size() < count_) {
            const auto year = std::chrono::year_month_day(date).year();
            if (static_cast<int>(year) > calendar_year_max) break;
            const auto next_year =
                std::chrono::local_days{(year + std::chrono::years{1}) / std::chrono::January / 1};
            if (!has_year(event_, static_cast<int>(year))) {
                date = next_year;
                continue;
            }
            if (matches(event_, date)) add_day(date);
            date += days{1};
            if (date == next_year && event_.months.test(12))
                resume(next_year, days{1}, event_.overshoot.day - 31 - 1);
        }
        return std::move(found_);
    }

private:
    void add_day(std::chrono::local_days date) {
        for (std::size_t hour = 0; hour < event_.hours.size(); ++hour)
            if (event_.hours.test(hour)) add_hour(LocalTime{date} + hours{hour});
        if (event_.hours.test(23)) resume(date + days{1}, minutes{1}, event_.overshoot.minute - 60);
        if (is_last_of_month(date)) resume(date + days{1}, hours{1}, event_.overshoot.hour - 24);
    }

    void add_hour(LocalTime hour) {
        for (std::size_t minute = 0; minute < event_.minutes.size(); ++minute)
            if (event_.minutes.test(minute)) add_minute(hour + minutes{minute});
        if (event_.minutes.test(59))
            resume(hour + hours{1}, seconds{1}, event_.overshoot.second - 60);
    }

    void add_minute(LocalTime minute) {
        for (std::size_t second = 0; second < event_.seconds.size(); ++second) {
            const LocalTime local = minute + seconds{second};
            if (!event_.seconds.test(second) || local <= behind_ || found_.size() >= count_)
                continue;
            if (const auto at = instant_of(local, from_, zone_)) found_.push_back(*at);
        }
    }

    /// Goes on so many units behind the beginning of a period.
    void resume(LocalTime begin, seconds unit, int units) {
        if (units > 0 && behind_ < begin) behind_ = begin + unit * units - seconds{1};
    }

    const CalendarEvent& event_;
    const TimeZone& zone_;
    Timestamp from_;
    LocalTime behind_;  ///< what comes is later than this
    std::size_t count_;
    std::vector<Timestamp> found_{};
};

}  // namespace

std::vector<Timestamp> calendar_times(const CalendarEvent& event, Timestamp from,
                                      const TimeZone& zone, std::size_t count) {
    return Search(event, from, zone, count).run();
}

}  // namespace taskd::cli
