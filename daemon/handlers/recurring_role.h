// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"

namespace taskd::daemon {

/// taskd as recurring-task service: task.completed of another service, with `recurring_pattern` in
/// its payload. The next occurrence is made once for each occurrence that was completed, whatever
/// is repeated: in this store, or by a durable call of the backend.
///
/// Errors: invalid_argument on the field of the event; unavailable - the task may be one that the
///         backend is being asked to make, and whose id is not known yet.
[[nodiscard]] core::Result<void> recur(const ipc::CloudEvent& event, Handling& h);

/// A task of this store with a pattern was completed: makes the next one, where the pattern goes on
/// in this store.
[[nodiscard]] core::Result<void> recur_here(const core::Task& completed, Handling& h);

/// The backend made the next occurrence: its id is kept, and task.created tells it.
///
/// Errors: failed_precondition - the answer has no id.
[[nodiscard]] core::Result<void> note_created(const core::Delivery& delivery,
                                              const core::Outcome& outcome, Handling& h);

}  // namespace taskd::daemon
