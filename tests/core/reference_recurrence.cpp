// SPDX-License-Identifier: Apache-2.0
#include "tests/core/reference_recurrence.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <tuple>

namespace taskd::test {
namespace {

using namespace core;
using namespace std::chrono_literals;
using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::local_days;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::year_month_day;

template <class T>
bool in(const std::vector<T>& list, const T& value) {
    return std::find(list.begin(), list.end(), value) != list.end();
}

// ---- what a day is called ----

struct Day {
    explicit Day(local_days day) : local(day), date(day) {
        year = static_cast<int>(date.year());
        month = static_cast<int>(static_cast<unsigned>(date.month()));
        month_day = static_cast<int>(static_cast<unsigned>(date.day()));
        const auto month_last = year_month_day{date.year() / date.month() / std::chrono::last};
        month_length = static_cast<int>(static_cast<unsigned>(month_last.day()));
        const local_days year_begin{date.year() / 1 / 1};
        year_day = static_cast<int>((day - year_begin).count()) + 1;
        year_length = date.year().is_leap() ? 366 : 365;
        weekday = std::chrono::weekday{day}.iso_encoding() - 1;
    }

    local_days local;
    year_month_day date;
    int year = 0;
    int month = 0;
    int month_day = 0;
    int month_length = 0;
    int year_day = 0;
    int year_length = 0;
    unsigned weekday = 0;
};

local_days week_begin(local_days day, unsigned week_start) {
    while (Day(day).weekday != week_start) day -= days{1};
    return day;
}

/// Week 1 is the first one with at least four days in the year.
local_days week_one(int year, unsigned week_start) {
    return week_begin(local_days{std::chrono::year{year} / 1 / 4}, week_start);
}

/// The number of the week that a day lies in, from the begin and from the end of the year to which
/// the week belongs, which may be the one before or behind.
std::pair<int, int> week_numbers(const Day& day, unsigned week_start) {
    int year = day.year;
    if (day.local < week_one(year, week_start)) --year;
    if (day.local >= week_one(year + 1, week_start)) ++year;
    const auto begin = week_one(year, week_start);
    const auto end = week_one(year + 1, week_start);
    const int number = static_cast<int>((day.local - begin).count() / 7) + 1;
    return {number, number - 1 - static_cast<int>((end - begin).count() / 7)};
}

// ---- what the parts want of a day ----

bool by_month(const Rrule& rule, const Day& day) {
    return rule.by_month.empty() || in(rule.by_month, day.month);
}
bool by_week_no(const Rrule& rule, const Day& day) {
    if (rule.by_week_no.empty()) return true;
    const auto [number, from_end] = week_numbers(day, rule.week_start);
    return in(rule.by_week_no, number) || in(rule.by_week_no, from_end);
}
bool by_year_day(const Rrule& rule, const Day& day) {
    return rule.by_year_day.empty() || in(rule.by_year_day, day.year_day) ||
           in(rule.by_year_day, day.year_day - 1 - day.year_length);
}
bool by_month_day(const Rrule& rule, const Day& day) {
    return rule.by_month_day.empty() || in(rule.by_month_day, day.month_day) ||
           in(rule.by_month_day, day.month_day - 1 - day.month_length);
}
/// Ordinals count in the month for MONTHLY and beside BYMONTH, else in the year.
bool by_day(const Rrule& rule, const Day& day) {
    if (rule.by_day.empty()) return true;
    const bool in_month = rule.frequency == Frequency::monthly || !rule.by_month.empty();
    const int index = in_month ? day.month_day : day.year_day;
    const int length = in_month ? day.month_length : day.year_length;
    const int from_begin = (index - 1) / 7 + 1;
    const int from_end = -((length - index) / 7 + 1);
    return in(rule.by_day, WeekdayNum{0, day.weekday}) ||
           in(rule.by_day, WeekdayNum{from_begin, day.weekday}) ||
           in(rule.by_day, WeekdayNum{from_end, day.weekday});
}
bool limits_allow(const Rrule& rule, const Day& day) {
    return by_month(rule, day) && by_week_no(rule, day) && by_year_day(rule, day) &&
           by_month_day(rule, day) && by_day(rule, day);
}

// ---- rules of days ----

/// What DTSTART supplies where no part names days (RFC 5545: "information missing ... is taken
/// from DTSTART").
Rrule with_days_of_dtstart(Rrule rule, const Day& start) {
    const bool no_days =
        rule.by_day.empty() && rule.by_month_day.empty() && rule.by_year_day.empty();
    if (!no_days) return rule;
    if (rule.frequency == Frequency::weekly) {
        rule.by_day.push_back({0, start.weekday});
    } else if (rule.frequency == Frequency::monthly) {
        rule.by_month_day.push_back(start.month_day);
    } else if (rule.frequency == Frequency::yearly) {
        if (!rule.by_week_no.empty()) {
            rule.by_day.push_back({0, start.weekday});
        } else {
            rule.by_month_day.push_back(start.month_day);
            if (rule.by_month.empty()) rule.by_month.push_back(start.month);
        }
    }
    return rule;
}

/// A number that is the same for all days of one period and one more for those of the next.
std::int64_t period_of(const Rrule& rule, const Day& day) {
    switch (rule.frequency) {
    default:
        break;
    case Frequency::daily:
        return day.local.time_since_epoch().count();
    case Frequency::weekly:
        // Week begins lie on one weekday; the shift keeps the division from rounding up.
        return (week_begin(day.local, rule.week_start).time_since_epoch().count() + 7'000'000) / 7;
    case Frequency::monthly:
        return day.year * 12 + day.month;
    case Frequency::yearly:
        return day.year;
    }
    return 0;
}

/// Where SKIP puts the days that a month doesn't have. -31 in a month of 30 days is the day before
/// its first.
void add_skipped(const Rrule& rule, int year, int month, std::set<local_days>& into) {
    if (!rule.by_month.empty() && !in(rule.by_month, month)) return;
    const local_days first{std::chrono::year{year} / month / 1};
    const local_days last{std::chrono::year{year} / month / std::chrono::last};
    const int length = static_cast<int>((last - first).count()) + 1;
    for (const int wanted : rule.by_month_day) {
        if (std::abs(wanted) <= length) continue;
        const bool back = rule.skip == Skip::backward;
        const local_days moved =
            wanted > 0 ? (back ? last : last + days{1}) : (back ? first - days{1} : first);
        const Day day(moved);
        if (by_week_no(rule, day) && by_year_day(rule, day) && by_day(rule, day))
            into.insert(moved);
    }
}

std::vector<seconds> times_of_day(const Rrule& rule, seconds start) {
    const auto or_start = [](const std::vector<int>& list, std::int64_t value) {
        return list.empty() ? std::vector<int>{static_cast<int>(value)} : list;
    };
    std::vector<seconds> times;
    for (const int hour : or_start(rule.by_hour, start / 1h))
        for (const int minute : or_start(rule.by_minute, start % 1h / 1min))
            for (const int second : or_start(rule.by_second, start % 1min / 1s))
                times.push_back(hours{hour} + minutes{minute} + seconds{second});
    std::sort(times.begin(), times.end());
    return times;
}

template <class T>
std::vector<T> set_positions(const Rrule& rule, std::vector<T> candidates) {
    if (rule.by_set_pos.empty()) return candidates;
    std::vector<T> kept;
    const int size = static_cast<int>(candidates.size());
    for (int index = 0; index < size; ++index)
        if (in(rule.by_set_pos, index + 1) || in(rule.by_set_pos, index - size))
            kept.push_back(candidates[static_cast<std::size_t>(index)]);
    return kept;
}

/// Nominal local times of all periods from DTSTART's own up to the horizon, not cut at DTSTART.
std::set<LocalTime> day_rule(const Rrule& given, LocalTime dtstart, LocalTime horizon) {
    const Day start(floor<days>(dtstart));
    const Rrule rule = with_days_of_dtstart(given, start);
    const auto times = times_of_day(rule, dtstart - start.local);
    const bool skips = rule.skip != Skip::omit && (rule.frequency == Frequency::monthly ||
                                                   rule.frequency == Frequency::yearly);
    // A year before and behind, so that periods are whole.
    std::map<std::int64_t, std::set<local_days>> periods;
    for (auto local = start.local - days{367}; local <= horizon + days{367}; local += days{1}) {
        const Day day(local);
        const auto apart = period_of(rule, day) - period_of(rule, start);
        if (apart < 0 || apart % static_cast<std::int64_t>(rule.interval) != 0) continue;
        if (limits_allow(rule, day)) periods[apart].insert(local);
        if (skips && day.month_day == 1) add_skipped(rule, day.year, day.month, periods[apart]);
    }
    std::set<LocalTime> slots;
    for (const auto& [period, period_days] : periods) {
        std::vector<LocalTime> candidates;
        for (const auto day : period_days)
            for (const auto time : times) candidates.push_back(LocalTime{day} + time);
        for (const auto slot : set_positions(rule, candidates)) slots.insert(slot);
    }
    return slots;
}

// ---- rules finer than daily ----

/// A wall clock that is asked for every second: keeps the offset of the quarter of an hour.
class WallClock {
public:
    explicit WallClock(const TimeZone& zone) : zone_(zone) {}
    LocalTime at(Timestamp time) {
        const auto quarter = floor<minutes>(time).time_since_epoch() / 15min;
        if (quarter != quarter_) {
            quarter_ = quarter;
            offset_ = zone_.utc_offset(time);
        }
        return LocalTime{floor<seconds>(time).time_since_epoch() + offset_};
    }

private:
    const TimeZone& zone_;
    std::int64_t quarter_ = -1;
    seconds offset_{0};
};

seconds period_length(Frequency frequency) {
    return frequency == Frequency::hourly ? 3600s : frequency == Frequency::minutely ? 60s : 1s;
}

std::vector<Timestamp> clock_rule(const Rrule& rule, LocalTime dtstart, LocalTime horizon,
                                  const TimeZone& zone) {
    const auto length = period_length(rule.frequency);
    const Timestamp start = zone.to_utc(dtstart).at;
    const seconds into_period = zone.to_local(start).time_since_epoch() % length;
    // Behind the horizon's second pass, where the clocks go back at midnight.
    const Timestamp end = zone.to_utc(horizon + 1s).at;
    WallClock wall(zone);
    std::vector<Timestamp> slots;
    for (Timestamp period = start - into_period; period <= end;
         period += length * static_cast<std::int64_t>(rule.interval)) {
        std::vector<Timestamp> candidates;
        std::optional<local_days> asked;
        bool day_allowed = false;
        for (seconds offset{0}; offset < length; offset += 1s) {
            const LocalTime local = wall.at(period + offset);
            const auto local_day = floor<days>(local);
            const auto time = local - local_day;
            // A part that is not there keeps what DTSTART has within its period.
            const bool minute_wanted =
                length < 3600s || !rule.by_minute.empty()
                    ? rule.by_minute.empty() ||
                          in(rule.by_minute, static_cast<int>(time % 1h / 1min))
                    : offset / 1min == into_period / 1min;
            if (!minute_wanted) {
                offset += 60s - 1s - offset % 60s;  // none of this minute's seconds
                continue;
            }
            const bool second_wanted =
                length < 60s || !rule.by_second.empty()
                    ? rule.by_second.empty() ||
                          in(rule.by_second, static_cast<int>(time % 1min / 1s))
                    : offset % 60s == into_period % 60s;
            if (!second_wanted) continue;
            if (!rule.by_hour.empty() && !in(rule.by_hour, static_cast<int>(time / 1h))) continue;
            if (asked != local_day) {
                asked = local_day;
                day_allowed = limits_allow(rule, Day(local_day));
            }
            if (day_allowed) candidates.push_back(period + offset);
        }
        for (const auto slot : set_positions(rule, candidates)) slots.push_back(slot);
    }
    return slots;
}

// ---- sets ----

/// The nominal times of a gap belong before what happens at its end.
std::tuple<Timestamp, LocalTime> order_of(const Slot& slot, const TimeZone& zone) {
    const auto shown = zone.to_local(slot.at);
    if (shown == slot.id.local) return {slot.at, slot.id.local};
    return {Timestamp{seconds{zone.segment_of_local(slot.id.local.time_since_epoch().count()).end}},
            slot.id.local};
}

bool before_until(const Rrule& rule, const Slot& slot, const TimeZone& zone, bool fine) {
    if (!rule.until) return true;
    const auto& until = *rule.until;
    if (until.is_date) return floor<days>(slot.id.local) <= floor<days>(until.local);
    if (until.is_utc) return slot.at <= Timestamp{until.local.time_since_epoch()};
    return fine ? slot.at <= zone.to_utc(until.local).at : slot.id.local <= until.local;
}

Slot slot_of_local(LocalTime local, const TimeZone& zone) {
    return {{local, false}, zone.to_utc(local).at};
}
Slot slot_of_instant(Timestamp at, const TimeZone& zone) {
    const auto local = zone.to_local(at);
    return {{local, zone.to_utc(local).at != at}, at};
}
Slot slot_of_id(const RecurrenceId& id, const TimeZone& zone) {
    if (!id.fold) return slot_of_local(id.local, zone);
    for (auto at = zone.to_utc(id.local).at + 1min;; at += 1min)
        if (zone.to_local(at) == id.local) return {id, at};
}

std::vector<Slot> rule_slots(const Rrule& rule, const RecurrenceSpec& spec, const TimeZone& zone,
                             LocalTime horizon) {
    const bool fine = rule.frequency < Frequency::daily;
    std::vector<Slot> all;
    if (fine) {
        for (const auto at : clock_rule(rule, spec.dtstart, horizon, zone))
            if (at >= zone.to_utc(spec.dtstart).at) all.push_back(slot_of_instant(at, zone));
    } else {
        for (const auto local : day_rule(rule, spec.dtstart, horizon))
            if (local >= spec.dtstart) all.push_back(slot_of_local(local, zone));
    }
    std::vector<Slot> slots;
    for (const auto& slot : all) {
        if (rule.count && slots.size() == *rule.count) break;
        if (slot.id.local > horizon || !before_until(rule, slot, zone, fine)) continue;
        slots.push_back(slot);
    }
    return slots;
}

}  // namespace

bool reference_before(const Slot& left, const Slot& right, const TimeZone& zone) {
    return order_of(left, zone) < order_of(right, zone);
}

std::vector<Slot> reference_slots(const RecurrenceSpec& spec, const TimeZone& zone,
                                  LocalTime horizon) {
    std::map<RecurrenceId, Slot> found;
    const auto add = [&](const Slot& slot) { found.emplace(slot.id, slot); };
    for (const auto& rule : spec.rrules)
        for (const auto& slot : rule_slots(rule, spec, zone, horizon)) add(slot);
    for (const auto& id : spec.rdates) add(slot_of_id(id, zone));
    if (spec.rrules.empty()) add(slot_of_local(spec.dtstart, zone));

    for (const auto& rule : spec.exrules)
        for (const auto& slot : rule_slots(rule, spec, zone, horizon)) found.erase(slot.id);
    for (const auto& id : spec.exdates) found.erase(id);

    std::vector<Slot> slots;
    for (const auto& [id, slot] : found) {
        const auto on_exday = [&](LocalTime day) {
            return floor<days>(day) == floor<days>(slot.id.local);
        };
        if (std::any_of(spec.exdays.begin(), spec.exdays.end(), on_exday)) continue;
        if (id.local <= horizon) slots.push_back(slot);
    }
    std::sort(slots.begin(), slots.end(), [&](const Slot& left, const Slot& right) {
        return reference_before(left, right, zone);
    });
    return slots;
}

}  // namespace taskd::test
