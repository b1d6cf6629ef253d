// SPDX-License-Identifier: Apache-2.0
// Finds the daemon, and starts a personal one if none runs.
#pragma once

#include "core/result.h"
#include "ipc/endpoint.h"

#include <cstdint>
#include <string>
#include <vector>

namespace taskd::cli {

/// Where a daemon is looked for.
struct Place {
    ipc::Endpoint endpoint;
    bool is_system = false;  ///< below /run/taskd: root's, so neither checked nor started here
};

/// Shape:  what --endpoint or TASKCTL_ENDPOINT says ("" for nothing); else the system daemon's
///         directory for this user if it exists, else the personal one.
/// Errors: invalid_argument on `endpoint`.
[[nodiscard]] core::Result<Place> find_place(const std::string& named);

/// Errors: unavailable - nothing listens there; permission_denied - the directory is not ours.
[[nodiscard]] core::Result<void> require_daemon(const Place& place);

/// Makes sure that a daemon listens: starts one, detached from this process and its terminal, and
/// waits until it serves or says why it can't. Who loses a start race uses the winner.
///
/// Errors: as require_daemon, with taskd's own words where it gave some.
[[nodiscard]] core::Result<void> ensure_daemon(const Place& place);

/// Whether a process with this number is alive; one that only waits to be collected is not.
[[nodiscard]] bool process_runs(std::int64_t pid);

/// Runs taskd in the foreground with these arguments; its exit status.
///
/// Errors: unavailable - taskd was not found or can't be run.
[[nodiscard]] core::Result<int> run_taskd(const std::vector<std::string>& arguments);

/// The log of a daemon that was started from here.
[[nodiscard]] std::string log_path();

}  // namespace taskd::cli
