// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/series_handlers.h"

#include "core/check.h"
#include "daemon/handlers/command_handlers.h"
#include "daemon/handlers/occurrences.h"
#include "daemon/handlers/series_edit.h"
#include "daemon/handlers/task_handlers.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

using core::Series;

constexpr std::size_t slots_shown = 5;
constexpr std::int64_t occurrences_shown = 20;
constexpr std::int64_t open_tasks_max = 1000;  // of one series

/// Sets the series' reminders to what is still to come from `from` on; none silences them.
core::Result<void> arm(Handling& h, const Series& series, const core::Schedule& schedule,
                       const std::optional<core::Slot>& from) {
    for (const auto& reminder : reminders_of(h, series)) {
        const auto after =
            core::armed(core::without_past(reminder, schedule, h.unit.now()), schedule, from);
        if (!after) return tl::unexpected(after.error());
        h.unit.update_reminder(reminder, *after);
    }
    return {};
}

/// The slot that follows; counted from completion, the one if this one is done in time.
std::optional<core::Slot> slot_behind(const Series& series, const core::Schedule& schedule,
                                      const core::Slot& slot) {
    if (series.policies.anchor == core::Anchor::completion)
        return core::slot_from(schedule, series, schedule.at(slot).at);
    return schedule.kept_from(schedule.slots.next_after(slot));
}

ipc::SeriesSlot preview_slot(const core::Schedule& schedule, const core::Slot& slot) {
    ipc::SeriesSlot shown{core::format(slot.id), schedule.at(slot), {}};
    const auto* changed = schedule.override_of(slot.id);
    if (changed != nullptr && changed->to)
        shown.change = "moved";
    else if (floor<std::chrono::days>(shown.time.local) != floor<std::chrono::days>(slot.id.local))
        shown.change = "shift";
    return shown;
}

void save(UnitOfWork& unit, const Series& before, const Series& after, const char* event) {
    unit.update_series(before, after);
    unit.append_event(after.user, {event, after.id.str(), after});
}

}  // namespace

core::Result<ipc::SeriesPage> list_series(const ipc::SeriesList& request, Handling& h) {
    if (request.limit < 1 || request.limit > core::page_max || request.offset < 0)
        return core::invalid_argument("limit", "use 1 to 1000 per page, and an offset from 0 up");
    auto page = h.unit.list_series(h.user, request);
    for (auto& view : page.series) view = view_of(h.unit, view.series);
    return page;
}

core::Result<ipc::SeriesDetails> get_series(const ipc::SeriesGet& request, Handling& h) {
    const auto series = h.unit.find_series(h.user, request.series);
    if (!series) return tl::unexpected(series.error());
    const auto schedule = schedule_for(h.unit, *series);
    if (!schedule) return tl::unexpected(schedule.error());
    ipc::SeriesDetails details{view_of(h.unit, *series),
                               reminders_of(h, *series),
                               core::describe(series->policies),
                               {},
                               h.unit.newest_occurrences(h.user, series->id, occurrences_shown)};
    details.slots = slots_to_come(h, *series, *schedule, slots_shown);
    return details;
}

core::Result<ipc::SeriesPreviewed> preview_series(const ipc::SeriesPreview& request, Handling& h) {
    if (request.count < 1 || request.count > core::page_max)
        return core::invalid_argument("count", "use 1 to 1000");
    const auto series = h.unit.find_series(h.user, request.series);
    if (!series) return tl::unexpected(series.error());
    const auto schedule = schedule_for(h.unit, *series);
    if (!schedule) return tl::unexpected(schedule.error());
    ipc::SeriesPreviewed reply;
    reply.series = view_of(h.unit, *series);
    const auto count = static_cast<std::size_t>(request.count);
    auto slot = series->ended ? std::nullopt : first_to_come(h, *series, *schedule);
    for (slot = schedule->kept_from(slot); slot && reply.slots.size() < count;
         slot = slot_behind(*series, *schedule, *slot))
        reply.slots.push_back(preview_slot(*schedule, *slot));
    // What follows a completion is not known yet, but something does.
    reply.ends = !slot && series->policies.anchor == core::Anchor::schedule;
    return reply;
}

core::Result<ipc::SeriesChanged> pause_series(const ipc::SeriesPause& request, Handling& h) {
    const auto series = h.unit.find_series(h.user, request.series);
    if (!series) return tl::unexpected(series.error());
    auto after = core::pause(*series, request.note, h.unit.now());
    if (!after) return tl::unexpected(after.error());
    after->next.reset();
    const auto schedule = schedule_for(h.unit, *series);
    if (!schedule) return tl::unexpected(schedule.error());
    save(h.unit, *series, *after, "series.paused");
    if (auto armed = arm(h, *after, *schedule, {}); !armed) return tl::unexpected(armed.error());
    return ipc::SeriesChanged{view_of(h.unit, *after), {}, {}, {}, {}, {}, {}};
}

/// What a resumed series goes on with, when nothing of it is open or still ahead.
void go_on_after_pause(UnitOfWork& unit, const Series& series, const core::Schedule& schedule,
                       ipc::SeriesChanged& reply) {
    const auto last = unit.last_decided(series.user, series.id);
    core::check(last.has_value(), "a series has its first occurrence");
    const core::Slot slot = schedule.slot(*last);
    if (series.policies.overlap == core::Overlap::stack && schedule.at(slot).at > unit.now()) {
        Series after = series;
        after.next = schedule.at(slot).at;
        unit.update_series(series, after);
        return;
    }
    Succession succession;
    const auto next = series.policies.anchor == core::Anchor::schedule
                          ? core::slot_after_pause(schedule, slot, unit.now())
                          : core::NextSlot{slot_from_completion(unit, series, schedule), {}};
    go_on(unit, series, schedule, series.id.str(), next, succession);
    reply.next = succession.next;
    reply.skipped.insert(reply.skipped.end(), succession.skipped.begin(), succession.skipped.end());
}

/// Whether the time to run its command came while the series was paused.
bool is_commands_of_pause(const core::Task& task, const Series& paused, Handling& h) {
    const auto command = h.unit.find_command(task);
    const auto time = command ? UnitOfWork::command_time(task, *command) : std::nullopt;
    return time && *time > *paused.paused && *time <= h.unit.now();
}

/// Commands do not begin for slots of the pause.
core::Result<void> pass_over_commands(const Series& paused, const core::Schedule& schedule,
                                      Handling& h, ipc::SeriesChanged& reply) {
    for (const auto& task : h.unit.open_tasks_of(h.user, paused.id, open_tasks_max)) {
        if (!is_commands_of_pause(task, paused, h) || h.unit.is_blocked(task)) continue;
        const auto& id = *task.recurrence_id;
        const auto next = core::slot_after_pause(schedule, schedule.slot(id), h.unit.now());
        const bool by_schedule = paused.policies.anchor == core::Anchor::schedule;
        auto closed =
            cancel_occurrence(task, core::SkipReason::paused, h, by_schedule ? &next : nullptr);
        if (!closed) return tl::unexpected(closed.error());
        reply.next = closed->next;
        reply.skipped.push_back({id, id, 1, core::SkipReason::paused});
        reply.skipped.insert(reply.skipped.end(), closed->skipped.begin(), closed->skipped.end());
    }
    return {};
}

/// Of what pings are expected for, nothing waits for one of a time of the pause.
core::Result<void> pass_over_paused(const Series& paused, const core::Schedule& schedule,
                                    Handling& h, ipc::SeriesChanged& reply) {
    const auto expectation = h.unit.find_expectation(h.user, paused.id);
    const auto open = h.unit.find_open_occurrence(h.user, paused.id);
    if (!expectation || !open || open->content.due->at > h.unit.now()) return {};
    const auto next =
        core::slot_after_pause(schedule, schedule.slot(*open->recurrence_id), h.unit.now());
    const bool was_missed = open->content.due->at + expectation->grace < *paused.paused;
    auto closed = cancel_occurrence(
        *open, was_missed ? core::SkipReason::missed : core::SkipReason::paused, h, &next);
    if (!closed) return tl::unexpected(closed.error());
    reply.next = closed->next;
    reply.skipped = closed->skipped;
    return {};
}

core::Result<ipc::SeriesChanged> resume_series(const ipc::SeriesResume& request, Handling& h) {
    const auto series = h.unit.find_series(h.user, request.series);
    if (!series) return tl::unexpected(series.error());
    const auto after = core::resume(*series);
    if (!after) return tl::unexpected(after.error());
    const auto schedule = schedule_for(h.unit, *series);
    if (!schedule) return tl::unexpected(schedule.error());
    save(h.unit, *series, *after, "series.resumed");

    ipc::SeriesChanged reply;
    if (auto closed = pass_over_paused(*series, *schedule, h, reply); !closed)
        return tl::unexpected(closed.error());
    if (auto closed = pass_over_commands(*series, *schedule, h, reply); !closed)
        return tl::unexpected(closed.error());
    // What passed behind an open task is decided when that one is closed, as without the pause.
    const bool stack = series->policies.overlap == core::Overlap::stack;
    const auto goes_on = *h.unit.find_series(h.user, series->id);
    if (!goes_on.ended && (stack || !h.unit.find_open_occurrence(h.user, series->id)))
        go_on_after_pause(h.unit, goes_on, *schedule, reply);
    // Today is not over, but the time of its command may be.
    if (series->is_date)
        if (auto closed = pass_over_commands(*series, *schedule, h, reply); !closed)
            return tl::unexpected(closed.error());
    // From now on; of slots that were closed ahead of their time there is nothing to remind.
    const auto open = h.unit.find_open_occurrence(h.user, series->id);
    auto from = core::slot_after(*schedule, {}, {}, h.unit.now()).slot;
    if (series->policies.anchor == core::Anchor::completion)
        from = open ? std::optional(schedule->slot(*open->recurrence_id)) : std::nullopt;
    else if (open && !stack)
        from = schedule->slot(*open->recurrence_id);
    if (auto armed = arm(h, *after, *schedule, from); !armed) return tl::unexpected(armed.error());
    wake_commands(*after, h);
    reply.series = view_of(h.unit, *h.unit.find_series(h.user, series->id));
    reply.slots = slots_to_come(h, *after, *schedule, slots_echoed);
    return reply;
}

core::Result<ipc::SeriesChanged> end_series(const ipc::SeriesEnd& request, Handling& h) {
    const auto series = h.unit.find_series(h.user, request.series);
    if (!series) return tl::unexpected(series.error());
    if (request.count != 0 || !request.until.empty()) return end_series_later(request, h);
    auto after = core::end(*series, h.unit.now());
    if (!after) return tl::unexpected(after.error());
    after->next.reset();
    const auto schedule = schedule_for(h.unit, *series);
    if (!schedule) return tl::unexpected(schedule.error());
    save(h.unit, *series, *after, "series.ended");
    // What has not begun does not run any more, and nobody is told that no ping came.
    const bool is_expected = h.unit.find_expectation(h.user, series->id).has_value();
    h.unit.erase_expectation(h.user, series->id);
    if (is_expected || h.unit.find_command(h.user, series->id.str()))
        for (const auto& task : h.unit.open_tasks_of(h.user, series->id, open_tasks_max))
            if (is_expected || task.status == core::Status::needs_action)
                if (auto closed = cancel_occurrence(task, core::SkipReason::ended, h); !closed)
                    return tl::unexpected(closed.error());
    const auto open = h.unit.find_open_occurrence(h.user, series->id);
    if (open) {
        // Its own slot still reminds, if its time is to come.
        if (auto armed = rearm(h.unit, *open, open->recurrence_id); !armed)
            return tl::unexpected(armed.error());
    } else if (series->policies.anchor == core::Anchor::completion) {
        if (auto armed = arm(h, *after, *schedule, {}); !armed)
            return tl::unexpected(armed.error());
    } else if (const auto last = h.unit.last_decided(h.user, series->id)) {
        // Ended while it was paused: what passed since the last decision is accounted for.
        const auto next = core::slot_after_pause(*schedule, schedule->slot(*last), h.unit.now());
        put_skipped(h.unit, *after, *schedule, series->id.str(), next.skipped);
        if (auto armed = arm(h, *after, *schedule, {}); !armed)
            return tl::unexpected(armed.error());
    }
    return ipc::SeriesChanged{view_of(h.unit, *after), {}, {}, {}, {}, {}, {}};
}

}  // namespace taskd::daemon
