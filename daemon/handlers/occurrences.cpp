// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/occurrences.h"

#include "core/check.h"
#include "core/describe.h"
#include "core/rfc3339.h"
#include "core/uuid.h"

namespace taskd::daemon {
namespace {

using core::Event;
using core::Series;
using core::Task;

Series ended(const Series& series, const std::optional<core::Timestamp>& when) {
    Series after = series;
    after.ended = when;
    after.revision += 1;
    return after;
}

Series series_of(UnitOfWork& unit, const Task& task) {
    auto series = unit.find_series(task.user, task.series);
    core::check(series.has_value(), "an occurrence's series exists");
    return std::move(*series);
}

/// A stack goes on whether or not this one is open: only its own slot is silenced or sounded.
core::Result<void> rearm_stacked(UnitOfWork& unit, const Task& task, const core::Schedule& schedule,
                                 const core::Reminder& reminder,
                                 const std::optional<core::Slot>& last) {
    const core::Slot mine = schedule.slot(*task.recurrence_id);
    // One that was moved has its own time, and is passed over then if it is closed.
    if (schedule.is_moved(mine.id)) return {};
    std::optional<core::Slot> from;
    if (reminder.from) from = schedule.slot(*reminder.from);
    if (task.is_open()) {
        if (from && *from <= mine) return {};
        from = mine;
    } else {
        const bool follows_up =
            reminder.fired_slot == mine.id && (reminder.nag_at || reminder.escalate_at);
        if (reminder.next_slot != mine.id && !follows_up) return {};
        if (reminder.next_slot == mine.id) from = schedule.slots.next_after(mine);
    }
    auto after = core::armed(reminder, schedule, from, last);
    if (!after) return tl::unexpected(after.error());
    if (reminder.fired_slot != mine.id) after = core::keep_follow_up(*after, reminder);
    unit.update_reminder(reminder, *after);
    return {};
}

}  // namespace

core::Result<core::Schedule> schedule_for(UnitOfWork& unit, const Series& series) {
    return core::schedule_of(series, unit.user_settings(series.user).holidays);
}

std::optional<core::Slot> last_slot(UnitOfWork& unit, const Series& series,
                                    const core::Schedule& schedule) {
    if (!series.ended) return {};
    const auto last = unit.last_decided(series.user, series.id);
    core::check(last.has_value(), "a series has its first occurrence");
    return schedule.slot(*last);
}

std::optional<core::Slot> slot_from_completion(UnitOfWork& unit, const Series& series,
                                               const core::Schedule& schedule) {
    if (series.rule.count && unit.count_made(series.user, series.id) >= *series.rule.count)
        return {};
    auto slot = core::slot_from(schedule, series, unit.now());
    // Done twice on one day, or early: then it counts from the furthest slot there was (P5).
    if (slot && unit.is_decided(series.user, series.id, slot->id))
        if (const auto furthest = unit.furthest_slot(series.user, series.id))
            slot = core::slot_from(schedule, series, schedule.slot(*furthest).at);
    return slot;
}

core::NextSlot what_follows(UnitOfWork& unit, const Series& series, const core::Schedule& schedule,
                            const core::Slot& closed, const std::optional<core::Timestamp>& done) {
    if (series.policies.anchor == core::Anchor::completion)
        return {slot_from_completion(unit, series, schedule), {}};
    return core::slot_after(schedule, series.policies, closed, unit.now(), done);
}

ipc::SeriesView view_of(UnitOfWork& unit, const Series& series) {
    const core::CalendarTime dtstart{series.dtstart, series.is_date, series.tzid, {}};
    ipc::SeriesView view{series, core::describe(series.rule, dtstart), {}, 0};
    if (series.policies.anchor == core::Anchor::completion) view.words += ", after completion";
    if (const auto open = unit.find_open_occurrence(series.user, series.id); open) {
        view.next = open->content.due;
        view.open_task = open->number;
    }
    return view;
}

Task create_occurrence(UnitOfWork& unit, const Series& series, const core::Schedule& schedule,
                       const core::Slot& slot) {
    Task task;
    task.id = core::TaskId{core::uuid_v4(unit.random())};
    task.user = series.user;
    task.number = unit.next_task_number(series.user);
    task.content = series.content;
    task.content.due = schedule.at(slot);
    task.series = series.id;
    task.recurrence_id = slot.id;
    task.created = task.modified = unit.now();
    unit.insert_task(task);
    unit.put_created(task, slot.position);
    if (schedule.override_of(slot.id) != nullptr) unit.mark_moved(task);
    unit.append_event(task.user, {"task.created", task.id.str(), task});
    return task;
}

void put_skipped(UnitOfWork& unit, const Series& series, const core::Schedule& schedule,
                 const std::string& about, const std::vector<core::SkippedSlots>& runs) {
    for (const auto& run : runs) {
        unit.put_skipped(series.user, series.id, run, schedule.slot(run.from).position);
        unit.append_event(series.user,
                          {"occurrence.skipped", about, core::OccurrenceSkipped{series.id, run}});
    }
}

void go_on(UnitOfWork& unit, const Series& series, const core::Schedule& schedule,
           const std::string& about, const core::NextSlot& next, Succession& result,
           const std::optional<core::Timestamp>& again) {
    put_skipped(unit, series, schedule, about, next.skipped);
    result.skipped = next.skipped;
    if (next.slot) {
        result.next = create_occurrence(unit, series, schedule, *next.slot);
        if (series.policies.overlap != core::Overlap::stack) return;
        Series after = series;
        after.next = again ? again : std::optional(result.next->content.due->at);
        unit.update_series(series, after);
        return;
    }
    Series after = ended(series, unit.now());
    after.next.reset();
    unit.update_series(series, after);
    unit.append_event(series.user, {"series.ended", series.id.str(), after});
    result.series_ended = true;
}

core::Result<Succession> succeed(UnitOfWork& unit, const Task& closed,
                                 const core::NextSlot* known) {
    Succession result;
    const Series series = series_of(unit, closed);
    const auto schedule = schedule_for(unit, series);
    if (!schedule) return tl::unexpected(schedule.error());
    const bool stack = series.policies.overlap == core::Overlap::stack;
    // An occurrence that has a successor already makes no second one (P5).
    if (!stack && unit.find_successor(closed)) return result;

    const core::Slot slot = schedule->slot(*closed.recurrence_id);
    const bool by_schedule = series.policies.anchor == core::Anchor::schedule;
    if (stack || series.paused || series.ended) {
        // It makes no next one; what had passed by then is decided now, the rest when it resumes.
        result.series_ended = series.ended.has_value();
        result.series_paused = series.paused.has_value();
        if (!stack && by_schedule) {
            const auto until = series.ended ? *series.ended : *series.paused;
            result.skipped = core::slot_after(*schedule, {}, slot, until).skipped;
            put_skipped(unit, series, *schedule, closed.id.str(), result.skipped);
        }
    } else {
        const auto next = known != nullptr
                              ? *known
                              : what_follows(unit, series, *schedule, slot, closed.completed);
        go_on(unit, series, *schedule, closed.id.str(), next, result);
    }
    const auto from = result.next ? result.next->recurrence_id : std::nullopt;
    if (auto armed = rearm(unit, closed, from); !armed) return tl::unexpected(armed.error());
    return result;
}

core::Result<void> fire_series(UnitOfWork& unit, const Timer& timer) {
    const auto series = unit.find_series(timer.user, core::SeriesId{timer.ref});
    if (!series || series->next != timer.due) {
        unit.erase_timer(timer);
        return {};
    }
    const auto schedule = schedule_for(unit, *series);
    if (!schedule) return tl::unexpected(schedule.error());
    const auto last = unit.last_decided(timer.user, series->id);
    core::check(last.has_value(), "a series has its first occurrence");
    const auto step =
        core::stack_after(*schedule, series->policies, schedule->slot(*last), unit.now());
    Succession result;
    go_on(unit, *series, *schedule, series->id.str(), step.next, result, step.again);
    return {};
}

core::Result<std::int64_t> take_back_successor(UnitOfWork& unit, const Task& task) {
    if (!unit.owns_slot(task))
        return core::failed_precondition(
            "task",
            "task " + std::to_string(task.number) +
                " went away when the occurrence before it was opened again; its slot is the "
                "series' own now");
    std::int64_t removed = 0;
    if (series_of(unit, task).policies.overlap == core::Overlap::stack) return removed;
    if (const auto successor = unit.find_successor(task)) {
        const std::string number = std::to_string(successor->number);
        if (!successor->is_open() || successor->revision != 1)
            return core::failed_precondition(
                "task",
                "the next occurrence, task " + number + ", was changed already (" +
                    (successor->deleted ? "deleted" : std::string(to_string(successor->status))) +
                    "), so this one can't be opened again",
                "taskctl show " + number);
        Task gone = *successor;
        gone.deleted = gone.modified = unit.now();
        gone.revision += 1;
        unit.update_task(*successor, gone);
        unit.append_event(task.user, {"task.deleted", gone.id.str(), gone});
        removed = successor->number;
    }
    unit.erase_slots_after(task);
    const Series series = series_of(unit, task);
    if (const auto expectation = unit.find_expectation(series.user, series.id);
        expectation && series.ended && unit.find_expectation(series.user, expectation->name))
        return core::failed_precondition(
            "task", "another " + expectation->name + " is expected since its series has ended",
            "taskctl expect " + expectation->name);
    if (series.ended && !series.ended_by_user) {
        const Series after = ended(series, {});
        unit.update_series(series, after);
        unit.append_event(series.user, {"series.updated", series.id.str(), after});
    }
    return removed;
}

core::Result<void> rearm(UnitOfWork& unit, const Task& task,
                         const std::optional<core::RecurrenceId>& from_slot) {
    for (const auto& reminder : unit.reminders_of(task)) {
        if (task.series.empty()) {
            const auto after = core::armed(
                reminder, task.is_open() ? core::base_of(reminder, task.content) : std::nullopt);
            if (!after) return tl::unexpected(after.error());
            unit.update_reminder(reminder, *after);
            continue;
        }
        const Series series = series_of(unit, task);
        const auto schedule = schedule_for(unit, series);
        if (!schedule) return tl::unexpected(schedule.error());
        const auto last = last_slot(unit, series, *schedule);
        if (series.policies.overlap == core::Overlap::stack && !series.paused) {
            auto armed = rearm_stacked(unit, task, *schedule, reminder, last);
            if (!armed) return armed;
            continue;
        }
        const auto from =
            from_slot && !series.paused ? std::optional(schedule->slot(*from_slot)) : std::nullopt;
        // An ended series has the slot of its open task, and none after it.
        auto after = core::armed(reminder, *schedule, from, last);
        if (!after) return tl::unexpected(after.error());
        unit.update_reminder(reminder, *after);
    }
    return {};
}

}  // namespace taskd::daemon
