// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"
#include "daemon/store/maintenance.h"

#include <string>

namespace taskd::daemon {

/// Computes the instants of one batch anew from the local times that were meant, after a change of
/// tzdata; and the waits that began by a clock which was set back since. What is pending moves,
/// with its event; what went off stays so.
///
/// Shape:  `from` is "" at the beginning, then what the batch before gave; "" when all is done. The
///         caller keeps it in a timer, so that a crash in between goes on where it was.
[[nodiscard]] std::string renew_instants(Handling& h, Maintenance& maintenance,
                                         const std::string& from);

}  // namespace taskd::daemon
