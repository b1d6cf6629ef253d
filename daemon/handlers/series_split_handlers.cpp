// SPDX-License-Identifier: Apache-2.0
// series.split: a slot and all later ones become a series of their own; both stay linked.
#include "core/rfc3339.h"
#include "core/uuid.h"
#include "daemon/handlers/command_handlers.h"
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

/// The series that is split and where: `from` goes over, `before` stays.
struct Point {
    Series series;
    Schedule schedule;
    Slot from;
    Slot before;
    std::optional<Task> open;
    bool takes_open = false;  ///< the open task is the slot's, and goes over with it
};

core::Result<Slot> slot_of(const ipc::SeriesSplit& request, const Series& series,
                           const Schedule& schedule, Handling& h) {
    if (series.policies.anchor == core::Anchor::completion)
        return core::failed_precondition(
            "series", "a series that counts from completion has no later slots to split off",
            "series edit changes it from now on");
    if (!request.recurrence_id) return first_open(h, series, schedule);
    if (schedule.slots.contains(*request.recurrence_id))
        return schedule.slot(*request.recurrence_id);
    return core::invalid_argument(
        "recurrence_id", core::format(*request.recurrence_id) + " is not a slot of the series",
        "series preview lists the next ones");
}

core::Result<Point> read_point(const ipc::SeriesSplit& request, Handling& h) {
    const auto series = find_running(h, request.series);
    if (!series) return tl::unexpected(series.error());
    const auto schedule = schedule_for(h.unit, *series);
    if (!schedule) return tl::unexpected(schedule.error());
    if (h.unit.find_expectation(h.user, series->id))
        return core::failed_precondition(
            "series", "pings are expected for it under one name; change all of it",
            "series edit changes it from now on");
    const auto from = slot_of(request, *series, *schedule, h);
    if (!from) return tl::unexpected(from.error());
    const std::string name = core::format(from->id);
    const auto open = h.unit.find_open_occurrence(h.user, series->id);
    const bool takes_open = open && open->recurrence_id == from->id;
    if (!takes_open && h.unit.is_decided(h.user, series->id, from->id))
        return core::failed_precondition(
            "recurrence_id",
            "the slot " + name + " was decided already; split at the open one or at one to come");
    const auto before = schedule->slots.prev_before(*from);
    if (!before)
        return core::failed_precondition("recurrence_id",
                                         "the slot " + name + " is the first of the series",
                                         "series edit changes all of it");
    return Point{*series, *schedule, *from, *before, open, takes_open};
}

/// COUNT without the slots that stay with the first series.
std::optional<std::uint32_t> rest_of_count(const Point& point) {
    const auto& count = point.series.rule.count;
    const auto first = point.schedule.slots.first_slot();
    if (!count || !first) return count;
    const auto used = point.schedule.slots.count_in(*first, point.before);
    return static_cast<std::uint32_t>(used >= *count ? 1 : *count - used);
}

/// The series that goes on, with the changes.
core::Result<Series> second_of(const Point& point, const ipc::SeriesChange& change, Handling& h) {
    const auto& from = point.from.id;
    const Begin begin{floor<days>(from.local), from.local};
    auto second = with_change(point.series, point.schedule, change, point.from, begin, h);
    if (!second) return second;
    if (!changes_times(change)) {
        second->rule.count = rest_of_count(point);
        second->dtstart = from.local;
    }
    if (second->dtstart < begin.day)
        return core::invalid_argument(
            "every", "it would start on " + core::format_date(second->dtstart) +
                         ", before the slot " + core::format(from) + " that it is split off at");
    std::erase_if(second->overrides, [&](const auto& one) { return one.id < from; });
    std::erase_if(second->rdates, [&](const auto& date) { return date < from.local; });
    second->id = core::SeriesId{core::uuid_v4(h.unit.random())};
    second->created = h.unit.now();
    second->revision = 1;
    second->predecessor = point.series.id;
    second->successor = core::SeriesId{};
    second->next.reset();
    return second;
}

/// The series that was, up to the slot before.
Series first_of(const Point& point, const core::SeriesId& successor, core::Timestamp now) {
    Series first = point.series;
    first.successor = successor;
    first.revision += 1;
    first.rule.count.reset();
    first.rule.until = until_slot(point.schedule, point.before);
    std::erase_if(first.overrides, [&](const auto& one) { return one.id >= point.from.id; });
    std::erase_if(first.rdates, [&](const auto& date) { return date >= point.from.id.local; });
    if (!point.takes_open && (point.open || !first.paused)) return first;
    // Nothing of it is open or to come.
    first.ended = now;
    first.ended_by_user = true;
    first.paused.reset();
    first.pause_note.clear();
    first.next.reset();
    return first;
}

/// The open task becomes the first occurrence of the second series.
Task hand_over(const Task& open, const Series& second, const Schedule& schedule, const Slot& slot,
               const core::TaskEdit& edit, Handling& h) {
    Task after = open;
    h.unit.erase_slot(open);
    after.series = second.id;
    after.recurrence_id = slot.id;
    after.content = with_edit(open.content, edit);
    after.content.due = schedule.at(slot);
    after.modified = h.unit.now();
    after.revision += 1;
    h.unit.update_task(open, after);
    h.unit.put_created(after, slot.position);
    if (schedule.override_of(slot.id) != nullptr) h.unit.mark_moved(after);
    h.unit.append_event(h.user, {"task.updated", after.id.str(), after});
    return after;
}

void begin_second(const Point& point, const Series& second, const Schedule& schedule,
                  const core::NextSlot& first, const core::TaskEdit& edit, Handling& h,
                  ipc::SeriesChanged& reply) {
    if (!point.takes_open) {
        Succession begun;
        go_on(h.unit, second, schedule, second.id.str(), first, begun);
        reply.next = begun.next;
        reply.skipped = begun.skipped;
        return;
    }
    reply.tasks = {hand_over(*point.open, second, schedule, *first.slot, edit, h)};
    if (second.policies.overlap != core::Overlap::stack || second.paused) return;
    Series after = second;
    after.next = std::max(reply.tasks[0].content.due->at, h.unit.now());
    h.unit.update_series(second, after);
}

/// Each reminder goes on with the second series, and with the first as long as that lasts.
core::Result<void> split_reminders(const Series& first, const Series& second,
                                   const Schedule& schedule, const Slot& begin, Handling& h) {
    const auto rest = schedule_for(h.unit, first);
    if (!rest) return tl::unexpected(rest.error());
    for (const auto& reminder : reminders_of(h, first)) {
        core::Reminder copy = reminder;
        copy.id = core::ReminderId{core::uuid_v4(h.unit.random())};
        copy.series = second.id;
        copy.fired_slot.reset();
        copy.passed.reset();
        copy.moved.clear();
        copy.firing = 0;
        copy.fired_at.reset();
        copy.acknowledged.reset();
        const auto armed =
            core::armed(copy, schedule, second.paused ? std::nullopt : std::optional(begin));
        if (!armed) return tl::unexpected(armed.error());
        h.unit.insert_reminder(*armed);

        const auto stays = [&](const std::optional<core::RecurrenceId>& id) {
            return id && !first.ended && rest->slots.contains(*id);
        };
        if (stays(reminder.next_slot) && reminder.snoozed_until) continue;
        const auto left = core::armed(
            reminder, *rest,
            stays(reminder.from) ? std::optional(rest->slot(*reminder.from)) : std::nullopt);
        if (!left) return tl::unexpected(left.error());
        h.unit.update_reminder(reminder, *left);
    }
    return {};
}

}  // namespace

core::Result<ipc::SeriesChanged> split_series(const ipc::SeriesSplit& request, Handling& h) {
    const auto point = read_point(request, h);
    if (!point) return tl::unexpected(point.error());
    const auto second = second_of(*point, request.change, h);
    if (!second) return tl::unexpected(second.error());
    const auto schedule = schedule_for(h.unit, *second);
    if (!schedule) return tl::unexpected(schedule.error());
    const auto begin = point->takes_open
                           ? core::NextSlot{schedule->kept_from(schedule->slots.first_slot()), {}}
                           : core::slot_after(*schedule, second->policies, {}, h.unit.now());
    if (!begin.slot)
        return core::invalid_argument("every", "every slot of this rule is in the past");

    ipc::SeriesChanged reply;
    h.unit.insert_series(*second);
    // Before its first task, which has its timer by it.
    h.unit.put_command(h.user, second->id.str(),
                       h.unit.find_command(h.user, point->series.id.str()));
    h.unit.append_event(h.user, {"series.created", second->id.str(), *second});
    begin_second(*point, *second, *schedule, begin, request.change.edit, h, reply);
    const Series first = first_of(*point, second->id, h.unit.now());
    h.unit.update_series(point->series, first);
    h.unit.append_event(h.user,
                        {first.ended ? "series.ended" : "series.updated", first.id.str(), first});
    wake_commands(*second, h);
    if (auto split = split_reminders(first, *second, *schedule, *begin.slot, h); !split)
        return tl::unexpected(split.error());
    reply.series = view_of(h.unit, *h.unit.find_series(h.user, second->id));
    reply.understood = words_of(h, *second);
    reply.slots = slots_to_come(h, *second, *schedule, slots_echoed);
    return reply;
}

}  // namespace taskd::daemon
