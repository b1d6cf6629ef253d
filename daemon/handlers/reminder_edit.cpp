// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/reminder_edit.h"

#include "daemon/handlers/channel_deliveries.h"
#include "daemon/handlers/occurrences.h"
#include "daemon/handlers/task_words.h"

namespace taskd::daemon {
namespace {

using core::Reminder;
using core::Result;
using core::Task;

/// A new reminder of a series, from where the one before it was; what is past stays so.
Result<Reminder> armed_for_series(Reminder reminder, const Task& task,
                                  const std::vector<Reminder>& before, Handling& h) {
    if (reminder.anchor != core::ReminderAnchor::due)
        return core::invalid_argument("remind", reminds_by_slots);
    const auto series = h.unit.find_series(h.user, task.series);
    const auto schedule = schedule_for(h.unit, *series);
    if (!schedule) return tl::unexpected(schedule.error());
    std::optional<core::RecurrenceId> from;
    if (!before.empty())
        from = before.front().from;
    else if (!task.is_open())
        return core::failed_precondition(
            "remind",
            "task " + std::to_string(task.number) + " is closed; name the open one of its series");
    else if (!series->paused)
        from = task.recurrence_id;
    reminder.series = series->id;
    return core::armed(core::without_past(reminder, *schedule, h.unit.now()), *schedule,
                       from ? std::optional(schedule->slot(*from)) : std::nullopt,
                       last_slot(h.unit, *series, *schedule));
}

Result<void> replace_all(const ipc::TaskUpdate& request, const Task& task,
                         const std::vector<Reminder>& before, Handling& h,
                         ipc::TaskChanged& reply) {
    const auto zone = zone_for({request.tz, request.tz_default, false}, h, reply.warnings);
    if (!zone) return tl::unexpected(zone.error());
    auto wanted =
        read_reminders(*request.remind, request.channels.value_or(std::vector<std::string>{}),
                       request.reminding, *zone, h);
    if (!wanted) return tl::unexpected(wanted.error());
    for (const auto& old : before) {
        revoke_deliveries(old, "its reminder was replaced", h);
        h.unit.erase_reminder(old);
    }
    for (auto& reminder : *wanted) {
        if (task.series.empty()) reminder.task = task.id;
        const auto armed = task.series.empty() ? armed_for(reminder, task, h)
                                               : armed_for_series(reminder, task, before, h);
        if (!armed) return tl::unexpected(armed.error());
        h.unit.insert_reminder(*armed);
        warn_of(*armed, h, reply.warnings);
    }
    return {};
}

/// The same reminders, to other channels or with another nag, escalation or grace; what is not
/// said stays.
Result<void> tell_otherwise(const ipc::TaskUpdate& request, const Task& task,
                            const std::vector<Reminder>& before, Handling& h,
                            ipc::TaskChanged& reply) {
    if (before.empty())
        return core::failed_precondition(
            "remind", "task " + std::to_string(task.number) + " has no reminder; add --remind 10m");
    const auto& how = request.reminding;
    const auto read = read_reminder_how(how, request.channels, h);
    if (!read) return tl::unexpected(read.error());
    for (const auto& old : before) {
        Reminder after = old;
        if (request.channels) after.channels = read->channels;
        if (!how.grace.empty()) after.grace = read->grace;
        if (!how.nag.empty()) {
            after.nag = read->nag;
            after.nag_max = read->nag_max;
        }
        if (!how.escalate.empty()) {
            after.escalate = read->escalate;
            after.escalate_to = read->escalate_to;
        }
        // What it waits for already comes no later than by the new words.
        after = core::clock_set_back(after, h.unit.now());
        h.unit.erase_reminder(old);
        h.unit.insert_reminder(after);
        warn_of(after, h, reply.warnings);
    }
    return {};
}

/// Those that count from a time which is another one now.
Result<void> move_times(const Task& before, const Task& after,
                        const std::vector<Reminder>& reminders, Handling& h,
                        ipc::TaskChanged& reply) {
    for (const auto& old : reminders) {
        const auto base = core::base_of(old, after.content);
        if (base == core::base_of(old, before.content)) continue;
        Reminder moved = old;
        if (base) {
            // It goes off again for a time that is still to come.
            const auto time = core::time_of(old, *base);
            if (!time) return tl::unexpected(time.error());
            if (*time > h.unit.now()) moved.fired = false;
        }
        const auto armed = core::armed(moved, after.is_open() ? base : std::nullopt);
        if (!armed) return tl::unexpected(armed.error());
        // What still waits to be told is of a time that was changed.
        revoke_deliveries(old, "its task has another time", h);
        h.unit.update_reminder(old, *armed);
        warn_of(*armed, h, reply.warnings);
    }
    return {};
}

}  // namespace

bool edits_reminders(const ipc::TaskUpdate& request) {
    return request.remind || request.channels || request.reminding != ipc::ReminderHow{};
}

Result<void> edit_reminders(const ipc::TaskUpdate& request, const Task& before, const Task& after,
                            Handling& h, ipc::TaskChanged& reply) {
    const auto reminders = h.unit.reminders_of(after);
    if (request.remind) return replace_all(request, after, reminders, h, reply);
    if (edits_reminders(request))
        if (auto told = tell_otherwise(request, after, reminders, h, reply); !told) return told;
    // The slots of a series have times of their own.
    if (!after.series.empty()) return {};
    return move_times(before, after, h.unit.reminders_of(after), h, reply);
}

}  // namespace taskd::daemon
