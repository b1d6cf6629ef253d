// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/zone_handlers.h"

#include "core/text.h"
#include "daemon/handlers/delivery_steps.h"
#include "daemon/handlers/inbound_handlers.h"
#include "daemon/handlers/occurrences.h"
#include "daemon/handlers/run_handlers.h"

#include <array>

namespace taskd::daemon {
namespace {

using Times = Maintenance::Times;

constexpr std::int64_t rows_max = 500;  // a batch short enough not to be felt by a request
// Reminders last: they are computed from what the others are then.
constexpr std::array<std::pair<std::string_view, Times>, 8> stages{{{"series", Times::series},
                                                                    {"task", Times::task},
                                                                    {"reminder", Times::reminder},
                                                                    {"user", Times::user},
                                                                    {"delivery", Times::delivery},
                                                                    {"consumer", Times::consumer},
                                                                    {"handler", Times::handler},
                                                                    {"run", Times::run}}};

void renew_series(UnitOfWork& unit, const core::UserId& user, const core::SeriesId& id) {
    const auto series = unit.find_series(user, id);
    if (!series) return;
    core::Series after = *series;
    for (auto& moved : after.overrides)
        if (moved.to) moved.to = core::renewed(*moved.to);
    const auto last = unit.last_decided(user, id);
    // With `spread` the time is one of a row of tasks made late, not of a slot.
    if (after.next && *after.next > unit.now() && after.policies.spread.count() == 0 && last)
        if (const auto schedule = schedule_for(unit, after))
            after.next = schedule->at(schedule->slot(*last)).at;
    if (after == *series) return;
    after.revision += 1;
    unit.update_series(*series, after);
    unit.append_event(user, {"series.updated", id.str(), after});
}

void renew_task(UnitOfWork& unit, const core::UserId& user, const core::TaskId& id) {
    const auto task = unit.find_task(user, id);
    if (!task) return;
    core::Task after = *task;
    if (after.content.due) after.content.due = core::renewed(*after.content.due);
    if (after.content.start) after.content.start = core::renewed(*after.content.start);
    if (after == *task) return;
    after.revision += 1;
    after.modified = unit.now();
    unit.update_task(*task, after);
    unit.append_event(user, {"task.updated", id.str(), after});
}

void renew_reminder(UnitOfWork& unit, const core::UserId& user, const core::ReminderId& id) {
    const auto reminder = unit.find_reminder(user, id);
    if (!reminder) return;
    core::Reminder after = *reminder;
    if (reminder->series.empty()) {
        const auto task = unit.find_task(user, reminder->task);
        if (!task) return;
        if (after.at) after.at = core::renewed(*after.at);
        const auto changed = core::renewed(after, core::base_of(after, task->content));
        if (changed) after = *changed;  // without its zone it keeps its time
    } else if (const auto series = unit.find_series(user, reminder->series)) {
        const auto schedule = schedule_for(unit, *series);
        if (schedule) after = core::renewed(*reminder, *schedule);
    }
    after = core::clock_set_back(after, unit.now());
    if (after != *reminder) unit.update_reminder(*reminder, after);
}

void renew_agenda(UnitOfWork& unit, const core::UserId& user) {
    if (const auto planned = unit.agenda_time(user))
        unit.set_agenda(user, core::renewed_agenda(unit.user_settings(user), *planned, unit.now()));
}

void renew_delivery(UnitOfWork& unit, const core::UserId& user, const core::DeliveryId& id) {
    const auto delivery = unit.find_delivery(user, id);
    if (!delivery || !delivery->next_attempt) return;
    auto after = core::clock_set_back(*delivery, unit.now());
    const bool is_ahead = *delivery->next_attempt > unit.now() && delivery->created > unit.now();
    // One that was not tried has waited for quiet hours, or for what it is asked again.
    if (!delivery->started && is_ahead && delivery->call)
        after.next_attempt = unit.now();
    else if (!delivery->started && is_ahead)
        wait_for_quiet_hours(after, unit.user_settings(user), unit.now());
    if (after.next_attempt != delivery->next_attempt) unit.update_delivery(*delivery, after);
}

void renew_consumer(UnitOfWork& unit, const core::UserId& user, const std::string& name) {
    const auto consumer = unit.find_consumer(user, name);
    if (!consumer || !consumer->next || *consumer->next <= unit.now()) return;
    unit.shorten_waits(*consumer);
    core::Consumer after = *consumer;
    after.next = unit.next_due(*consumer);
    unit.update_consumer(*consumer, after);
}

void renew(Handling& h, Times times, const core::UserId& user, const std::string& id) {
    UnitOfWork& unit = h.unit;
    switch (times) {
    case Times::series:
        return renew_series(unit, user, core::SeriesId{id});
    case Times::task:
        return renew_task(unit, user, core::TaskId{id});
    case Times::reminder:
        return renew_reminder(unit, user, core::ReminderId{id});
    case Times::user:
        return renew_agenda(unit, user);
    case Times::delivery:
        return renew_delivery(unit, user, core::DeliveryId{id});
    case Times::consumer:
        return renew_consumer(unit, user, id);
    case Times::handler:
        return shorten_handler_wait(user, id, h);
    case Times::run:
        return shorten_run(user, id, h);
    }
}

}  // namespace

std::string renew_instants(Handling& h, Maintenance& maintenance, const std::string& from) {
    auto place = core::split(from.empty() ? "series\n\n" : from, '\n');
    place.resize(3);
    std::int64_t left = rows_max;
    for (std::size_t stage = 0; stage < stages.size(); ++stage) {
        if (stages[stage].first != place[0]) continue;
        const auto rows =
            maintenance.rows_with(stages[stage].second, core::UserId{place[1]}, place[2], left);
        for (const auto& [user, id] : rows) renew(h, stages[stage].second, user, id);
        left -= static_cast<std::int64_t>(rows.size());
        if (left == 0)
            return core::join({place[0], rows.back().first.str(), rows.back().second}, "\n");
        if (stage + 1 < stages.size()) place = {std::string(stages[stage + 1].first), "", ""};
    }
    return {};
}

}  // namespace taskd::daemon
