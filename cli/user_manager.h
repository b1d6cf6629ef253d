// SPDX-License-Identifier: Apache-2.0
// The user's own systemd, which may have taskd's units.
#pragma once

#include "core/result.h"
#include "ipc/endpoint.h"

namespace taskd::cli {

/// Asks the user's systemd to start taskd, and waits until it serves.
///
/// Shape:  true - a daemon listens in `endpoint` now; false - no systemd of this user runs, it has
///         no units of taskd, or they are for another directory: start one without it.
/// Errors: unavailable - it holds the sockets, but its taskd does not start. Another daemon would
///         take the sockets' place behind its back, so none is started.
[[nodiscard]] core::Result<bool> start_by_user_manager(const ipc::Endpoint& endpoint);

}  // namespace taskd::cli
