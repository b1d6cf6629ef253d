// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/reminder_handlers.h"

#include "core/check.h"
#include "core/rfc3339.h"
#include "daemon/handlers/delivery_steps.h"
#include "daemon/handlers/notification_role.h"
#include "daemon/handlers/occurrences.h"
#include "ipc/json.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

using core::Delivery;
using core::Reminder;

constexpr std::int64_t open_max = 100;  // of one slot: there is one per channel

/// What a reminder counts from: its open task, and of a series the schedule.
struct Subject {
    std::optional<core::Task> task;
    std::string summary;
    std::optional<core::Schedule> schedule;
    bool goes_on = true;             ///< the series has slots to come, and is not paused
    std::optional<core::Slot> last;  ///< of a series that makes no task by its schedule now
    bool stack = false;              ///< each slot has a task of its own
};

core::Result<Subject> subject_of(UnitOfWork& unit, const Reminder& reminder) {
    Subject subject;
    if (reminder.series.empty()) {
        subject.task = unit.find_task(reminder.user, reminder.task);
        core::check(subject.task.has_value(), "a reminder's task exists");
        subject.summary = subject.task->content.summary;
        return subject;
    }
    const auto series = unit.find_series(reminder.user, reminder.series);
    core::check(series.has_value(), "a reminder's series exists");
    auto schedule = schedule_for(unit, *series);
    if (!schedule) return tl::unexpected(schedule.error());
    subject.schedule = std::move(*schedule);
    subject.goes_on =
        !series->ended && !series->paused && series->policies.anchor == core::Anchor::schedule;
    if (!subject.goes_on) {
        const auto last = unit.last_decided(series->user, series->id);
        core::check(last.has_value(), "a series has its first occurrence");
        subject.last = subject.schedule->slot(*last);
    }
    subject.stack = series->policies.overlap == core::Overlap::stack;
    subject.task = unit.find_open_occurrence(reminder.user, reminder.series);
    subject.summary = series->content.summary;
    return subject;
}

void add_new(std::vector<std::string>& names, const std::vector<std::string>& more) {
    for (const auto& name : more)
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

/// Where one firing goes: to the reminder's own channels, to those of its escalation, or both.
std::vector<std::string> channels_of(UnitOfWork& unit, const Reminder& reminder,
                                     const core::Firing& firing) {
    std::vector<std::string> names;
    if (firing.due->escalated) names = reminder.escalate_to;
    if (firing.to_usual) add_new(names, reminder.channels);
    const bool to_default = firing.to_usual && reminder.channels.empty();
    const bool all_are_gone = std::none_of(names.begin(), names.end(), [&](const auto& name) {
        return unit.find_channel(reminder.user, name).has_value();
    });
    const auto channel =
        to_default || all_are_gone ? unit.default_channel(reminder.user) : std::nullopt;
    if (!channel) return names;
    // It takes the place of channels that were all removed since.
    if (all_are_gone) names.clear();
    add_new(names, {channel->name});
    return names;
}

void deliver(const Reminder& reminder, const core::Firing& firing, std::int64_t user_seq,
             Handling& h) {
    UnitOfWork& unit = h.unit;
    const auto& fired = *firing.due;
    const auto settings = unit.user_settings(reminder.user);
    const auto waiting = unit.open_deliveries(firing.after, open_max);
    for (const auto& channel : channels_of(unit, reminder, firing)) {
        // What still waits to be told of this slot is told by this one.
        for (const auto& before : waiting)
            if (before.channel == channel && before.revoked.empty())
                suppress(before, "firing " + std::to_string(fired.firing) + " took its place", h);
        Delivery delivery = new_delivery(h);
        delivery.user = reminder.user;
        delivery.reminder = reminder.id;
        delivery.task = fired.task;
        if (fired.recurrence_id) delivery.recurrence_id = core::format(*fired.recurrence_id);
        delivery.channel = channel;
        delivery.firing = fired.firing;
        delivery.event_user_seq = user_seq;
        wait_for_quiet_hours(delivery, settings, unit.now());
        unit.insert_delivery(delivery);
    }
}

std::int64_t append(UnitOfWork& unit, const Reminder& reminder, const Subject& subject,
                    const char* type, core::ReminderFired& fired) {
    fired.summary = subject.summary;
    if (subject.task) fired.task = subject.task->id;
    const std::string about = fired.task.empty() ? reminder.series.str() : fired.task.str();
    return unit.append_event(reminder.user, {type, about, fired});
}

}  // namespace

core::Result<void> fire_reminder(const Timer& timer, Handling& h) {
    UnitOfWork& unit = h.unit;
    const auto reminder = unit.find_reminder(timer.user, core::ReminderId{timer.ref});
    if (!reminder || reminder->next != timer.due) {
        unit.erase_timer(timer);
        return {};
    }
    // What comes of a rule's reminder comes of the rule.
    unit.set_rule_chain(reminder->rule_chain);
    auto subject = subject_of(unit, *reminder);
    if (!subject) return tl::unexpected(subject.error());
    auto firing = subject->schedule
                      ? core::fire(*reminder, *subject->schedule, unit.now(), subject->last)
                      : core::fire(*reminder, subject->task->content.due, unit.now());
    if (!firing) return tl::unexpected(firing.error());
    if (subject->stack && firing->due) {
        // Done ahead of its time, a stacked task reminds no more; the one of this slot is meant.
        subject->task =
            unit.task_of_slot(timer.user, reminder->series, *firing->due->recurrence_id);
        const bool is_open = subject->task ? subject->task->is_open() : subject->goes_on;
        if (!is_open) {
            firing->due.reset();
            // Nobody is told, so nobody is asked again either.
            std::optional<core::Slot> from;
            if (firing->after.from) from = subject->schedule->slot(*firing->after.from);
            auto silent = core::armed(firing->after, *subject->schedule, from, subject->last);
            if (!silent) return tl::unexpected(silent.error());
            firing->after = std::move(*silent);
        }
    }
    if (firing->missed) append(unit, *reminder, *subject, "reminder.missed", *firing->missed);
    if (firing->due) {
        const auto user_seq = append(unit, *reminder, *subject, "reminder.due", *firing->due);
        deliver(*reminder, *firing, user_seq, h);
        if (firing->due->late >= std::chrono::minutes{1})
            h.deliveries.push_back({"reminder", "late", firing->due->late});
        if (!h.settings.roles.notification_app.empty())
            if (const auto event = unit.find_event(timer.user, user_seq))
                tell_notification_app(*event, h);
    }
    unit.update_reminder(*reminder, firing->after);
    return {};
}

}  // namespace taskd::daemon
