// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"

namespace taskd::daemon {

/// Errors: conflict on `command` - the key is another command's; resource_exhausted - quota.runs.
[[nodiscard]] core::Result<ipc::RunClaimed> claim_run(const ipc::RunClaim& request, Handling& h);

/// The next two are for its holder. Errors: not_found - it was forgotten; failed_precondition on
/// `fence` - somebody else is or was its holder since.
[[nodiscard]] core::Result<core::Run> extend_run(const ipc::RunExtend& request, Handling& h);
[[nodiscard]] core::Result<core::Run> finish_run(const ipc::RunFinish& request, Handling& h);

[[nodiscard]] core::Result<ipc::RunReport> get_run(const ipc::RunGet& request, Handling& h);
[[nodiscard]] core::Result<ipc::RunPage> list_runs(const ipc::RunList& request, Handling& h);

/// Errors: failed_precondition - it is running, and not by who asks.
[[nodiscard]] core::Result<core::Run> forget_run(const ipc::RunForget& request, Handling& h);

/// Runs what a timer of kind `run` is about: a lease that ran out, or a run to forget.
void end_run(const Timer& timer, Handling& h);

/// The clock was set back.
void shorten_run(const core::UserId& user, const std::string& key, Handling& h);

}  // namespace taskd::daemon
