// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/explain_handlers.h"

#include "core/explain.h"
#include "core/rfc3339.h"
#include "core/when.h"
#include "daemon/handlers/occurrences.h"

#include <algorithm>
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
    if (!subject.gap && !subject.skipped.empty())
        subject.gap = h.unit.gap_at(schedule->at(schedule->slot(subject.skipped[0].from)).at);
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

/// What the task itself says; of a slot without one, what its would say.
core::ExplainSubject subject_of(const core::Task& task, Handling& h) {
    core::ExplainSubject subject{task,
                                 h.unit.is_blocked(task),
                                 h.unit.reminders_of(task),
                                 {},
                                 h.unit.find_series(h.user, task.series),
                                 {},
                                 {},
                                 {}};
    if (!task.id.empty())
        subject.deliveries = h.unit.list_deliveries(h.user, task.id, deliveries_max);
    subject.command = h.unit.find_command(task);
    subject.tzid = h.unit.user_settings(h.user).zone;
    if (const auto channel = h.unit.default_channel(h.user))
        subject.default_channel = channel->name;
    subject.now = h.unit.now();
    if (task.content.due) subject.gap = h.unit.gap_at(task.content.due->at);
    return subject;
}

core::Result<ipc::TaskExplanation> explain_own(const core::Task& task, Handling& h) {
    auto subject = subject_of(task, h);
    subject.runs = h.unit.runs_of(task, runs_max);
    if (!task.is_open()) subject.passed_over = h.unit.skip_reason_of(task);
    add_digests(subject, h);
    if (subject.series)
        if (auto added = add_series(subject, h); !added) return tl::unexpected(added.error());
    ipc::TaskExplanation reply{task, core::explain(subject), {}, {}, {}};
    if (subject.if_done) {
        reply.skipped = subject.if_done->skipped;
        if (subject.if_done->slot) reply.next = subject.schedule->at(*subject.if_done->slot);
    }
    return reply;
}

/// The slots that happen on a day, whatever their own one is; at most so many.
std::vector<core::Slot> slots_on(const core::Schedule& schedule, std::chrono::local_days day) {
    using std::chrono::days;
    constexpr std::size_t slots_max = 2;
    const auto begin = schedule.zone.to_utc(day).at;
    const auto end = schedule.zone.to_utc(day + days{1}).at;
    std::vector<core::Slot> found;
    const auto take = [&](const core::Slot& slot) {
        const auto at = schedule.at(slot).at;
        const bool is_known = std::find(found.begin(), found.end(), slot) != found.end();
        if (at >= begin && at < end && !is_known && found.size() < slots_max) found.push_back(slot);
    };
    for (const auto& change : schedule.overrides)
        if (schedule.slots.contains(change.id)) take(schedule.slot(change.id));
    auto slot = schedule.slots.next_after(begin - std::chrono::milliseconds{1});
    for (; slot && slot->at < end && found.size() < slots_max;
         slot = schedule.slots.next_after(*slot))
        take(*slot);
    // A slot of its own that was moved or shifted away is meant by its own day, too.
    if (found.empty()) {
        slot = schedule.slots.next_after(begin - std::chrono::milliseconds{1});
        if (slot && slot->at < end) found.push_back(*slot);
    }
    return found;
}

/// What the words say; a time of day alone is that of the last slot then, if there was one.
core::Result<core::When> time_meant(const std::string& words, const core::Schedule& schedule,
                                    Handling& h) {
    const auto past = core::parse_past("when", words, h.unit.now(), schedule.zone);
    if (past)
        for (const auto& slot : slots_on(schedule, std::chrono::floor<std::chrono::days>(
                                                       schedule.zone.to_local(past->time.at))))
            if (schedule.at(slot).at == past->time.at) return past;
    return core::parse_when("when", words, h.unit.now(), schedule.zone);
}

/// The slot that is meant by words or by its recurrence id.
core::Result<core::Slot> slot_meant(const std::string& words, const core::Schedule& schedule,
                                    Handling& h) {
    if (const auto id = core::parse_recurrence_id(words); id && schedule.slots.contains(*id))
        return schedule.slot(*id);
    const auto when = time_meant(words, schedule, h);
    if (!when) return tl::unexpected(when.error());
    const auto on_day = slots_on(
        schedule, std::chrono::floor<std::chrono::days>(schedule.zone.to_local(when->time.at)));
    if (on_day.empty()) {
        std::string hint;
        if (const auto next = schedule.slots.next_after(when->time.at))
            hint = "the next one after it is " + core::describe(schedule.at(*next));
        return core::not_found(
            "when", "the series has no slot on " + core::format_date(when->time.local), hint);
    }
    if (when->time.is_date && on_day.size() == 1) return on_day.front();
    const auto at_time = schedule.slots.next_after(when->time.at - std::chrono::milliseconds{1});
    if (!when->time.is_date) {
        for (const auto& slot : on_day)
            if (schedule.at(slot).at == when->time.at) return slot;
        if (at_time && at_time->at == when->time.at) return *at_time;
    }
    if (on_day.size() == 1) return on_day.front();
    return core::invalid_argument(
        "when",
        "the series has several slots on " + core::format_date(when->time.local) +
            "; say which, such as " + core::describe(schedule.at(on_day.front())),
        "series preview lists them");
}

core::Result<ipc::TaskExplanation> explain_slot(const core::Task& known, const std::string& words,
                                                Handling& h) {
    const auto series = h.unit.find_series(h.user, known.series);
    if (!series)
        return core::invalid_argument("when", "task " + std::to_string(known.number) +
                                                  " does not recur, so it has no other slots");
    auto schedule = schedule_for(h.unit, *series);
    if (!schedule) return tl::unexpected(schedule.error());
    const auto slot = slot_meant(words, *schedule, h);
    if (!slot) return tl::unexpected(slot.error());
    if (const auto task = h.unit.task_of_slot(h.user, series->id, slot->id)) {
        auto reply = explain_own(*task, h);
        if (reply) reply->slot = slot->id;
        return reply;
    }
    core::Task task;
    task.user = h.user;
    task.content = series->content;
    task.content.due = schedule->at(*slot);
    task.series = series->id;
    task.recurrence_id = slot->id;
    auto subject = subject_of(task, h);
    subject.is_slot = true;
    subject.schedule = std::move(*schedule);
    subject.passed_with = h.unit.skipped_with(h.user, series->id, slot->id);
    if (const auto open = h.unit.find_open_occurrence(h.user, series->id))
        subject.open_task = open->number;
    return ipc::TaskExplanation{task, core::explain(subject), {}, {}, slot->id};
}

}  // namespace

core::Result<ipc::TaskExplanation> explain_task(const ipc::TaskExplain& request, Handling& h) {
    const auto task = h.unit.find_task(h.user, request.task);
    if (!task) return tl::unexpected(task.error());
    return request.when.empty() ? explain_own(*task, h) : explain_slot(*task, request.when, h);
}

}  // namespace taskd::daemon
