// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/reminder_handlers.h"

#include "core/check.h"
#include "core/rfc3339.h"
#include "core/text.h"
#include "core/uuid.h"
#include "daemon/handlers/notification_role.h"
#include "daemon/handlers/occurrences.h"
#include "ipc/json.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

using core::Delivery;
using core::Reminder;

constexpr std::int64_t channels_max = 32;
constexpr std::int64_t timeout_ms_max = 600'000;

/// What a reminder counts from: its open task, and of a series the schedule.
struct Subject {
    std::optional<core::Task> task;
    std::string summary;
    std::optional<core::Schedule> schedule;
    bool goes_on = true;  ///< the series has slots to come, and is not paused
    bool stack = false;   ///< each slot has a task of its own
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
    subject.stack = series->policies.overlap == core::Overlap::stack;
    subject.task = unit.find_open_occurrence(reminder.user, reminder.series);
    subject.summary = series->content.summary;
    return subject;
}

std::vector<std::string> channels_of(UnitOfWork& unit, const Reminder& reminder) {
    if (!reminder.channels.empty()) return reminder.channels;
    if (const auto channel = unit.default_channel(reminder.user)) return {channel->name};
    return {};
}

void deliver(const Reminder& reminder, const core::ReminderFired& fired, std::int64_t user_seq,
             Handling& h) {
    UnitOfWork& unit = h.unit;
    const auto may_go_out = core::after_quiet_hours(unit.user_settings(reminder.user), unit.now());
    for (const auto& channel : channels_of(unit, reminder)) {
        Delivery delivery;
        delivery.id = core::DeliveryId{core::uuid_v7(unit.now(), unit.random())};
        delivery.user = reminder.user;
        delivery.reminder = reminder.id;
        delivery.task = fired.task;
        if (fired.recurrence_id) delivery.recurrence_id = core::format(*fired.recurrence_id);
        delivery.channel = channel;
        delivery.firing = fired.firing;
        delivery.event_user_seq = user_seq;
        delivery.created = unit.now();
        delivery.next_attempt = may_go_out;
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
    auto subject = subject_of(unit, *reminder);
    if (!subject) return tl::unexpected(subject.error());
    auto firing = subject->schedule
                      ? core::fire(*reminder, *subject->schedule, unit.now(), !subject->goes_on)
                      : core::fire(*reminder, subject->task->content.due, unit.now());
    if (!firing) return tl::unexpected(firing.error());
    if (subject->stack && firing->due) {
        // Done ahead of its time, a stacked task reminds no more; the one of this slot is meant.
        subject->task =
            unit.task_of_slot(timer.user, reminder->series, *firing->due->recurrence_id);
        const bool is_open = subject->task ? subject->task->is_open() : subject->goes_on;
        if (!is_open) firing->due.reset();
    }
    if (firing->missed) append(unit, *reminder, *subject, "reminder.missed", *firing->missed);
    if (firing->due) {
        const auto user_seq = append(unit, *reminder, *subject, "reminder.due", *firing->due);
        deliver(*reminder, *firing->due, user_seq, h);
        if (!h.settings.roles.notification_app.empty())
            if (const auto event = unit.find_event(timer.user, user_seq))
                tell_notification_app(*event, h);
    }
    unit.update_reminder(*reminder, firing->after);
    return {};
}

core::Result<ipc::Channel> set_channel(const ipc::ChannelSet& request, Handling& h) {
    const auto& channel = request.channel;
    const bool named = !channel.name.empty() && channel.name.size() <= core::word_bytes_max &&
                       !core::has_control(channel.name) &&
                       channel.name.find_first_of(" \t,\"") == std::string::npos;
    if (!named)
        return core::invalid_argument("name", "\"" + channel.name.substr(0, 64) +
                                                  "\" is not a name; use one word of up to 64 "
                                                  "bytes, such as desk");
    if (channel.kind != "exec")
        return core::invalid_argument(
            "kind", "\"" + channel.kind.substr(0, 64) + "\" is not a kind of channel; use exec");
    std::size_t bytes = 0;
    for (const auto& word : channel.argv) {
        bytes += word.size() + 1;
        if (word.find('\0') != std::string::npos)
            return core::invalid_argument("argv", "has a NUL character, which no program can take");
    }
    if (channel.argv.empty() || channel.argv.front().empty())
        return core::invalid_argument("argv", "is empty; name the program to run",
                                      "taskctl channels set desk exec -- notify-send Reminder");
    if (!h.settings.may_run(channel.argv.front()))
        return tl::unexpected(
            core::Error{core::Reason::permission_denied,
                        "argv: " + core::clipped(channel.argv.front(), 64) +
                            (h.settings.exec_allow->empty()
                                 ? " can't be run: this daemon runs no programs for its users"
                                 : " is not among the programs that this daemon runs: " +
                                       core::join(*h.settings.exec_allow, ", ")),
                        "argv", "the administrator lists them by absolute path as exec.allow"});
    if (bytes > ipc::argv_bytes_max)
        return core::invalid_argument(
            "argv", "is " + std::to_string(bytes) + " bytes long; at most 65536 are accepted");
    if (channel.timeout_ms < 1 || channel.timeout_ms > timeout_ms_max)
        return core::invalid_argument(
            "timeout_ms", std::to_string(channel.timeout_ms) + " is not accepted; use 1 to 600000");
    const auto existing = h.unit.list_channels(h.user);
    const bool is_new = std::none_of(existing.begin(), existing.end(),
                                     [&](const auto& other) { return other.name == channel.name; });
    if (is_new && static_cast<std::int64_t>(existing.size()) >= channels_max)
        return tl::unexpected(core::Error{core::Reason::resource_exhausted,
                                          "there are 32 channels already, the most there can be",
                                          "name", "taskctl channels remove NAME"});
    h.unit.put_channel(h.user, channel);
    return channel;
}

core::Result<ipc::ChannelPage> list_channels(const ipc::ChannelList&, Handling& h) {
    return ipc::ChannelPage{h.unit.list_channels(h.user)};
}

core::Result<ipc::Channel> remove_channel(const ipc::ChannelRemove& request, Handling& h) {
    const auto channel = h.unit.find_channel(h.user, request.name);
    if (!channel) {
        std::vector<std::string> names;
        for (const auto& other : h.unit.list_channels(h.user)) names.push_back(other.name);
        const auto near = core::nearest(request.name, names);
        return core::not_found("name", "there is no channel \"" + request.name + "\"",
                               near.empty() ? "taskctl channels list shows those there are"
                                            : "did you mean \"" + near + "\"?");
    }
    h.unit.erase_channel(h.user, *channel);
    return *channel;
}

}  // namespace taskd::daemon
