// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"
#include "ipc/messages.h"

namespace taskd::daemon {

/// A reminder's timer is due: writes reminder.due or reminder.missed, one delivery per channel, and
/// sets the next time, all in the same unit. A timer that is no longer true does nothing.
///
/// Errors: invalid_argument - tzdata lost the zone; the timer is to be tried again later.
[[nodiscard]] core::Result<void> fire_reminder(const Timer& timer, Handling& h);

}  // namespace taskd::daemon
