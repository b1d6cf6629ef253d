// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/command_handlers.h"

#include "core/text.h"
#include "core/when.h"
#include "daemon/handlers/occurrences.h"
#include "daemon/handlers/task_words.h"

namespace taskd::daemon {
namespace {

using core::Command;
using core::Delivery;
using core::Result;

constexpr std::int64_t runs_max = 1000;
constexpr std::int64_t backfill_max = 1000;
constexpr std::size_t backfill_shown = 20;
constexpr std::int64_t open_tasks_max = 1000;  // of one series

/// In a system daemon programs run with its rights: the administrator names them.
Result<void> check_allowed(const Command& command, const Handling& h) {
    const auto& program = command.argv.front();
    if (h.settings.may_run(program)) return {};
    return tl::unexpected(
        core::Error{core::Reason::permission_denied,
                    "command.argv: \"" + core::clipped(program, 64) +
                        "\" is not among the programs that this daemon runs",
                    "command.argv", "the administrator lists them by absolute path as exec.allow"});
}

/// A task's or series' command, by a reference to either.
struct Found {
    core::Task task;
    std::optional<core::Series> series;
    Command command;
    RunOf of;
};
Result<Found> find(const std::string& reference, Handling& h) {
    const auto task = h.unit.find_task(h.user, reference);
    if (!task) return tl::unexpected(task.error());
    const auto command = h.unit.find_command(*task);
    if (!command)
        return core::failed_precondition(
            "task", "task " + std::to_string(task->number) + " has no command to run",
            "taskctl edit " + std::to_string(task->number) + " --run -- PROGRAM");
    auto series = h.unit.find_series(h.user, task->series);
    const auto owner = series ? series->id.str() : task->id.str();
    RunOf of{owner, group_of(*command, owner, series), task->content.summary};
    return Found{*task, std::move(series), *command, std::move(of)};
}

}  // namespace

// Runs beside the schedule wait for each other, and each has its command with it.
Result<void> check_run_room(std::int64_t more, Handling& h) {
    const auto most = h.settings.quotas.calls;
    if (h.unit.count_open_runs(h.user) + more <= most) return {};
    return tl::unexpected(core::Error{core::Reason::resource_exhausted,
                                      "quota.calls: " + std::to_string(more) +
                                          " more runs would be more than the " +
                                          std::to_string(most) + " that may wait",
                                      "quota.calls", "taskctl runs shows those that do"});
}

Result<std::optional<Command>> read_command(const std::optional<core::CommandEdit>& edit,
                                            const std::optional<Command>& before, Handling& h) {
    if (!edit) return before;
    if (!before && !edit->argv && !edit->remove)
        return core::invalid_argument("command.argv", "is missing; name the program to run");
    core::CommandEdit allowed_edit = *edit;
    if (h.settings.exec_allow) {
        // A program's environment and directory can make it run anything.
        if (!edit->environment.empty() || edit->directory)
            return tl::unexpected(core::Error{
                core::Reason::permission_denied,
                std::string(edit->directory ? "command.directory" : "command.environment") +
                    ": this daemon runs only what its administrator names, as they name it",
                edit->directory ? "command.directory" : "command.environment",
                "a program that the administrator writes can set what it needs"});
        allowed_edit.environment_default.clear();
        allowed_edit.directory_default.reset();
    }
    auto command = core::edited(before, allowed_edit);
    if (!command || !*command) return command;
    if (auto allowed = check_allowed(**command, h); !allowed)
        return tl::unexpected(allowed.error());
    return command;
}

void change_command(const core::Task& task, const std::optional<Command>& command, Handling& h) {
    const auto series = h.unit.find_series(h.user, task.series);
    h.unit.put_command(h.user, series ? series->id.str() : task.id.str(), command);
    if (series)
        wake_commands(*series, h);
    else
        h.unit.wake_command(task);
}

void wake_commands(const core::Series& series, Handling& h) {
    for (const auto& task : h.unit.open_tasks_of(series.user, series.id, open_tasks_max))
        h.unit.wake_command(task);
}

Result<ipc::CommandRunPage> list_runs(const ipc::CommandRuns& request, Handling& h) {
    if (request.limit < 1 || request.limit > runs_max)
        return core::invalid_argument(
            "limit", std::to_string(request.limit) + " is not accepted; use 1 to 1000");
    RunFilter filter{"", request.failed, request.since, request.limit};
    if (!request.task.empty()) {
        const auto task = h.unit.find_task(h.user, request.task);
        if (!task) return tl::unexpected(task.error());
        filter.of = task->series.empty() ? task->id.str() : task->series.str();
    }
    return ipc::CommandRunPage{h.unit.list_runs(h.user, filter)};
}

Result<Delivery> trigger_command(const ipc::CommandTrigger& request, Handling& h) {
    const auto found = find(request.task, h);
    if (!found) return tl::unexpected(found.error());
    if (auto allowed = check_allowed(found->command, h); !allowed)
        return tl::unexpected(allowed.error());
    if (auto room = check_run_room(1, h); !room) return tl::unexpected(room.error());
    const auto run = new_run(found->command, found->of, core::run_by_trigger, h);
    h.unit.insert_delivery(run);
    return run;
}

Result<ipc::CommandBackfilled> backfill_commands(const ipc::CommandBackfill& request, Handling& h) {
    const auto found = find(request.series, h);
    if (!found) return tl::unexpected(found.error());
    if (!found->series)
        return core::failed_precondition("series", "the task does not recur: it has no slots",
                                         "taskctl runs trigger runs it once more");
    if (found->series->policies.anchor == core::Anchor::completion)
        return core::failed_precondition("series",
                                         "its slots count from completion: none has passed unused");
    if (auto allowed = check_allowed(found->command, h); !allowed)
        return tl::unexpected(allowed.error());
    const auto schedule = schedule_for(h.unit, *found->series);
    if (!schedule) return tl::unexpected(schedule.error());
    std::vector<std::string> warnings;
    const auto zone = zone_for({request.tz, request.tz_default, true}, h, warnings);
    if (!zone) return tl::unexpected(zone.error());
    const auto from = core::parse_past("from", request.from, h.unit.now(), *zone);
    if (!from) return tl::unexpected(from.error());
    auto to = core::parse_past("to", request.to, h.unit.now(), *zone);
    // A time of today that is still to come: up to now.
    if (to && to->bare_time && to->time.at < from->time.at)
        to = core::parse_when("to", request.to, h.unit.now(), *zone);
    if (!to) return tl::unexpected(to.error());
    if (to->time.at < from->time.at)
        return core::invalid_argument("to", "is before " + core::describe(from->time));

    ipc::CommandBackfilled reply;
    std::vector<core::Slot> slots;
    auto slot = schedule->slots.first_slot();
    if (const auto before = schedule->slots.prev_before(from->time.at)) slot = *before;
    for (std::optional<core::Slot> next = slot; next; next = schedule->slots.next_after(*next)) {
        const auto at = schedule->at(*next).at;
        if (next->at > to->time.at || next->at > h.unit.now()) break;
        if (at < from->time.at || at > to->time.at || at > h.unit.now()) continue;
        if (schedule->left_out(*next)) continue;
        slots.push_back(*next);
        if (static_cast<std::int64_t>(slots.size()) > backfill_max)
            return core::invalid_argument("from", "there are more than 1000 slots in this range",
                                          "take a shorter one, several times");
    }
    if (auto room = check_run_room(static_cast<std::int64_t>(slots.size()), h); !room)
        return tl::unexpected(room.error());
    for (const auto& one : slots) {
        Delivery run = new_run(found->command, found->of, core::run_by_backfill, h);
        run.recurrence_id = core::format(one.id);
        run.planned = schedule->at(one).at;
        // In order: each of one group is let go by the end of the one before it. A time of its own
        // could come in the very turn in which that one ends.
        if (reply.count > 0 && !found->of.group.empty()) run.next_attempt.reset();
        h.unit.insert_delivery(run);
        ++reply.count;
        if (reply.runs.size() < backfill_shown) reply.runs.push_back(std::move(run));
    }
    return reply;
}

}  // namespace taskd::daemon
