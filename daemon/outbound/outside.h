// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/outbound/smtp.h"
#include "daemon/outbound/webhook.h"
#include "ipc/dapr/sidecar.h"

namespace taskd::daemon {

class Config;

/// Whom the workers speak with.
struct Outside {
    ipc::dapr::Sidecar sidecar;
    MailServer mail;
    WebClient web;
    std::string screen_file{};  ///< of Desktop; "" for none
};

/// Errors: invalid_argument on the key or a DAPR_ variable; as read_secret_file().
[[nodiscard]] core::Result<Outside> read_outside(const Config& config,
                                                 const ipc::dapr::Environment& environment);

}  // namespace taskd::daemon
