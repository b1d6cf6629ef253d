// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/store/maintenance.h"
#include "daemon/store/unit_of_work.h"

#include <string>

namespace taskd::daemon {

/// Computes the instants of one batch anew from the local times that were meant, after a change of
/// tzdata. What is pending moves, with its event; what went off stays so.
///
/// Shape:  `from` is "" at the beginning, then what the batch before gave; "" when all is done. The
///         caller keeps it in a timer, so that a crash in between goes on where it was.
[[nodiscard]] std::string renew_instants(UnitOfWork& unit, Maintenance& maintenance,
                                         const std::string& from);

}  // namespace taskd::daemon
