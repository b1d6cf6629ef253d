// SPDX-License-Identifier: Apache-2.0
// Changes of single slots: skip and move.
#include "core/rfc3339.h"
#include "core/text.h"
#include "core/when.h"
#include "daemon/handlers/occurrences.h"
#include "daemon/handlers/series_edit.h"
#include "daemon/handlers/series_handlers.h"
#include "daemon/handlers/task_handlers.h"
#include "daemon/handlers/task_words.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

using core::Series;
using core::Slot;
using core::Task;

/// The slot that a request means, and its task if it has become one.
struct Meant {
    Slot slot;
    std::optional<Task> task;
};

/// Without an id: the open occurrence, else the next slot that is not left out.
core::Result<Meant> next_meant(Handling& h, const Series& series, const core::Schedule& schedule) {
    if (const auto open = h.unit.find_open_occurrence(h.user, series.id))
        return Meant{schedule.slot(*open->recurrence_id), open};
    const auto last = h.unit.last_decided(h.user, series.id);
    std::optional<Slot> after;
    if (last) after = schedule.slot(*last);
    const auto next = core::slot_after(schedule, {}, after, h.unit.now()).slot;
    if (!next || series.policies.anchor == core::Anchor::completion)
        return core::failed_precondition("recurrence_id", "the series has no slot to come");
    return Meant{*next, {}};
}

core::Result<Meant> meant(Handling& h, const Series& series, const core::Schedule& schedule,
                          const std::optional<core::RecurrenceId>& id) {
    if (!id) return next_meant(h, series, schedule);
    const std::string name = core::format(*id);
    if (auto task = h.unit.task_of_slot(h.user, series.id, *id)) {
        if (task->is_open()) return Meant{schedule.slot(*id), std::move(task)};
        return core::failed_precondition(
            "recurrence_id",
            "the slot " + name + " is task " + std::to_string(task->number) + ", which is " +
                (task->deleted ? "deleted" : std::string(core::to_string(task->status))));
    }
    if (h.unit.is_decided(h.user, series.id, *id))
        return core::failed_precondition("recurrence_id",
                                         "the slot " + name + " was passed over already");
    if (series.policies.anchor == core::Anchor::completion || !schedule.slots.contains(*id))
        return core::invalid_argument("recurrence_id", name + " is not a slot of the series",
                                      "series show lists the next ones");
    return Meant{schedule.slot(*id), {}};
}

/// Puts an override into the series; those of slots long decided make room.
core::Result<Series> with_override(Handling& h, const Series& series, core::SlotOverride change) {
    Series after = series;
    auto& all = after.overrides;
    std::erase_if(all, [&](const auto& one) { return one.id == change.id; });
    if (all.size() >= core::overrides_max) {
        const auto last = h.unit.last_decided(h.user, series.id);
        std::erase_if(all, [&](const auto& one) { return last && one.id < *last; });
    }
    if (all.size() >= core::overrides_max)
        return tl::unexpected(core::Error{core::Reason::resource_exhausted,
                                          "100 slots of the series are changed ahead already, the "
                                          "most there can be",
                                          "recurrence_id", "edit the series itself"});
    all.push_back(std::move(change));
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    after.revision += 1;
    return after;
}

void save(Handling& h, const Series& before, const Series& after) {
    h.unit.update_series(before, after);
    h.unit.append_event(h.user, {"series.updated", after.id.str(), after});
}

/// Sets the reminders anew after `slot` was changed.
core::Result<void> rearm_slot(Handling& h, const Series& series, const core::Schedule& schedule,
                              const Slot& slot) {
    const auto last = last_slot(h.unit, series, schedule);
    for (const auto& reminder : reminders_of(h, series)) {
        const auto after = core::rescheduled(reminder, schedule, slot, h.unit.now(), last);
        if (!after) return tl::unexpected(after.error());
        h.unit.update_reminder(reminder, *after);
    }
    return {};
}

struct Loaded {
    Series series;
    core::Schedule schedule;
    Meant meant;
};
core::Result<Loaded> load(Handling& h, const std::string& reference,
                          const std::optional<core::RecurrenceId>& id) {
    const auto series = h.unit.find_series(h.user, reference);
    if (!series) return tl::unexpected(series.error());
    if (series->ended)
        return core::failed_precondition(
            "series", "the series has ended, on " + core::format_utc(*series->ended));
    const auto schedule = schedule_for(h.unit, *series);
    if (!schedule) return tl::unexpected(schedule.error());
    auto slot = meant(h, *series, *schedule, id);
    if (!slot) return tl::unexpected(slot.error());
    return Loaded{*series, *schedule, std::move(*slot)};
}

/// "10:00" is on the slot's own day; everything else as it says.
core::Result<core::CalendarTime> read_to(const ipc::SeriesMove& request, Handling& h,
                                         const Series& series, const core::CalendarTime& from) {
    std::vector<std::string> warnings;
    const auto zone =
        request.tz.empty() ? core::TimeZone::load(series.tzid) : core::TimeZone::load(request.tz);
    if (!zone) return tl::unexpected(zone.error());
    const auto when = core::parse_when("to", request.to, h.unit.now(), *zone);
    if (!when) return tl::unexpected(when.error());
    auto time = when->time;
    if (when->bare_time) {
        const auto where = core::TimeZone::load(time.tzid);
        if (!where) return tl::unexpected(where.error());
        const auto day = std::chrono::floor<std::chrono::days>(from.local);
        const auto clock = time.local - std::chrono::floor<std::chrono::days>(time.local);
        time = core::calendar_time(day + clock, false, *where);
    }
    if (!time.is_date && time.at <= h.unit.now())
        return core::invalid_argument("to", core::describe(time) + " is not in the future");
    return time;
}

/// The reply with the series as it is now.
core::Result<ipc::SeriesChanged> with_slots(Handling& h, const Series& before,
                                            ipc::SeriesChanged reply) {
    const auto series = h.unit.find_series(h.user, before.id);
    const auto schedule = schedule_for(h.unit, *series);
    if (!schedule) return tl::unexpected(schedule.error());
    reply.series = view_of(h.unit, *series);
    reply.slots = slots_to_come(h, *series, *schedule, slots_echoed);
    return reply;
}

}  // namespace

core::Result<ipc::SeriesChanged> skip_slot(const ipc::SeriesSkip& request, Handling& h) {
    const auto loaded = load(h, request.series, request.recurrence_id);
    if (!loaded) return tl::unexpected(loaded.error());
    const auto& [series, schedule, which] = *loaded;
    ipc::SeriesChanged reply;
    reply.understood = "the slot of " + core::describe(schedule.at(which.slot));
    if (which.task) {
        const auto closed = cancel_occurrence(*which.task, core::SkipReason::user, h);
        if (!closed) return tl::unexpected(closed.error());
        reply.tasks = {closed->task};
        reply.next = closed->next;
        reply.skipped = closed->skipped;
    } else {
        const auto after = with_override(h, series, {which.slot.id, {}});
        if (!after) return tl::unexpected(after.error());
        save(h, series, *after);
        const auto changed = schedule_for(h.unit, *after);
        if (!changed) return tl::unexpected(changed.error());
        if (auto armed = rearm_slot(h, *after, *changed, which.slot); !armed)
            return tl::unexpected(armed.error());
    }
    return with_slots(h, series, std::move(reply));
}

static core::Result<Task> move_occurrence(const Task& task, const core::CalendarTime& to,
                                          Handling& h) {
    Task after = task;
    after.content.due = to;
    after.modified = h.unit.now();
    after.revision += 1;
    h.unit.update_task(task, after);
    h.unit.mark_moved(after);
    return after;
}

core::Result<Series> override_slot(const Series& series, const core::RecurrenceId& id,
                                   const core::CalendarTime& to, Handling& h) {
    if (to.is_date && h.unit.find_expectation(h.user, series.id))
        return core::invalid_argument("to", "needs a time of day: a ping is expected by then");
    auto after = with_override(h, series, {id, to});
    if (!after) return after;
    save(h, series, *after);
    h.unit.append_event(
        h.user, {"occurrence.moved", series.id.str(), core::OccurrenceMoved{series.id, id, to}});
    const auto schedule = schedule_for(h.unit, *after);
    if (!schedule) return tl::unexpected(schedule.error());
    // The newest of a stack is followed when its time comes, which is another one now.
    const auto last = h.unit.last_decided(h.user, series.id);
    if (after->next && last == id) {
        const Series before = *after;
        after->next = schedule->at(schedule->slot(id)).at;
        h.unit.update_series(before, *after);
    }
    if (auto armed = rearm_slot(h, *after, *schedule, schedule->slot(id)); !armed)
        return tl::unexpected(armed.error());
    return after;
}

core::Result<ipc::SeriesChanged> move_slot(const ipc::SeriesMove& request, Handling& h) {
    const auto loaded = load(h, request.series, request.recurrence_id);
    if (!loaded) return tl::unexpected(loaded.error());
    const auto& [series, schedule, which] = *loaded;
    const auto from = which.task ? *which.task->content.due : schedule.at(which.slot);
    const auto to = read_to(request, h, series, from);
    if (!to) return tl::unexpected(to.error());
    ipc::SeriesChanged reply;
    reply.understood =
        "from " + core::describe(from) + " to " + core::describe(*to) + ", " + to->tzid;
    if (which.task) {
        const auto moved = move_occurrence(*which.task, *to, h);
        if (!moved) return tl::unexpected(moved.error());
        h.unit.append_event(h.user, {"task.updated", moved->id.str(), *moved});
        reply.tasks = {*moved};
    }
    const auto after = override_slot(series, which.slot.id, *to, h);
    if (!after) return tl::unexpected(after.error());
    return with_slots(h, series, std::move(reply));
}

}  // namespace taskd::daemon
