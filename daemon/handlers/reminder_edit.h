// SPDX-License-Identifier: Apache-2.0
// What an edit of a task does to its reminders.
#pragma once

#include "daemon/handlers/handling.h"

namespace taskd::daemon {

/// The reminders of a task after it was edited: others, the same ones told otherwise, or the same
/// ones at other times. Those of a task that recurs are its series', and change for all its slots.
///
/// Errors: as for task.add; failed_precondition on `remind` - there is none that could be told
///         otherwise, or the series' next slot can't be known from a task that is closed.
[[nodiscard]] core::Result<void> edit_reminders(const ipc::TaskUpdate& request,
                                                const core::Task& before, const core::Task& after,
                                                Handling& h, ipc::TaskChanged& reply);

/// Whether a request says anything of reminders.
[[nodiscard]] bool edits_reminders(const ipc::TaskUpdate& request);

}  // namespace taskd::daemon
