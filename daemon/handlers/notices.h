// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/event.h"
#include "core/notice.h"
#include "daemon/handlers/handling.h"

namespace taskd::daemon {

/// What a delivery says: what its event tells, with what its task is now.
[[nodiscard]] core::Notice notice_of(const core::Delivery& delivery, const ipc::CloudEvent& event,
                                     Handling& h);

/// What one digest tells of, as its event has it; no item when all of it is done meanwhile.
[[nodiscard]] core::Bulletin digest_of(const core::Delivery& digest, Handling& h);

/// What the day has for a user: what is overdue and what is due today, on the clock of `zone`.
[[nodiscard]] core::Bulletin agenda_of(const core::TimeZone& zone, Handling& h);

}  // namespace taskd::daemon
