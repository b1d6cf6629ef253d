// SPDX-License-Identifier: Apache-2.0
// series.update: a series from now on, and its open tasks with it.
#include "daemon/handlers/expectation_handlers.h"
#include "daemon/handlers/occurrences.h"
#include "daemon/handlers/series_edit.h"
#include "daemon/handlers/series_handlers.h"

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

constexpr std::int64_t open_tasks_max = 1000;   // of one series, that an edit reaches
constexpr std::int64_t closed_ahead_max = 100;  // rows behind the open one that are looked at

/// The furthest slot that was decided, the open one aside: what is done is not asked for again.
std::optional<core::RecurrenceId> furthest_closed(Handling& h, const Series& series) {
    const auto open = h.unit.find_open_occurrence(h.user, series.id);
    std::optional<core::RecurrenceId> furthest;
    for (const auto& row : h.unit.newest_occurrences(h.user, series.id, closed_ahead_max)) {
        if (open && row.task == open->number) continue;
        furthest = std::max(furthest, core::parse_recurrence_id(row.last_slot));
    }
    return furthest;
}

Begin begin_after(const std::optional<core::RecurrenceId>& closed) {
    if (!closed) return {};
    return {floor<days>(closed->local) + days{1}, closed->local + seconds{1}};
}

/// A changed series on its way to the store.
struct Change {
    const ipc::SeriesChange& words;
    Series before;
    Series after;
    Schedule old;
    Schedule schedule;
    std::optional<core::RecurrenceId> closed;

    [[nodiscard]] bool moves_slots() const {
        return changes_times(words) || after.policies.shift != before.policies.shift;
    }
};

core::Result<Change> read(const ipc::SeriesUpdate& request, Handling& h) {
    auto series = find_running(h, request.series);
    if (!series) return tl::unexpected(series.error());
    auto old = schedule_for(h.unit, *series);
    if (!old) return tl::unexpected(old.error());
    const auto closed = furthest_closed(h, *series);
    auto after = with_change(*series, *old, request.change, first_open(h, *series, *old),
                             begin_after(closed), h);
    if (!after) return tl::unexpected(after.error());
    auto schedule = schedule_for(h.unit, *after);
    if (!schedule) return tl::unexpected(schedule.error());
    return Change{request.change, *series, *after, *old, *schedule, closed};
}

/// Where an open task that is still ahead goes; what passes by that is skipped.
core::NextSlot target_of(Handling& h, const Change& change, const Task& task) {
    const auto& schedule = change.schedule;
    std::optional<Slot> behind;
    if (!changes_times(change.words))
        behind = schedule.slots.prev_before(schedule.slot(*task.recurrence_id));
    else if (change.closed && change.closed->local >= change.after.dtstart)
        behind = schedule.slot(*change.closed);
    auto next = core::slot_after(schedule, {}, behind, h.unit.now());
    const bool is_taken = next.slot && next.slot->id != task.recurrence_id &&
                          h.unit.is_decided(h.user, change.after.id, next.slot->id);
    return is_taken ? core::NextSlot{} : next;
}

/// Gives an open task the slot of the changed rule, in its row and in `task`.
void reslot(Handling& h, const Change& change, const core::NextSlot& target, Task& task) {
    task.content.due = change.schedule.at(*target.slot);
    if (target.slot->id == task.recurrence_id) return;
    h.unit.erase_slot(task);
    put_skipped(h.unit, change.after, change.schedule, change.after.id.str(), target.skipped);
    task.recurrence_id = target.slot->id;
    h.unit.put_created(task, target.slot->position);
}

/// The old rule's slots that passed behind an open task: the new rule doesn't know of them.
void put_superseded(Handling& h, const Change& change, const Task& open) {
    const Slot slot = change.old.slot(*open.recurrence_id);
    auto passed = core::slot_after(change.old, {}, slot, h.unit.now()).skipped;
    for (auto& run : passed)
        if (run.reason == core::SkipReason::catch_up) run.reason = core::SkipReason::superseded;
    put_skipped(h.unit, change.before, change.old, change.before.id.str(), passed);
}

/// The newest open task follows the slots; one that is due already stays where it was.
void move_newest(Handling& h, const Change& change, Task& task) {
    if (task.content.due->at > h.unit.now()) {
        const auto target = target_of(h, change, task);
        if (target.slot) reslot(h, change, target, task);
    } else if (changes_times(change.words) && !change.before.paused &&
               change.before.policies.anchor == core::Anchor::schedule) {
        put_superseded(h, change, task);
    }
}

void change_tasks(Handling& h, const Change& change, ipc::SeriesChanged& reply) {
    const auto newest = h.unit.find_open_occurrence(h.user, change.after.id);
    for (const auto& task : h.unit.open_tasks_of(h.user, change.after.id, open_tasks_max)) {
        Task after = task;
        after.content = with_edit(task.content, change.words.edit);
        if (change.moves_slots() && newest && newest->id == task.id) move_newest(h, change, after);
        if (after == task) continue;
        after.modified = h.unit.now();
        after.revision += 1;
        h.unit.update_task(task, after);
        h.unit.append_event(h.user, {"task.updated", after.id.str(), after});
        reply.tasks.push_back(after);
    }
}

/// When a stack makes its next task: when the newest has its time.
std::optional<core::Timestamp> next_of_stack(Handling& h, const Change& change) {
    if (change.after.paused || change.after.policies.overlap != core::Overlap::stack) return {};
    const Slot last = change.schedule.slot(*h.unit.last_decided(h.user, change.after.id));
    return std::max(change.schedule.at(last).at, h.unit.now());
}

/// A stack whose newest task is done waits for its time; one at a time, the next comes now.
void go_on_from_stack(Handling& h, const Change& change, ipc::SeriesChanged& reply) {
    const auto& series = change.after;
    if (series.paused || series.policies.overlap == core::Overlap::stack ||
        h.unit.find_open_occurrence(h.user, series.id))
        return;
    const Slot last = change.schedule.slot(*h.unit.last_decided(h.user, series.id));
    const auto next =
        series.policies.anchor == core::Anchor::completion
            ? core::NextSlot{slot_from_completion(h.unit, series, change.schedule), {}}
            : core::slot_after(change.schedule, series.policies, last, h.unit.now());
    Succession succession;
    go_on(h.unit, series, change.schedule, series.id.str(), next, succession);
    reply.next = succession.next;
    reply.skipped = succession.skipped;
}

}  // namespace

core::Result<ipc::SeriesChanged> update_series(const ipc::SeriesUpdate& request, Handling& h) {
    auto change = read(request, h);
    if (!change) return tl::unexpected(change.error());
    ipc::SeriesChanged reply;
    if (change->after == change->before) {
        reply.warnings.emplace_back("nothing is different; nothing was changed");
        reply.series = view_of(h.unit, change->before);
        return reply;
    }
    change_tasks(h, *change, reply);
    change->after.revision += 1;
    change->after.next = next_of_stack(h, *change);
    h.unit.update_series(change->before, change->after);
    h.unit.append_event(h.user, {"series.updated", change->after.id.str(), change->after});
    go_on_from_stack(h, *change, reply);
    if (change->moves_slots() || change->after.policies != change->before.policies)
        if (auto armed = arm_changed(h, change->after, change->schedule); !armed)
            return tl::unexpected(armed.error());
    renew_window(change->after, change->schedule, h);
    reply.series = view_of(h.unit, *h.unit.find_series(h.user, change->after.id));
    reply.understood = words_of(h, change->after);
    reply.slots = slots_to_come(h, reply.series.series, change->schedule, slots_echoed);
    return reply;
}

}  // namespace taskd::daemon
