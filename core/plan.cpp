// SPDX-License-Identifier: Apache-2.0
#include "core/plan.h"

#include "core/when.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace taskd::core {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

/// The next full hour, minute or second, by what the rule is counted in.
LocalTime next_full(const Rrule& rule, LocalTime now) {
    const seconds unit =
        rule.frequency == Frequency::secondly || !rule.by_second.empty() ? seconds{1}
        : rule.frequency == Frequency::hourly && rule.by_minute.empty()  ? seconds{hours{1}}
                                                                         : seconds{minutes{1}};
    return LocalTime{now.time_since_epoch() / unit * unit + unit};
}

/// Where the search for DTSTART begins.
Result<CalendarTime> start_of(const Rrule& rule, const std::optional<std::string>& at,
                              Timestamp now, const TimeZone& zone) {
    const LocalTime here = zone.to_local(now);
    if (!at)
        return has_times(rule) ? calendar_time(next_full(rule, here), false, zone)
                               : calendar_time(LocalTime{floor<days>(here)}, true, zone);
    const auto when = parse_when("at", *at, now, zone);
    if (!when) return tl::unexpected(when.error());
    CalendarTime from = when->time;
    if (!from.is_date || !has_times(rule)) return from;
    // A day, and the rule has the times; those of today that are over don't come back.
    from.is_date = false;
    if (from.local == LocalTime{floor<days>(here)}) from.local = next_full(rule, here);
    return from;
}

/// The words for DTSTART: "next monday" and "9:30" are "next monday at 9:30".
Result<std::optional<std::string>> start_words(const Every& every, const std::string& at) {
    if (every.at && !at.empty())
        return invalid_argument(
            "at", "\"" + at + "\" and \"at " + *every.at + "\" are two times; keep one");
    const auto time = every.at ? every.at : at.empty() ? std::nullopt : std::optional(at);
    auto words = every.starting;
    if (words && time) *words += " at ";
    if (time) words = words.value_or("") + *time;
    const bool zoned = !every.at && !every.tzid.empty();  // else `at` has the zone at its end
    if (words && zoned && at.empty()) *words += " " + every.tzid;
    return words;
}

/// A time beside a rule that has times of its own is a second one, unless it is one of them.
Result<void> check_at(const Every& every, const std::string& at, Timestamp now,
                      const TimeZone& zone) {
    const Rrule& rule = every.rule;
    const auto words = every.at.value_or(at);
    if (words.empty() || rule.by_hour.empty() || rule.by_minute.empty()) return {};
    const auto when = parse_when("at", words, now, zone);
    if (!when || when->time.is_date) return {};  // start_of says what is wrong with it
    const auto clock = when->time.local - floor<days>(when->time.local);
    const auto has = [](const std::vector<int>& values, std::int64_t value) {
        return std::find(values.begin(), values.end(), value) != values.end();
    };
    if (has(rule.by_hour, clock / hours{1}) && has(rule.by_minute, clock % hours{1} / minutes{1}))
        return {};
    return invalid_argument("at", "\"" + words +
                                      "\" is not one of the rule's own times of day; leave it out "
                                      "or change the rule");
}

Result<std::optional<Until>> until_of(const Every& every, Timestamp now, const TimeZone& zone) {
    if (!every.until) return every.rule.until;
    const auto when = parse_until("every", *every.until, now, zone);
    if (!when) return tl::unexpected(when.error());
    return Until{when->time.is_date ? when->time.local : zone.to_local(when->time.at),
                 when->time.is_date, false};
}

bool is_before(const Until& until, const CalendarTime& dtstart) {
    const LocalTime last = until.is_date ? until.local + days{1} - seconds{1} : until.local;
    return !until.is_utc && last < dtstart.local;
}

}  // namespace

bool has_times(const Rrule& rule) {
    return rule.frequency < Frequency::daily || !rule.by_hour.empty() || !rule.by_minute.empty() ||
           !rule.by_second.empty();
}

RecurrenceSpec spec_of(const Rrule& rule, const CalendarTime& dtstart) {
    RecurrenceSpec spec;
    spec.dtstart = dtstart.local;
    spec.is_date = dtstart.is_date;
    spec.tzid = dtstart.tzid;
    spec.rrules = {rule};
    return spec;
}

Result<CalendarTime> dtstart_of(const Rrule& rule, const std::optional<std::string>& at,
                                Timestamp now, const TimeZone& zone) {
    const auto from = start_of(rule, at, now, zone);
    if (!from) return tl::unexpected(from.error());
    const auto where = TimeZone::load(from->tzid);
    if (!where) return tl::unexpected(where.error());
    // INTERVAL counts from DTSTART, so any slot of the other parts can be the first.
    Rrule pattern = rule;
    pattern.interval = 1;
    pattern.count.reset();
    const auto slots = Recurrence::make(spec_of(pattern, *from));
    if (!slots) return tl::unexpected(slots.error());
    const auto first = slots->first_slot();
    if (!first) return invalid_argument("rrule", "never matches; nothing would ever come");
    return calendar_time(first->id.local, from->is_date, *where);
}

Result<Plan> plan_of(const Every& every, const std::string& at, Timestamp now,
                     const TimeZone& zone) {
    const auto named = every.tzid.empty() ? Result<TimeZone>(zone) : TimeZone::load(every.tzid);
    if (!named) return tl::unexpected(named.error());
    if (auto checked = check_at(every, at, now, *named); !checked)
        return tl::unexpected(checked.error());
    const auto words = start_words(every, at);
    if (!words) return tl::unexpected(words.error());
    const auto until = until_of(every, now, *named);
    if (!until) return tl::unexpected(until.error());
    Plan plan{every.rule, {}, every.after_completion};
    auto dtstart = dtstart_of(plan.rule, *words, now, *named);
    if (!dtstart) return tl::unexpected(dtstart.error());
    plan.dtstart = std::move(*dtstart);
    plan.rule.until = *until;
    if (every.until && is_before(**until, plan.dtstart))
        return invalid_argument("every", "it ends (until " + *every.until +
                                             ") before its first slot, " + describe(plan.dtstart));
    return plan;
}

}  // namespace taskd::core
