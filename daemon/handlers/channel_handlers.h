// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"
#include "ipc/messages.h"

namespace taskd::daemon {

[[nodiscard]] core::Result<ipc::Channel> set_channel(const ipc::ChannelSet& request, Handling& h);
[[nodiscard]] core::Result<ipc::ChannelPage> list_channels(const ipc::ChannelList& request,
                                                           Handling& h);
[[nodiscard]] core::Result<ipc::Channel> remove_channel(const ipc::ChannelRemove& request,
                                                        Handling& h);
[[nodiscard]] core::Result<core::Delivery> test_channel(const ipc::ChannelTest& request,
                                                        Handling& h);

/// The channel of that name.
///
/// Errors: not_found on `field`, with the nearest name there is.
[[nodiscard]] core::Result<core::Channel> known_channel(const std::string& field,
                                                        const std::string& name, Handling& h);

[[nodiscard]] core::Result<ipc::ReminderDefaultPage> list_reminder_defaults(
    const ipc::ReminderDefaultList& request, Handling& h);
[[nodiscard]] core::Result<ipc::ReminderDefault> set_reminder_default(
    const ipc::ReminderDefaultSet& request, Handling& h);

/// The user's agenda is due: its event, and the delivery that tells of it.
void tell_agenda(const Timer& timer, Handling& h);

}  // namespace taskd::daemon
