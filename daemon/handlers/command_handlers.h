// SPDX-License-Identifier: Apache-2.0
// Commands that are run when a task's time comes. A run is a delivery: pending, running, tried
// again, ended; the occurrence is completed by its success and cancelled by its failure.
#pragma once

#include "daemon/handlers/handling.h"
#include "daemon/job.h"
#include "ipc/messages.h"

#include <optional>

namespace taskd::daemon {

/// The command that an edit makes of the one there is; none where there is neither.
///
/// Errors: as core::checked(Command); permission_denied on command.argv - the administrator does
///         not let this program be run.
[[nodiscard]] core::Result<std::optional<core::Command>> read_command(
    const std::optional<core::CommandEdit>& edit, const std::optional<core::Command>& before,
    Handling& h);

/// The timer of a task's command is due: its run begins and here is the job, or its slot is passed
/// over. None also where it waits: for a task that it depends on, a pause, or another run.
[[nodiscard]] std::optional<Job> begin_command(const Timer& timer, Handling& h);

/// Keeps a run of the task's command, to begin now.
core::Delivery keep_run(const core::Task& task, const core::Command& command, const char* why,
                        Handling& h);

/// Whose command a run is of.
struct RunOf {
    std::string owner;    ///< the id of the task or series
    std::string group;    ///< see group_of
    std::string summary;  ///< of the task
};
/// Whether so many more runs may wait that are of no slot.
///
/// Errors: resource_exhausted on `quota.calls`.
[[nodiscard]] core::Result<void> check_run_room(std::int64_t more, Handling& h);
/// A run that is not stored yet.
[[nodiscard]] core::Delivery new_run(const core::Command& command, const RunOf& of, const char* why,
                                     Handling& h);
/// The group of which one at a time runs: its own, or its series', whose runs do not overlap. ""
/// for no bound: the slots of a stack run side by side.
[[nodiscard]] std::string group_of(const core::Command& command, const std::string& owner,
                                   const std::optional<core::Series>& series);

/// An attempt of a run begins, unless another one has to end first or it is too late for it.
[[nodiscard]] std::optional<Job> start_run(const core::Delivery& run, Handling& h);
/// An attempt ended: with it the run and its occurrence, or it is tried again.
void finish_run(const core::Delivery& run, const core::Outcome& outcome, Handling& h);

/// Lets runs begin that waited for one which has ended, or is not needed any more.
void release_runs(const core::UserId& user, Handling& h);

/// Another command, or none, for a task or for its series and all its tasks.
void change_command(const core::Task& task, const std::optional<core::Command>& command,
                    Handling& h);
/// Sets the timers of a series' open tasks: its command was changed, or may run again.
void wake_commands(const core::Series& series, Handling& h);

[[nodiscard]] core::Result<ipc::CommandRunPage> list_runs(const ipc::CommandRuns& request,
                                                          Handling& h);
[[nodiscard]] core::Result<core::Delivery> trigger_command(const ipc::CommandTrigger& request,
                                                           Handling& h);
[[nodiscard]] core::Result<ipc::CommandBackfilled> backfill_commands(
    const ipc::CommandBackfill& request, Handling& h);

}  // namespace taskd::daemon
