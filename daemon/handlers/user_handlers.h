// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"
#include "ipc/messages.h"

namespace taskd::daemon {

[[nodiscard]] core::Result<ipc::UserSettingsReply> get_user(const ipc::UserGet& request,
                                                            Handling& h);
[[nodiscard]] core::Result<ipc::UserSettingsReply> set_user(const ipc::UserSet& request,
                                                            Handling& h);

}  // namespace taskd::daemon
