// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/explain_handlers.h"

#include "core/explain.h"
#include "daemon/handlers/occurrences.h"

#include <set>

namespace taskd::daemon {
namespace {

constexpr std::int64_t deliveries_max = 10;
constexpr std::int64_t runs_max = 5;

/// The series' side of the story.
core::Result<void> add_series(core::ExplainSubject& subject, Handling& h) {
    const auto schedule = schedule_for(h.unit, *subject.series);
    if (!schedule) return tl::unexpected(schedule.error());
    subject.schedule = *schedule;
    subject.skipped = h.unit.skipped_before(subject.task, runs_max);
    const auto& series = *subject.series;
    const bool goes_on = subject.task.is_open() && !series.paused && !series.ended &&
                         series.policies.overlap == core::Overlap::one;
    if (goes_on && !h.unit.find_successor(subject.task))
        subject.if_done = what_follows(h.unit, series, *schedule,
                                       schedule->slot(*subject.task.recurrence_id), h.unit.now());
    return {};
}

/// What became of the digests that told of some of the deliveries.
void add_digests(core::ExplainSubject& subject, Handling& h) {
    std::set<core::DeliveryId> ids;
    for (const auto& delivery : subject.deliveries)
        if (!delivery.digest.empty()) ids.insert(delivery.digest);
    for (const auto& id : ids)
        if (auto digest = h.unit.find_delivery(h.user, id))
            subject.deliveries.push_back(std::move(*digest));
}

}  // namespace

core::Result<ipc::TaskExplanation> explain_task(const ipc::TaskExplain& request, Handling& h) {
    const auto task = h.unit.find_task(h.user, request.task);
    if (!task) return tl::unexpected(task.error());
    core::ExplainSubject subject{*task,
                                 h.unit.is_blocked(*task),
                                 h.unit.reminders_of(*task),
                                 h.unit.list_deliveries(h.user, task->id, deliveries_max),
                                 h.unit.find_series(h.user, task->series),
                                 {},
                                 {},
                                 {}};
    subject.command = h.unit.find_command(*task);
    subject.runs = h.unit.runs_of(*task, runs_max);
    if (!task->is_open()) subject.passed_over = h.unit.skip_reason_of(*task);
    subject.tzid = h.unit.user_settings(h.user).zone;
    if (const auto channel = h.unit.default_channel(h.user))
        subject.default_channel = channel->name;
    add_digests(subject, h);
    if (subject.series)
        if (auto added = add_series(subject, h); !added) return tl::unexpected(added.error());
    ipc::TaskExplanation reply{*task, core::explain(subject), {}, {}};
    if (subject.if_done) {
        reply.skipped = subject.if_done->skipped;
        if (subject.if_done->slot) reply.next = subject.schedule->at(*subject.if_done->slot);
    }
    return reply;
}

}  // namespace taskd::daemon
