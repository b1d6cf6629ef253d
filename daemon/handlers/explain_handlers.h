// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"
#include "ipc/messages.h"

namespace taskd::daemon {

[[nodiscard]] core::Result<ipc::TaskExplanation> explain_task(const ipc::TaskExplain& request,
                                                              Handling& h);

}  // namespace taskd::daemon
