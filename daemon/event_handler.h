// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "daemon/roles.h"
#include "ipc/event_messages.h"

#include <functional>
#include <string>
#include <vector>

namespace taskd::daemon {

struct Handling;

/// What taskd does by itself when an event of another service comes in: one line of a table. It
/// runs in the transaction that stores the event, once for each event, whatever is repeated.
struct EventHandler {
    std::string name;  ///< its marks are kept under it: do not change
    std::string type;  ///< of the events that it takes
    /// `h.user` is the event's user. What it refuses as invalid_argument goes to the dead letters
    /// at once; any other error is tried again.
    std::function<core::Result<void>(const ipc::CloudEvent& event, Handling& h)> run;
    /// Whether `unavailable` means that it has to wait for something else: then it is asked again
    /// until that is over, and never given up.
    bool waits = false;
    /// Whether a first attempt that succeeds leaves its mark: not where nobody asks twice.
    bool marks_success = true;
    /// Told of each attempt that failed, outside of its savepoint.
    std::function<void(const core::Error& error, Handling& h)> failed{};
};

/// Those that taskd has in these roles.
[[nodiscard]] std::vector<EventHandler> event_handlers(const Roles& roles);

}  // namespace taskd::daemon
