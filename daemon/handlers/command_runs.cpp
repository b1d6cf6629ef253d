// SPDX-License-Identifier: Apache-2.0
// How a run of a command begins and ends.
#include "core/check.h"
#include "core/rfc3339.h"
#include "core/text.h"
#include "daemon/handlers/command_handlers.h"
#include "daemon/handlers/delivery_steps.h"
#include "daemon/handlers/occurrences.h"
#include "daemon/handlers/task_handlers.h"
#include "ipc/json.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace taskd::daemon {
namespace {

using core::Command;
using core::Delivery;
using core::DeliveryState;
using core::Task;
using std::chrono::milliseconds;

constexpr std::int64_t others_max = 20;
constexpr std::int64_t released_max = 64;  // how many one that ends may let begin

Command command_of(const Delivery& run) {
    auto command = ipc::from_json<Command>(nlohmann::json::parse(run.call->body, nullptr, false));
    core::check(command.has_value(), "a run keeps its command");
    return std::move(*command);
}

std::vector<std::pair<std::string, std::string>> variables_of(const Delivery& run, Handling& h) {
    std::vector<std::pair<std::string, std::string>> variables{
        {"TASKD_RUN_ID", run.id.str()},
        {"TASKD_IDEMPOTENCY_KEY", run.id.str()},
        {"TASKD_ATTEMPT", std::to_string(run.attempts)},
        {"TASKD_USER_ID", run.user.str()},
        {"TASKD_RECURRENCE_ID", run.recurrence_id},
        {"TASKD_SUMMARY", run.call->summary},
        {"TASKD_WHY", run.call->verb}};
    if (run.planned) variables.emplace_back("TASKD_PLANNED", core::format_utc(*run.planned));
    if (const auto task = h.unit.find_task(run.user, run.task)) {
        variables.emplace_back("TASKD_TASK_ID", task->id.str());
        variables.emplace_back("TASKD_TASK_NUMBER", std::to_string(task->number));
    }
    return variables;
}

/// What a rule runs has the event that it is run for, as its standard input and in short.
void add_event(const Delivery& run, Job& job, Handling& h) {
    const auto event = h.unit.find_event(run.user, run.event_user_seq);
    if (!event) return;  // past retention
    job.event = ipc::to_text(*event) + "\n";
    job.variables.emplace_back("TASKD_EVENT_TYPE", event->type);
    job.variables.emplace_back("TASKD_EVENT_ID", event->id);
    job.variables.emplace_back("TASKD_EVENT_SUBJECT", event->subject);
}

/// Why this run has to wait for another one; "" for not.
std::string waits_for(const Delivery& run, Handling& h) {
    const auto& group = run.call->target;
    if (!group.empty() && h.unit.is_group_busy(run.user, group, run.call->path))
        return group == run.call->path ? "waits: the run before it is not over"
                                       : "waits: another command of group " + group + " runs";
    const auto most = h.settings.commands_per_user;
    if (h.unit.count_running(run.user) < most) return "";
    return "waits: " + std::to_string(most) + " commands run, the most there may be";
}

/// What an ended run makes of its task, which it has begun.
core::Result<void> close_task(const Delivery& run, Handling& h) {
    // What was revoked is not the task's any more; its user has decided otherwise.
    if (run.task.empty() || !run.revoked.empty() || run.state == DeliveryState::suppressed)
        return {};
    const auto task = h.unit.find_task(run.user, run.task);
    const bool was_late = run.attempts == 0 && run.expires && *run.finished > *run.expires;
    if (!task || !task->is_open() || (task->status != core::Status::in_process && !was_late))
        return {};
    // Opened again, it has a run of its own.
    for (const auto& other : h.unit.runs_of(*task, others_max))
        if (!other.finished && other.revoked.empty() && other.id != run.id) return {};
    const auto reason = was_late ? core::SkipReason::not_after : core::SkipReason::failed;
    const auto closed = run.state == DeliveryState::succeeded ? complete_occurrence(*task, h)
                                                              : cancel_occurrence(*task, reason, h);
    if (!closed) return tl::unexpected(closed.error());
    return {};
}

/// The default channel hears of it, where the run before had not failed too.
void tell_of_failure(const Delivery& run, std::int64_t seq, Handling& h) {
    const auto channel = h.unit.default_channel(run.user);
    if (!channel) return;
    // Who runs one by hand sees what becomes of it.
    const auto by_hand = [](const Delivery& one) {
        return one.call->verb == core::run_by_trigger || one.call->verb == core::run_by_backfill;
    };
    if (by_hand(run)) return;
    for (const auto& other : h.unit.list_runs(run.user, {run.call->path, false, {}, others_max})) {
        if (other.id == run.id || !other.finished || by_hand(other)) continue;
        if (other.state == DeliveryState::dead) return;
        break;
    }
    tell_channel(channel->name, seq, h, run.rule_chain);
}

void end_run(const Delivery& before, const Delivery& after, Handling& h) {
    const auto seq = end_delivery(before, after, "command", h);
    if (after.finished) {
        auto inner = h.unit.nested("");
        Handling step{inner, before.user, h.settings, h.identity, h.standing, h.received};
        const auto closed = close_task(after, step);
        h.unit.check_alive();
        if (closed) {
            h.unit.adopt(inner.release());
            h.deliveries.insert(h.deliveries.end(), step.deliveries.begin(), step.deliveries.end());
        } else {
            Delivery told = after;
            told.result += "; its task stays open: " + closed.error().message;
            h.unit.update_delivery(after, told);
        }
    }
    if (after.state == DeliveryState::dead) tell_of_failure(after, seq, h);
    release_runs(before.user, h);
}

/// Whether the task's time is one that is passed over, and for what.
core::Result<std::optional<core::SkipReason>> why_passed_over(const Task& task,
                                                              const Command& command, Handling& h) {
    const auto& due = *task.content.due;
    const auto zone = core::TimeZone::load(due.tzid);
    if (!zone) return tl::unexpected(zone.error());
    const auto series = h.unit.find_series(task.user, task.series);
    const bool goes_by_schedule = series && series->policies.anchor == core::Anchor::schedule;
    if (!goes_by_schedule) return core::why_not_run(command, due, *zone, nullptr, 0, h.unit.now());
    const auto schedule = schedule_for(h.unit, *series);
    if (!schedule) return tl::unexpected(schedule.error());
    // The tasks of a stack are made up to those that are on time.
    const bool stack = series->policies.overlap == core::Overlap::stack;
    const auto until = stack ? h.unit.now() - core::on_time : h.unit.now();
    const auto most = core::how_many_run(series->policies);
    std::int64_t newer = 0;
    auto slot = schedule->slot(*task.recurrence_id);
    while (newer < most) {
        const auto after = schedule->kept_from(schedule->slots.next_after(slot));
        // Slots are decided in their order, so one that was moved to later holds those behind it.
        if (!after || schedule->at(*after).at > until) break;
        slot = *after;
        ++newer;
    }
    return core::why_not_run(command, due, *zone, &series->policies, newer, h.unit.now());
}

/// Closes a task whose time is passed over, and says whether it did.
core::Result<bool> pass_over(const Task& task, const Command& command, Handling& h) {
    // One without series has no slot to tell of it: it gets a run that is too late.
    if (task.series.empty()) return false;
    const auto reason = why_passed_over(task, command, h);
    if (!reason) return tl::unexpected(reason.error());
    // One that is too late is told by its run, as one without series.
    if (!*reason || **reason == core::SkipReason::not_after) return false;
    auto inner = h.unit.nested("");
    Handling step{inner, task.user, h.settings, h.identity, h.standing, h.received};
    const auto closed = cancel_occurrence(task, **reason, step);
    h.unit.check_alive();
    if (!closed) return tl::unexpected(closed.error());
    h.unit.adopt(inner.release());
    h.deliveries.insert(h.deliveries.end(), step.deliveries.begin(), step.deliveries.end());
    return true;
}

}  // namespace

void release_runs(const core::UserId& user, Handling& h) {
    const auto room = h.settings.commands_per_user - h.unit.count_running(user);
    if (room <= 0) return;
    for (const auto& id : h.unit.runs_in_line(user, std::min(room, released_max))) {
        const auto waiting = h.unit.find_delivery(user, id);
        Delivery after = *waiting;
        after.next_attempt = h.unit.now();
        h.unit.update_delivery(*waiting, after);
    }
}

Delivery new_run(const Command& command, const RunOf& of, const char* why, Handling& h) {
    constexpr std::size_t line_bytes_max = 1024;
    Delivery run = new_delivery(h);
    core::Call call;
    call.kind = core::Call::Kind::command;
    call.target = of.group;
    call.method = core::clipped(core::command_line(command.argv), line_bytes_max);
    call.verb = why;
    call.path = of.owner;
    call.summary = of.summary;
    call.body = ipc::to_json(command).dump();
    call.key = run.id.str();
    run.call_key = run.id.str();
    // The place in line: what is of the past comes last.
    run.firing = std::string_view(why) == core::run_by_backfill ? 2 : 1;
    run.call = std::move(call);
    return run;
}

std::string group_of(const Command& command, const std::string& owner,
                     const std::optional<core::Series>& series) {
    const bool stack = series && series->policies.overlap == core::Overlap::stack;
    return command.group.empty() && !stack ? owner : command.group;
}

Delivery keep_run(const Task& task, const Command& command, const char* why, Handling& h) {
    const auto series = h.unit.find_series(task.user, task.series);
    const auto& owner = series ? series->id.str() : task.id.str();
    Delivery run =
        new_run(command, {owner, group_of(command, owner, series), task.content.summary}, why, h);
    run.task = task.id;
    if (task.recurrence_id) run.recurrence_id = core::format(*task.recurrence_id);
    if (task.content.due) {
        run.planned = task.content.due->at;
        if (const auto zone = core::TimeZone::load(task.content.due->tzid);
            zone && std::string_view(why) == core::run_by_slot)
            run.expires = core::last_moment(command, task.content.due->at, *zone);
    }
    h.unit.insert_delivery(run);
    return run;
}

std::optional<Job> begin_command(const Timer& timer, Handling& h) {
    const auto task = h.unit.find_task(timer.user, core::TaskId{timer.ref});
    const auto command = task ? h.unit.find_command(*task) : std::nullopt;
    const auto time = command ? UnitOfWork::command_time(*task, *command) : std::nullopt;
    h.unit.erase_timer(timer);
    if (!time || *time > timer.due) return {};  // begun already, or moved to later
    // Whoever lets it go sets the timer again.
    if (h.unit.is_blocked(*task)) return {};
    if (const auto series = h.unit.find_series(task->user, task->series); series && series->paused)
        return {};

    if (auto passed = pass_over(*task, *command, h); !passed) {
        constexpr std::chrono::hours zone_lost_retry{1};
        h.unit.set_timer({timer.kind, h.unit.now() + zone_lost_retry, timer.user, timer.ref});
        return {};
    } else if (*passed) {
        return {};
    }
    Delivery run = keep_run(*task, *command, core::run_by_slot, h);
    if (run.expires && h.unit.now() > *run.expires) return start_run(run, h);  // which ends it
    const auto begun = core::start(*task, h.unit.now());
    core::check(begun.has_value(), "a task that was not begun can be");
    h.unit.update_task(*task, *begun);
    h.unit.append_event(h.user, {"task.started", task->id.str(), *begun});
    if (h.unit.now() - timer.due > core::on_time && command->jitter.count() > 0) {
        // After a night all that is late would begin at once.
        Delivery after = run;
        after.next_attempt = h.unit.now() + core::jitter_of(*command, task->id);
        h.unit.update_delivery(run, after);
        return {};
    }
    return start_run(run, h);
}

std::optional<Job> start_run(const Delivery& run, Handling& h) {
    if (run.expires && h.unit.now() > *run.expires) {
        const core::Outcome late{false, false,
                                 run.attempts == 0 ? "it was too late to begin"
                                                   : "given up, the last attempt: " + run.result,
                                 run.output};
        end_run(run, core::finished(run, late, h.unit.now(), std::nullopt), h);
        return {};
    }
    const bool is_extra = run.task.empty();
    if (is_extra && !h.unit.find_command(run.user, run.call->path)) {
        suppress(run, "its command was removed", h);
        release_runs(run.user, h);  // those behind it are to hear of it, too
        return {};
    }
    Command command = command_of(run);
    // The daemon's own rights are not to be bent by what a program finds around it.
    if (h.settings.exec_allow) {
        command.environment.clear();
        command.directory = "/";
    }
    if (!h.settings.may_run(command.argv.front())) {
        const core::Outcome refused{false, false, "exec.allow does not name this program", ""};
        end_run(run, core::finished(run, refused, h.unit.now(), std::nullopt), h);
        return {};
    }
    if (auto why = waits_for(run, h); !why.empty()) {
        Delivery after = run;
        after.next_attempt.reset();  // until another one ends
        if (run.attempts == 0) after.result = std::move(why);
        h.unit.update_delivery(run, after);
        return {};
    }
    const Delivery after = core::started(run, h.unit.now());
    h.unit.update_delivery(run, after);
    Job job;
    job.user = run.user;
    job.delivery = run.id;
    job.task = run.task;
    job.created = run.created;
    job.command = std::move(command);
    job.variables = variables_of(after, h);
    if (run.event_user_seq != 0) add_event(run, job, h);
    return job;
}

void finish_run(const Delivery& run, const core::Outcome& outcome, Handling& h) {
    const Command command = command_of(run);
    core::Outcome known = outcome;
    // How long one ran that was interrupted is known as little as when it was.
    if (run.started && outcome.result == interrupted && h.unit.now() > *run.started)
        known.took = h.unit.now() - *run.started;
    std::optional<milliseconds> wait;
    if (!outcome.succeeded && outcome.retryable)
        wait = core::next_attempt(command.retry, run.attempts, h.unit.random().next());
    if (wait && run.expires && h.unit.now() + *wait > *run.expires) wait.reset();
    end_run(run, core::finished(run, known, h.unit.now(), wait), h);
}

}  // namespace taskd::daemon
