// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"
#include "ipc/messages.h"

namespace taskd::daemon {

/// Moves the reminder of an open task that went off last, or else its next one.
[[nodiscard]] core::Result<ipc::ReminderChanged> snooze_reminder(const ipc::ReminderSnooze& request,
                                                                 Handling& h);

/// Notes that the user has seen the reminder of the task that went off last.
[[nodiscard]] core::Result<ipc::ReminderChanged> acknowledge_reminder(
    const ipc::ReminderAcknowledge& request, Handling& h);

}  // namespace taskd::daemon
