// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/snooze_handlers.h"

#include "core/check.h"
#include "core/span.h"
#include "core/text.h"
#include "core/when.h"
#include "daemon/handlers/channel_deliveries.h"
#include "daemon/handlers/occurrences.h"
#include "daemon/handlers/task_words.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

using core::Reminder;
using core::Task;

/// The reminder that went off last.
const Reminder* last_fired(const std::vector<Reminder>& reminders) {
    const Reminder* last = nullptr;
    for (const auto& reminder : reminders)
        if (reminder.fired_at && (last == nullptr || *reminder.fired_at > *last->fired_at))
            last = &reminder;
    return last;
}

/// The reminder that goes off next.
const Reminder* next_planned(const std::vector<Reminder>& reminders) {
    const Reminder* next = nullptr;
    for (const auto& reminder : reminders)
        if (reminder.next && (next == nullptr || *reminder.next < *next->next)) next = &reminder;
    return next;
}

core::Result<Task> open_task(Handling& h, const std::string& reference) {
    auto task = h.unit.find_task(h.user, reference);
    if (!task || task->is_open()) return task;
    return core::failed_precondition(
        "task", "task " + std::to_string(task->number) + " is " +
                    (task->deleted ? "deleted" : std::string(core::to_string(task->status))) +
                    ", so it reminds no more");
}

tl::unexpected<core::Error> no_reminder(const Task& task, const std::string& because) {
    const std::string number = std::to_string(task.number);
    return core::failed_precondition(
        "task", "task " + number + " has no reminder" + because,
        task.series.empty() ? "taskctl edit " + number + " --remind 10m" : "");
}

/// Whether the reminder went off for an occurrence that is over, and waits for the one that came
/// after its completion.
bool waits_for_another(const Reminder& reminder, const std::optional<core::Series>& series,
                       Handling& h) {
    if (!series || series->policies.anchor != core::Anchor::completion || !reminder.next)
        return false;
    const auto open = h.unit.find_open_occurrence(h.user, series->id);
    return open && open->recurrence_id != reminder.fired_slot;
}

/// "20m", "until monday 9am", "tomorrow": a day without a time means its 9:00.
core::Result<core::Timestamp> read_until(const ipc::ReminderSnooze& request, Handling& h) {
    std::string words(core::trim(request.until));
    if (core::to_lower(words).rfind("until ", 0) == 0)
        words = std::string(core::trim(std::string_view(words).substr(6)));
    std::vector<std::string> warnings;  // a zone that is not known matters little for a snooze
    const auto zone = zone_for({request.tz, request.tz_default, true}, h, warnings);
    if (!zone) return tl::unexpected(zone.error());
    if (const auto span = core::parse_span("until", words); span && span->count() > 0)
        return h.unit.now() + *span;
    const auto when = core::parse_when("until", words, h.unit.now(), *zone);
    if (!when) return tl::unexpected(when.error());
    const auto in_zone = core::TimeZone::load(when->time.tzid);
    if (!in_zone) return tl::unexpected(in_zone.error());
    const auto at =
        when->time.is_date ? in_zone->to_utc(when->time.local + core::day_start).at : when->time.at;
    if (at <= h.unit.now())
        return core::invalid_argument("until", core::describe(when->time) + " is not in the future",
                                      "a span from now is written 10m or 2h");
    return at;
}

core::Result<Reminder> acknowledge(const Reminder& reminder, const Task& task, Handling& h) {
    auto after = core::acknowledged(reminder, h.unit.now());
    if (!after) return tl::unexpected(after.error());
    if (after->snoozed_until || reminder.nag_at || reminder.escalate_at) {
        // Seen: it need not come again for this slot.
        const auto series = h.unit.find_series(h.user, task.series);
        const auto schedule =
            series ? schedule_for(h.unit, *series) : tl::unexpected(core::Error{});
        if (series && !schedule) return tl::unexpected(schedule.error());
        std::optional<core::Slot> from;
        if (series && !series->paused && after->from) from = schedule->slot(*after->from);
        after = series ? core::armed(*after, *schedule, from, last_slot(h.unit, *series, *schedule))
                       : core::armed(*after, core::base_of(*after, task.content));
        if (!after) return tl::unexpected(after.error());
    }
    h.unit.update_reminder(reminder, *after);
    revoke_deliveries(reminder, "acknowledged", h);
    h.unit.append_event(h.user, {"reminder.acknowledged", task.id.str(), *after});
    return *after;
}

}  // namespace

core::Result<ipc::ReminderChanged> snooze_reminder(const ipc::ReminderSnooze& request,
                                                   Handling& h) {
    const auto task = open_task(h, request.task);
    if (!task) return tl::unexpected(task.error());
    const auto until = read_until(request, h);
    if (!until) return tl::unexpected(until.error());
    const auto reminders = h.unit.reminders_of(*task);
    const Reminder* reminder = last_fired(reminders);
    if (reminder == nullptr) reminder = next_planned(reminders);
    if (reminder == nullptr) return no_reminder(*task, reminders.empty() ? "" : " to come");
    Reminder asked = *reminder;
    if (waits_for_another(asked, h.unit.find_series(h.user, task->series), h))
        asked.fired_slot.reset();
    auto after = core::snoozed(asked, *until, h.unit.now());
    if (!after) return tl::unexpected(after.error());
    after->fired_slot = reminder->fired_slot;
    h.unit.update_reminder(*reminder, *after);
    revoke_deliveries(*reminder, "snoozed", h);
    h.unit.append_event(h.user, {"reminder.snoozed", task->id.str(), *after});
    return ipc::ReminderChanged{*task, *after};
}

core::Result<ipc::ReminderChanged> acknowledge_reminder(const ipc::ReminderAcknowledge& request,
                                                        Handling& h) {
    const auto task = h.unit.find_task(h.user, request.task);
    if (!task) return tl::unexpected(task.error());
    const auto reminders = h.unit.reminders_of(*task);
    if (reminders.empty()) return no_reminder(*task, "");
    // Seen is seen: with the last one all that went off and still ask for it.
    const Reminder* last = last_fired(reminders);
    std::optional<Reminder> seen;
    for (const auto& other : reminders) {
        if (last == nullptr || &other == last || !other.fired_at || other.acknowledged) continue;
        auto done = acknowledge(other, *task, h);
        if (!done) return tl::unexpected(done.error());
        seen = std::move(*done);
    }
    if (seen && last->acknowledged) return ipc::ReminderChanged{*task, *seen};
    const auto after = acknowledge(last == nullptr ? reminders.front() : *last, *task, h);
    if (!after) return tl::unexpected(after.error());
    return ipc::ReminderChanged{*task, *after};
}

}  // namespace taskd::daemon
