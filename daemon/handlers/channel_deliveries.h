// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"
#include "daemon/job.h"

#include <optional>

namespace taskd::daemon {

/// Starts an attempt of a reminder, a digest, an agenda or a test on its channel. None when it
/// waits: for its channel's rate or its circuit, or for the digest that tells of it instead.
[[nodiscard]] std::optional<Job> start_on_channel(const core::Delivery& delivery, Handling& h);

/// Stores what became of it.
void finish_on_channel(const core::Delivery& delivery, const JobResult& result, Handling& h);

/// What was to be sent of a task, or of one reminder of it, is not needed any more.
void revoke_deliveries(const core::Task& task, const std::string& why, Handling& h);
void revoke_deliveries(const core::Reminder& reminder, const std::string& why, Handling& h);

}  // namespace taskd::daemon
