// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"

namespace taskd::daemon {

/// The names of what follows a role's calls. On disk: do not change.
inline constexpr const char* step_created = "recurring.created";
inline constexpr const char* step_address = "notification.address";
inline constexpr const char* step_mailed = "notification.mailed";

/// What a role does with the answer to its call, in the transaction that stores it.
///
/// Errors: what makes the call a dead letter although it was answered.
[[nodiscard]] core::Result<void> follow_call(const core::Delivery& delivery,
                                             const core::Outcome& outcome, Handling& h);

}  // namespace taskd::daemon
