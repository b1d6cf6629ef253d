// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/commands/dapr_flags.h"
#include "cli/context.h"
#include "ipc/dapr/http.h"

#include <string>

namespace taskd::cli {

/// Leaves a call to the daemon; says its delivery's id. The exit status.
[[nodiscard]] int keep_invoke(Context& context, const InvokeFlags& flags, const Words& words,
                              const ipc::dapr::Request& request);

/// The same for a request to publish; `what` was understood is said.
[[nodiscard]] int keep_publish(Context& context, const PublishFlags& flags,
                               ipc::DaprPublish publish, const std::string& what);

}  // namespace taskd::cli
