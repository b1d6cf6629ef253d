// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"
#include "ipc/admin_messages.h"
#include "ipc/messages.h"

namespace taskd::daemon {

[[nodiscard]] core::Result<ipc::Health> admin_health(const ipc::AdminHealth& request, Handling& h);
[[nodiscard]] core::Result<ipc::GapPage> list_gaps(const ipc::GapList& request, Handling& h);

/// The ones below are for operators only; the dispatcher's table says so.
[[nodiscard]] core::Result<ipc::ConfigReply> admin_config(const ipc::AdminConfig& request,
                                                          Handling& h);

/// Asks for a copy of the store; it is made beside the loop and answered when it is done.
[[nodiscard]] core::Result<ipc::BackupReply> admin_backup(const ipc::AdminBackup& request,
                                                          Handling& h);

[[nodiscard]] core::Result<ipc::ShutdownReply> admin_shutdown(const ipc::AdminShutdown& request,
                                                              Handling& h);

/// The counters of all users' requests; operators only.
[[nodiscard]] core::Result<ipc::Stats> admin_stats(const ipc::AdminStats& request, Handling& h);

}  // namespace taskd::daemon
