// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"
#include "ipc/messages.h"

namespace taskd::daemon {

[[nodiscard]] core::Result<ipc::Health> admin_health(const ipc::AdminHealth& request, Handling& h);

/// Operators only; the dispatcher's table says so.
[[nodiscard]] core::Result<ipc::ShutdownReply> admin_shutdown(const ipc::AdminShutdown& request,
                                                              Handling& h);

}  // namespace taskd::daemon
