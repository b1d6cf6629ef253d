// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"

namespace taskd::daemon {

[[nodiscard]] core::Result<ipc::DeadLetterPage> list_dead_letters(
    const ipc::DeadLetterList& request, Handling& h);

/// Gives events back to whom they failed. The event stays the same one, so that what others have
/// made of it is not made again.
[[nodiscard]] core::Result<ipc::DeadLettersChanged> retry_dead_letters(
    const ipc::DeadLetterRetry& request, Handling& h);

[[nodiscard]] core::Result<ipc::DeadLettersChanged> drop_dead_letters(
    const ipc::DeadLetterDrop& request, Handling& h);

}  // namespace taskd::daemon
