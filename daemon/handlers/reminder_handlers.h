// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"
#include "daemon/job.h"
#include "ipc/messages.h"

#include <optional>

namespace taskd::daemon {

/// A reminder's timer is due: writes reminder.due or reminder.missed, one delivery per channel, and
/// sets the next time, all in the same unit. A timer that is no longer true does nothing.
///
/// Errors: invalid_argument - tzdata lost the zone; the timer is to be tried again later.
[[nodiscard]] core::Result<void> fire_reminder(UnitOfWork& unit, const Timer& timer);

/// A delivery's timer is due: its attempt begins, and here is the job for a worker. None when there
/// is nothing to do any more, or its channel is gone (then it is dead).
[[nodiscard]] std::optional<Job> start_delivery(UnitOfWork& unit, const Timer& timer,
                                                const Settings& settings);

/// A worker's answer: succeeded, again later, or dead; with its event.
void finish_delivery(UnitOfWork& unit, const JobResult& result, const Settings& settings);

[[nodiscard]] core::Result<ipc::Channel> set_channel(const ipc::ChannelSet& request, Handling& h);
[[nodiscard]] core::Result<ipc::ChannelPage> list_channels(const ipc::ChannelList& request,
                                                           Handling& h);
[[nodiscard]] core::Result<ipc::Channel> remove_channel(const ipc::ChannelRemove& request,
                                                        Handling& h);
[[nodiscard]] core::Result<ipc::DeliveryPage> list_deliveries(const ipc::DeliveryList& request,
                                                              Handling& h);

}  // namespace taskd::daemon
