// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"

namespace taskd::daemon {

/// taskd as notification service: reminder.due becomes a mail to its user, and the backend is told.
/// Three durable steps: the address, the mail, reminder-sent. Each has a key from the event, so
/// that a repeat does nothing.
///
/// Errors: invalid_argument on the field of the event, or on `email` - the user has none here.
[[nodiscard]] core::Result<void> notify(const ipc::CloudEvent& event, Handling& h);

/// The backend told the user's address.
///
/// Errors: failed_precondition on `email` - there is none, or it can't be used.
[[nodiscard]] core::Result<void> mail_to_address(const core::Delivery& delivery,
                                                 const core::Outcome& outcome, Handling& h);

/// The mail server took the mail.
[[nodiscard]] core::Result<void> tell_backend(const core::Delivery& delivery, Handling& h);

/// A reminder of this daemon went off: the notification app is told by a call, where one is
/// configured.
void tell_notification_app(const ipc::CloudEvent& event, Handling& h);

}  // namespace taskd::daemon
