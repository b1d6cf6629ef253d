// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"
#include "ipc/messages.h"

namespace taskd::daemon {

/// Errors: invalid_argument on the field; resource_exhausted - quota.calls.
[[nodiscard]] core::Result<core::Delivery> keep_invoke(const ipc::DaprInvoke& request, Handling& h);
[[nodiscard]] core::Result<core::Delivery> keep_publish(const ipc::DaprPublish& request,
                                                        Handling& h);

/// For calls that a client makes itself: whether it may, and what became of it.
[[nodiscard]] core::Result<ipc::BreakerView> use_breaker(const ipc::DaprBreaker& request,
                                                         Handling& h);

/// Those of the whole daemon.
[[nodiscard]] std::vector<ipc::BreakerView> breaker_views(const Breakers& breakers,
                                                          const Settings& settings,
                                                          core::Monotonic now);

}  // namespace taskd::daemon
