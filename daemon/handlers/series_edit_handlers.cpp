// SPDX-License-Identifier: Apache-2.0
// Changes of a whole series, or of all its slots from one on.
#include "core/check.h"
#include "core/plan.h"
#include "core/rfc3339.h"
#include "core/uuid.h"
#include "core/when.h"
#include "daemon/handlers/occurrences.h"
#include "daemon/handlers/series_handlers.h"
#include "daemon/handlers/task_words.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

using core::Schedule;
using core::Series;
using core::Slot;
using core::Task;
using std::chrono::days;
using std::chrono::floor;
using std::chrono::seconds;

constexpr std::int64_t open_tasks_max = 1000;  // of one series, that an edit reaches
constexpr std::int64_t end_after_max = 10'000;

core::Result<Series> find_running(Handling& h, const std::string& reference) {
    auto series = h.unit.find_series(h.user, reference);
    if (!series || !series->ended) return series;
    return core::failed_precondition(
        "series", "the series has ended, on " + core::format_utc(*series->ended));
}

bool changes_times(const ipc::SeriesChange& change) {
    return !change.every.empty() || !change.at.empty() || !change.tz.empty();
}

/// DTSTART and rule as the words want them. Only another time of day keeps the days of the rule:
/// the new DTSTART is the first slot from `from` on.
core::Result<void> read_rule(const ipc::SeriesChange& change, const Slot& from, Series& series,
                             Handling& h) {
    const auto zone = core::TimeZone::load(change.tz.empty() ? series.tzid : change.tz);
    if (!zone) return tl::unexpected(zone.error());
    std::string at = change.at;
    if (!change.every.empty()) {
        const auto every = core::parse_every(change.every);
        if (!every) return tl::unexpected(every.error());
        // Another rule keeps the time of day, unless it says one itself.
        if (at.empty() && !every->at && !series.is_date && !core::has_times(every->rule))
            at = core::format_local(series.dtstart).substr(11);
        const auto plan = core::plan_of(*every, at, h.unit.now(), *zone);
        if (!plan) return tl::unexpected(plan.error());
        series.rule = plan->rule;
        series.dtstart = plan->dtstart.local;
        series.is_date = plan->dtstart.is_date;
        series.tzid = plan->dtstart.tzid;
        if (!plan->after_completion) return {};
        core::PolicyWords words;
        words.anchor = "completion";
        auto policies = core::applied(series.policies, words, true);
        if (!policies) return tl::unexpected(policies.error());
        series.policies = std::move(*policies);
        return {};
    }
    const auto day = floor<days>(from.id.local);
    auto clock = series.dtstart - floor<days>(series.dtstart);
    if (!at.empty()) {
        const auto when = core::parse_when("at", at, h.unit.now(), *zone);
        if (!when) return tl::unexpected(when.error());
        if (!when->bare_time)
            return core::invalid_argument("at", "use a time of day; another day is another rule");
        clock = when->time.local - floor<days>(when->time.local);
        series.is_date = false;
    }
    series.dtstart = day + clock;
    series.tzid = zone->name();
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

core::Result<void> read_change(const ipc::SeriesChange& change, const Schedule& old,
                               const Slot& from, Series& series, Handling& h) {
    auto content = core::edited(series.content, change.edit);
    if (!content) return tl::unexpected(content.error());
    series.content = std::move(*content);
    auto policies = core::applied(series.policies, change.policies, true);
    if (!policies) return tl::unexpected(policies.error());
    series.policies = std::move(*policies);
    if (changes_times(change)) {
        if (change.every.empty()) shorten(old, from, series);
        if (auto read = read_rule(change, from, series, h); !read) return read;
        series.overrides.clear();  // they were of the rule before
        series.rdates.clear();
        series.exdates.clear();
    }
    return core::check_policies(series.policies, series.rule);
}

std::vector<core::Reminder> reminders_of(Handling& h, const Series& series) {
    Task any;
    any.user = h.user;
    any.series = series.id;
    return h.unit.reminders_of(any);
}

core::Result<void> arm(Handling& h, const Series& series, const Schedule& schedule,
                       const std::optional<Slot>& from) {
    for (const auto& reminder : reminders_of(h, series)) {
        if (series.paused || reminder.snoozed_until) continue;
        // The slots of another rule may be the same hours: what went off before stays so.
        const auto after = core::armed(reminder, schedule, from);
        if (!after) return tl::unexpected(after.error());
        h.unit.update_reminder(reminder, *after);
    }
    return {};
}

/// Gives an open task that is still ahead the slot of the new rule.
Task reslot(Handling& h, const Task& task, const Series& series, const Schedule& schedule,
            const Slot& slot) {
    Task after = task;
    h.unit.erase_slot(task);
    after.series = series.id;
    after.recurrence_id = slot.id;
    after.content.due = schedule.at(slot);
    after.modified = h.unit.now();
    after.revision += 1;
    h.unit.update_task(task, after);
    h.unit.put_created(after, slot.position);
    return after;
}

std::string words_of(UnitOfWork& unit, const Series& series) {
    return view_of(unit, series).words + ", " + series.tzid;
}

/// The first slot that no row tells of: where a changed rule takes over.
Slot first_open(Handling& h, const Series& series, const Schedule& schedule) {
    const auto open = h.unit.find_open_occurrence(h.user, series.id);
    if (open && open->content.due->at > h.unit.now()) return schedule.slot(*open->recurrence_id);
    const auto last = h.unit.last_decided(h.user, series.id);
    core::check(last.has_value(), "a series has its first occurrence");
    const Slot slot = schedule.slot(*last);
    return core::slot_after(schedule, {}, slot, h.unit.now()).slot.value_or(slot);
}

}  // namespace

core::Result<ipc::SeriesChanged> update_series(const ipc::SeriesUpdate& request, Handling& h) {
    const auto series = find_running(h, request.series);
    if (!series) return tl::unexpected(series.error());
    const auto old = schedule_for(h.unit, *series);
    if (!old) return tl::unexpected(old.error());
    Series after = *series;
    const Slot from = first_open(h, *series, *old);
    if (auto read = read_change(request.change, *old, from, after, h); !read)
        return tl::unexpected(read.error());
    const auto schedule = schedule_for(h.unit, after);
    if (!schedule) return tl::unexpected(schedule.error());
    ipc::SeriesChanged reply;
    if (after == *series) {
        reply.warnings.emplace_back("nothing is different; nothing was changed");
        reply.series = view_of(h.unit, *series);
        return reply;
    }
    after.revision += 1;
    const bool stack = after.policies.overlap == core::Overlap::stack;
    const auto newest = h.unit.find_open_occurrence(h.user, series->id);
    std::optional<Slot> ahead;
    std::vector<core::SkippedSlots> passed;
    if (changes_times(request.change)) {
        const auto next = core::slot_after(*schedule, {}, {}, h.unit.now());
        ahead = next.slot;
        passed = next.skipped;
    }
    for (const auto& task : h.unit.open_tasks_of(h.user, series->id, open_tasks_max)) {
        Task changed = task;
        const auto edited = core::edited(task.content, request.change.edit);
        // A tag that this task does not have can't be taken from it; the rest of the edit holds.
        if (edited) changed.content = *edited;
        const bool moves = ahead && newest && task.id == newest->id &&
                           task.content.due->at > h.unit.now() && changes_times(request.change);
        if (moves && !h.unit.is_decided(h.user, series->id, ahead->id)) {
            put_skipped(h.unit, after, *schedule, after.id.str(), passed);
            changed = reslot(h, task, after, *schedule, *ahead);
            changed.content.summary = edited ? edited->summary : changed.content.summary;
        }
        if (edited) {
            auto content = *edited;
            content.due = changed.content.due;
            changed.content = content;
        }
        if (changed == task) continue;
        changed.revision = task.revision + 1;
        changed.modified = h.unit.now();
        h.unit.update_task(task, changed);
        h.unit.append_event(h.user, {"task.updated", changed.id.str(), changed});
        reply.tasks.push_back(changed);
    }
    after.next.reset();
    if (stack && !after.paused) {
        const auto last = h.unit.last_decided(h.user, series->id);
        after.next = std::max(schedule->at(schedule->slot(*last)).at, h.unit.now());
    }
    h.unit.update_series(*series, after);
    h.unit.append_event(h.user, {"series.updated", after.id.str(), after});
    const auto open = h.unit.find_open_occurrence(h.user, series->id);
    auto first = core::slot_after(*schedule, {}, {}, h.unit.now()).slot;
    if (open && after.policies.anchor == core::Anchor::completion)
        first = schedule->slot(*open->recurrence_id);
    else if (open && first && !stack)
        first = std::max(*first, schedule->slot(*open->recurrence_id));
    if (changes_times(request.change) || after.policies != series->policies)
        if (auto armed = arm(h, after, *schedule, first); !armed)
            return tl::unexpected(armed.error());
    reply.series = view_of(h.unit, after);
    reply.understood = words_of(h.unit, after);
    return reply;
}

core::Result<ipc::SeriesChanged> split_series(const ipc::SeriesSplit& request, Handling& h) {
    const auto series = find_running(h, request.series);
    if (!series) return tl::unexpected(series.error());
    const auto old = schedule_for(h.unit, *series);
    if (!old) return tl::unexpected(old.error());
    if (series->policies.anchor == core::Anchor::completion)
        return core::failed_precondition(
            "series", "a series that counts from completion has no later slots to split off",
            "series edit changes it from now on");
    Slot from = first_open(h, *series, *old);
    if (request.recurrence_id) {
        if (!old->slots.contains(*request.recurrence_id))
            return core::invalid_argument("recurrence_id", core::format(*request.recurrence_id) +
                                                               " is not a slot of the series");
        from = old->slot(*request.recurrence_id);
    }
    const auto open = h.unit.find_open_occurrence(h.user, series->id);
    const bool takes_open = open && old->slot(*open->recurrence_id) == from;
    if (!takes_open && h.unit.is_decided(h.user, series->id, from.id))
        return core::failed_precondition("recurrence_id", "the slot " + core::format(from.id) +
                                                              " was decided already; split at the "
                                                              "open one or at one to come");
    const auto before = old->slots.prev_before(from);
    if (!before)
        return core::failed_precondition(
            "recurrence_id", "the slot " + core::format(from.id) + " is the first of the series",
            "series edit changes all of it");

    Series second = *series;
    second.id = core::SeriesId{core::uuid_v4(h.unit.random())};
    second.created = h.unit.now();
    second.revision = 1;
    second.predecessor = series->id;
    second.successor = core::SeriesId{};
    second.next.reset();
    if (!changes_times(request.change)) {
        shorten(*old, from, second);
        second.dtstart = from.id.local;
    }
    if (auto read = read_change(request.change, *old, from, second, h); !read)
        return tl::unexpected(read.error());
    std::erase_if(second.overrides, [&](const auto& one) { return one.id < from.id; });
    const auto schedule = schedule_for(h.unit, second);
    if (!schedule) return tl::unexpected(schedule.error());
    const auto first = core::slot_after(*schedule, second.policies, {}, h.unit.now());
    if (!first.slot)
        return core::invalid_argument("every", "every slot of this rule is in the past");

    Series ended = *series;
    ended.successor = second.id;
    ended.revision += 1;
    ended.rule.count.reset();
    ended.rule.until =
        series->is_date
            ? core::Until{before->id.local, true, false}
            : core::Until{
                  core::LocalTime{floor<seconds>((from.at - seconds{1}).time_since_epoch())}, false,
                  true};
    std::erase_if(ended.overrides, [&](const auto& one) { return one.id >= from.id; });
    ipc::SeriesChanged reply;
    h.unit.insert_series(second);
    h.unit.append_event(h.user, {"series.created", second.id.str(), second});
    if (takes_open) {
        put_skipped(h.unit, second, *schedule, second.id.str(), first.skipped);
        Task moved = reslot(h, *open, second, *schedule, *first.slot);
        if (const auto content = core::edited(moved.content, request.change.edit)) {
            const Task unedited = moved;
            moved.content = *content;
            h.unit.update_task(unedited, moved);
        }
        h.unit.append_event(h.user, {"task.updated", moved.id.str(), moved});
        reply.tasks = {moved};
        if (second.policies.overlap == core::Overlap::stack && !second.paused) {
            const Series unset = second;
            second.next = moved.content.due->at;
            h.unit.update_series(unset, second);
        }
        ended.ended = h.unit.now();
        ended.ended_by_user = true;
        ended.paused.reset();
        ended.next.reset();
    } else {
        Succession begun;
        go_on(h.unit, second, *schedule, second.id.str(), first, begun);
        reply.next = begun.next;
        if (!open && ended.paused) {
            ended.ended = h.unit.now();
            ended.ended_by_user = true;
            ended.paused.reset();
        }
    }
    h.unit.update_series(*series, ended);
    h.unit.append_event(h.user,
                        {ended.ended ? "series.ended" : "series.updated", ended.id.str(), ended});
    const auto shortened = schedule_for(h.unit, ended);
    if (!shortened) return tl::unexpected(shortened.error());
    for (const auto& reminder : reminders_of(h, *series)) {
        core::Reminder copy = reminder;
        copy.id = core::ReminderId{core::uuid_v4(h.unit.random())};
        copy.series = second.id;
        copy.fired_slot.reset();
        copy.firing = 0;
        copy.fired_at.reset();
        copy.acknowledged.reset();
        const auto armed = core::armed(copy, *schedule, second.paused ? std::nullopt : first.slot);
        if (!armed) return tl::unexpected(armed.error());
        h.unit.insert_reminder(*armed);
        const auto next = reminder.next_slot && !ended.ended
                              ? shortened->slots.next_after(*shortened->slots.prev_before(
                                    shortened->slot(*reminder.next_slot)))
                              : std::nullopt;
        const auto rest = core::armed(reminder, *shortened, next);
        if (!rest) return tl::unexpected(rest.error());
        h.unit.update_reminder(reminder, *rest);
    }
    reply.series = view_of(h.unit, *h.unit.find_series(h.user, second.id));
    reply.understood = words_of(h.unit, second);
    return reply;
}

core::Result<ipc::SeriesChanged> end_series_later(const ipc::SeriesEnd& request, Handling& h) {
    const auto series = find_running(h, request.series);
    if (!series) return tl::unexpected(series.error());
    if (request.count != 0 && !request.until.empty())
        return core::invalid_argument("until", "a number and a day are given; keep one");
    if (request.count < 0 || request.count > end_after_max)
        return core::invalid_argument(
            "count", std::to_string(request.count) + " is not accepted; use 1 to 10000");
    const auto old = schedule_for(h.unit, *series);
    if (!old) return tl::unexpected(old.error());
    const bool completion = series->policies.anchor == core::Anchor::completion;
    const auto open = h.unit.find_open_occurrence(h.user, series->id);
    Series after = *series;
    after.revision += 1;
    after.rule.count.reset();
    after.rule.until.reset();
    if (!request.until.empty()) {
        const auto when = core::parse_when("until", request.until, h.unit.now(), old->zone);
        if (!when) return tl::unexpected(when.error());
        after.rule.until = core::Until{floor<days>(when->time.local), true, false};
    } else if (completion) {
        const auto made = h.unit.count_made(h.user, series->id) - (open ? 1 : 0);
        after.rule.count = static_cast<std::uint32_t>(made + request.count);
    } else {
        std::optional<Slot> last = first_open(h, *series, *old);
        if (open) last = old->slot(*open->recurrence_id);
        for (std::int64_t left = request.count; left > 1 && last; --left)
            last = old->kept_from(old->slots.next_after(*last));
        if (!last) return core::invalid_argument("count", "the series has fewer slots to come");
        after.rule.until =
            series->is_date
                ? core::Until{last->id.local, true, false}
                : core::Until{core::LocalTime{floor<seconds>(last->at.time_since_epoch())}, false,
                              true};
    }
    const auto schedule = schedule_for(h.unit, after);
    if (!schedule)
        return core::invalid_argument(
            request.until.empty() ? "count" : "until",
            "the series would have no slot at all; series end without it ends it now");
    h.unit.update_series(*series, after);
    h.unit.append_event(h.user, {"series.updated", after.id.str(), after});
    for (const auto& reminder : reminders_of(h, after)) {
        if (!reminder.next_slot || reminder.snoozed_until) continue;
        const Slot next = schedule->slot(*reminder.next_slot);
        const bool stays = completion || schedule->slots.contains(next.id);
        const auto armed =
            core::armed(reminder, *schedule, stays ? std::optional(next) : std::nullopt);
        if (!armed) return tl::unexpected(armed.error());
        h.unit.update_reminder(reminder, *armed);
    }
    ipc::SeriesChanged reply;
    reply.series = view_of(h.unit, after);
    reply.understood = reply.series.words + ", " + after.tzid;
    return reply;
}

}  // namespace taskd::daemon
