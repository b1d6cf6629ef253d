// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"
#include "daemon/job.h"
#include "ipc/messages.h"

#include <optional>
#include <string>

namespace taskd::daemon {

/// A delivery's timer is due: its attempt begins, and here is the job for a worker. None when there
/// is nothing to do any more, its channel is gone or its time is over (then it is dead), or its
/// app's circuit breaker is open (then it waits).
[[nodiscard]] std::optional<Job> start_delivery(const Timer& timer, Handling& h);

/// A worker's answer: succeeded, again later, or dead; with its event, and what follows from it.
void finish_delivery(const JobResult& result, Handling& h);

/// Keeps a call, to be made at once and until it succeeds or `keep_trying` is over. One with the
/// same key that is there already stays as it is. `about` is the event that it tells of, or 0.
core::Delivery keep_call(core::Call call, const std::string& key, std::int64_t about,
                         std::chrono::milliseconds keep_trying, Handling& h);

/// Sets a dead call to work again. False when it is gone or not dead.
[[nodiscard]] bool revive_call(const core::DeliveryId& id, Handling& h);

[[nodiscard]] core::Result<ipc::DeliveryPage> list_deliveries(const ipc::DeliveryList& request,
                                                              Handling& h);
[[nodiscard]] core::Result<core::Delivery> retry_delivery(const ipc::DeliveryRetry& request,
                                                          Handling& h);
[[nodiscard]] core::Result<core::Delivery> get_delivery(const ipc::DeliveryGet& request,
                                                        Handling& h);

}  // namespace taskd::daemon
