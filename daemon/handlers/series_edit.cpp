// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/series_edit.h"

#include "core/check.h"
#include "core/plan.h"
#include "core/rfc3339.h"
#include "core/when.h"
#include "daemon/handlers/expectation_handlers.h"
#include "daemon/handlers/occurrences.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

using core::Schedule;
using core::Series;
using core::Slot;
using std::chrono::days;
using std::chrono::floor;
using std::chrono::milliseconds;

/// Whether the words name a day to start on, rather than a time of day.
bool names_day(const core::Every& every, const std::string& at, core::Timestamp now,
               const core::TimeZone& zone) {
    if (every.starting) return true;
    const std::string time = every.at.value_or(at);
    if (time.empty()) return false;
    const auto when = core::parse_when("at", time, now, zone);
    return !when || !when->bare_time;
}

/// When a rule begins whose words name no day: not now, if the slots of today are decided already.
core::Timestamp begin_of(const core::Every& every, const std::string& at, const Begin& begin,
                         core::Timestamp now, const core::TimeZone& zone) {
    if (names_day(every, at, now, zone)) return now;
    const bool is_date = at.empty() && !every.at && !core::has_times(every.rule);
    const bool is_finer = every.rule.frequency < core::Frequency::daily;
    const auto first = zone.to_utc(is_finer ? begin.time : begin.day).at;
    return std::max(now, is_date ? first : first - milliseconds{1});  // plan_of looks after it
}

core::Result<void> anchor_at_completion(Series& series) {
    core::PolicyWords words;
    words.anchor = "completion";
    auto policies = core::applied(series.policies, words, true);
    if (!policies) return tl::unexpected(policies.error());
    series.policies = std::move(*policies);
    return {};
}

/// Another rule. It keeps the time of day, unless it says one itself.
core::Result<void> read_rule(const ipc::SeriesChange& change, const Begin& begin,
                             const core::TimeZone& zone, Series& series, Handling& h) {
    const auto every = core::parse_every(change.every);
    if (!every) return tl::unexpected(every.error());
    std::string at = change.at;
    if (at.empty() && !every->at && !series.is_date && !core::has_times(every->rule))
        at = core::format_local(series.dtstart).substr(11);
    const auto from = begin_of(*every, at, begin, h.unit.now(), zone);
    const auto plan = core::plan_of(*every, at, from, zone);
    if (!plan) return tl::unexpected(plan.error());
    series.rule = plan->rule;
    series.dtstart = plan->dtstart.local;
    series.is_date = plan->dtstart.is_date;
    series.tzid = plan->dtstart.tzid;
    return plan->after_completion ? anchor_at_completion(series) : core::Result<void>{};
}

/// Another time of day or zone keeps the days of the rule: DTSTART is the first slot from then on.
core::Result<void> read_time(const ipc::SeriesChange& change, const Slot& from,
                             const core::TimeZone& zone, Series& series, Handling& h) {
    auto clock = series.dtstart - floor<days>(series.dtstart);
    if (!change.at.empty()) {
        if (!series.rule.by_hour.empty())
            return core::invalid_argument("at", "the rule says its times itself",
                                          "give the whole rule with its times as every");
        const auto when = core::parse_when("at", change.at, h.unit.now(), zone);
        if (!when) return tl::unexpected(when.error());
        if (!when->bare_time)
            return core::invalid_argument("at", "use a time of day; another day is another rule");
        clock = when->time.local - floor<days>(when->time.local);
        series.is_date = false;
    }
    series.dtstart = floor<days>(from.id.local) + clock;
    series.tzid = zone.name();
    return {};
}

/// COUNT without the slots that stay behind.
void shorten(const Schedule& old, const Slot& from, Series& series) {
    if (!series.rule.count || series.policies.anchor == core::Anchor::completion) return;
    const auto first = old.slots.first_slot();
    const auto last = old.slots.prev_before(from);
    if (!first || !last || *last < *first) return;
    const auto used = old.slots.count_in(*first, *last);
    series.rule.count =
        static_cast<std::uint32_t>(used >= *series.rule.count ? 1 : *series.rule.count - used);
}

/// The first part of a split series ends where the second begins, whatever its rule is.
core::Result<void> keep_split(const std::optional<core::Until>& split, Series& series) {
    if (series.successor.empty() || !split) return {};
    if (series.rule.count)
        return core::invalid_argument("every",
                                      "a series that was split ends where it was split; "
                                      "give a rule without a number of times");
    if (!series.rule.until || series.rule.until->local > split->local) series.rule.until = split;
    return {};
}

core::Result<void> read_times(const ipc::SeriesChange& change, const Schedule& old,
                              const Slot& from, const Begin& begin, Series& series, Handling& h) {
    const auto zone = core::TimeZone::load(change.tz.empty() ? series.tzid : change.tz);
    if (!zone) return tl::unexpected(zone.error());
    series.overrides.clear();  // they were of the rule before
    series.rdates.clear();
    series.exdates.clear();
    if (!change.every.empty()) {
        const auto split = series.rule.until;
        if (auto read = read_rule(change, begin, *zone, series, h); !read) return read;
        return keep_split(split, series);
    }
    shorten(old, from, series);
    return read_time(change, from, *zone, series, h);
}

}  // namespace

core::Result<Series> find_running(Handling& h, const std::string& reference) {
    auto series = h.unit.find_series(h.user, reference);
    if (!series || !series->ended) return series;
    return core::failed_precondition(
        "series", "the series has ended, on " + core::format_utc(*series->ended));
}

bool changes_times(const ipc::SeriesChange& change) {
    return !change.every.empty() || !change.at.empty() || !change.tz.empty();
}

core::Result<Series> with_change(const Series& series, const Schedule& old,
                                 const ipc::SeriesChange& change, const Slot& from,
                                 const Begin& begin, Handling& h) {
    Series after = series;
    auto content = core::edited(series.content, change.edit);
    if (!content) return tl::unexpected(content.error());
    after.content = std::move(*content);
    auto policies = core::applied(series.policies, change.policies, true);
    if (!policies) return tl::unexpected(policies.error());
    after.policies = std::move(*policies);
    if (changes_times(change))
        if (auto read = read_times(change, old, from, begin, after, h); !read)
            return tl::unexpected(read.error());
    if (auto good = core::check_policies(after.policies, after.rule); !good)
        return tl::unexpected(good.error());
    if (auto good = check_expected(after, h); !good) return tl::unexpected(good.error());
    return after;
}

core::TaskContent with_edit(const core::TaskContent& content, core::TaskEdit edit) {
    const auto& tags = edit.tags ? *edit.tags : content.tags;
    std::erase_if(edit.remove_tags, [&](const auto& tag) {
        return std::find(tags.begin(), tags.end(), tag) == tags.end();
    });
    return core::edited(content, edit).value_or(content);
}

Slot first_open(Handling& h, const Series& series, const Schedule& schedule) {
    const auto open = h.unit.find_open_occurrence(h.user, series.id);
    if (open && open->content.due->at > h.unit.now()) return schedule.slot(*open->recurrence_id);
    const auto last = h.unit.last_decided(h.user, series.id);
    core::check(last.has_value(), "a series has its first occurrence");
    const Slot slot = schedule.slot(*last);
    return core::slot_after(schedule, {}, slot, h.unit.now()).slot.value_or(slot);
}

core::Until until_slot(const Schedule& schedule, const Slot& last) {
    const auto day = floor<days>(last.id.local);
    const auto next = schedule.slots.next_after(last);
    if (!next || floor<days>(next->id.local) > day) return {day, true, false};
    return {core::LocalTime{floor<std::chrono::seconds>(last.at.time_since_epoch())}, false, true};
}

std::optional<Slot> first_to_come(Handling& h, const Series& series, const Schedule& schedule) {
    const auto open = h.unit.find_open_occurrence(h.user, series.id);
    const bool is_ahead = open && open->content.due->at > h.unit.now();
    if (open && (is_ahead || series.policies.anchor == core::Anchor::completion))
        return schedule.slot(*open->recurrence_id);
    if (series.policies.anchor == core::Anchor::completion) return {};
    auto first = core::slot_after(schedule, {}, {}, h.unit.now()).slot;
    // What was closed ahead of its time does not come.
    if (const auto last = h.unit.last_decided(h.user, series.id); first && last && !open)
        if (const Slot slot = schedule.slot(*last); *first <= slot)
            first = schedule.slots.next_after(slot);
    return first;
}

std::vector<core::CalendarTime> slots_to_come(Handling& h, const Series& series,
                                              const Schedule& schedule, std::size_t count) {
    const auto first = series.ended ? std::nullopt : first_to_come(h, series, schedule);
    if (!first) return {};
    // The one after the open one is known when that is done.
    if (series.policies.anchor == core::Anchor::completion) return {schedule.at(*first)};
    return core::upcoming(schedule, *first, count);
}

std::vector<core::Reminder> reminders_of(Handling& h, const Series& series) {
    core::Task any;
    any.user = h.user;
    any.series = series.id;
    return h.unit.reminders_of(any);
}

core::Result<void> arm_changed(Handling& h, const Series& series, const Schedule& schedule) {
    if (series.paused) return {};
    const auto first = first_to_come(h, series, schedule);
    for (const auto& reminder : reminders_of(h, series)) {
        if (reminder.snoozed_until) continue;
        const auto after =
            core::armed(core::without_past(reminder, schedule, h.unit.now()), schedule, first);
        if (!after) return tl::unexpected(after.error());
        h.unit.update_reminder(reminder, *after);
    }
    return {};
}

std::string words_of(Handling& h, const Series& series) {
    return view_of(h.unit, series).words + ", " + series.tzid;
}

}  // namespace taskd::daemon
