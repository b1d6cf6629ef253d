// SPDX-License-Identifier: Apache-2.0
#include "core/command.h"
#include "daemon/store/columns.h"
#include "daemon/store/unit_of_work.h"

#include <set>

namespace taskd::daemon {
namespace {

using core::Command;
using core::Task;

/// When the command of a task would begin, but for its jitter.
std::optional<core::Timestamp> begin_of(const Task& task) {
    if (!task.is_open() || task.status != core::Status::needs_action || !task.content.due)
        return {};
    return task.content.due->at;
}

/// The row that holds a task's command.
const std::string& owner_of(const Task& task) {
    return task.series.empty() ? task.id.str() : task.series.str();
}

}  // namespace

std::optional<Command> UnitOfWork::find_command(const core::UserId& user, const std::string& id) {
    Query row(db_, "SELECT command FROM command WHERE user_id = ? AND id = ?", user.str(), id);
    if (!row.step()) return {};
    return from_column<Command>(row.text(0));
}

std::optional<Command> UnitOfWork::find_command(const Task& task) {
    return find_command(task.user, owner_of(task));
}

void UnitOfWork::put_command(const core::UserId& user, const std::string& id,
                             const std::optional<Command>& command) {
    const auto before = find_command(user, id);
    if (before == command) return;
    if (command)
        Query(db_,
              "INSERT INTO command VALUES (?1, ?2, ?3) ON CONFLICT (user_id, id) DO UPDATE SET "
              "command = ?3",
              user.str(), id, to_column(command))
            .run();
    else
        Query(db_, "DELETE FROM command WHERE user_id = ? AND id = ?", user.str(), id).run();
    remember("command", id, before ? ipc::to_json(*before) : nlohmann::json());
}

void UnitOfWork::move_command(const Task* before, const Task& after) {
    const auto was = before != nullptr ? begin_of(*before) : std::nullopt;
    const auto is = begin_of(after);
    if (was == is) return;
    const auto command = find_command(after);
    if (!command) return;
    const auto at = [&](const std::optional<core::Timestamp>& time) {
        return time ? std::optional(*time + core::jitter_of(*command, after.id)) : std::nullopt;
    };
    move_timer(TimerKind::command, after.user, after.id.str(), at(was), at(is));
}

std::optional<core::Timestamp> UnitOfWork::command_time(const Task& task, const Command& command) {
    const auto time = begin_of(task);
    return time ? std::optional(*time + core::jitter_of(command, task.id)) : std::nullopt;
}

void UnitOfWork::wake_command(const Task& task) {
    const auto command = find_command(task);
    const auto time = command ? command_time(task, *command) : std::nullopt;
    if (time) set_timer({TimerKind::command, *time, task.user, task.id.str()});
}

#define OPEN_RUNS                                                                      \
    " FROM delivery INDEXED BY delivery_run_open WHERE command_group IS NOT NULL AND " \
    "finished IS NULL AND "

std::int64_t UnitOfWork::count_running(const core::UserId& user) {
    Query row(db_, "SELECT count(*)" OPEN_RUNS "user_id = ? AND state = 'running'", user.str());
    return row.step() ? row.integer(0) : 0;
}

std::int64_t UnitOfWork::count_open_runs(const core::UserId& user) {
    Query row(db_, "SELECT count(*)" OPEN_RUNS "user_id = ? AND state IN ('pending', 'running')",
              user.str());
    return row.step() ? row.integer(0) : 0;
}

bool UnitOfWork::is_group_busy(const core::UserId& user, const std::string& group,
                               const std::string& command) {
    Query row(db_,
              "SELECT 1" OPEN_RUNS
              "user_id = ?1 AND state = 'running' AND (command_group = ?2 OR "
              "(command_id = ?3 AND command_group <> '')) LIMIT 1",
              user.str(), group, command);
    return row.step();
}

std::vector<core::DeliveryId> UnitOfWork::runs_in_line(const core::UserId& user,
                                                       std::int64_t limit) {
    // Groups and commands of which one is under way, or was chosen: one at a time runs.
    std::set<std::string> busy;
    {
        Query row(db_,
                  "SELECT command_group, command_id" OPEN_RUNS
                  "user_id = ? AND state = 'running' AND command_group <> ''",
                  user.str());
        while (row.step()) busy.insert({row.text(0), row.text(1)});
    }
    std::vector<core::DeliveryId> ids;
    Query row(
        db_,
        "SELECT id, command_group, command_id FROM delivery INDEXED BY delivery_run_line WHERE "
        "user_id = ? AND command_group IS NOT NULL AND finished IS NULL AND state = 'pending' "
        "AND next_attempt_ms IS NULL ORDER BY firing, coalesce(planned, created), id",
        user.str());
    while (static_cast<std::int64_t>(ids.size()) < limit && row.step()) {
        const auto group = row.text(1);
        if (!group.empty()) {
            if (busy.contains(group) || busy.contains(row.text(2))) continue;
            busy.insert({group, row.text(2)});
        }
        ids.emplace_back(row.text(0));
    }
    return ids;
}

}  // namespace taskd::daemon
