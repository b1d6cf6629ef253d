// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "core/result.h"
#include "ipc/endpoint.h"

#include <optional>
#include <string>

namespace taskd::daemon {

/// What systemd is told, if it started this process; without it every call does nothing.
///
/// The watchdog is fed by the loop and by nobody else, so that a loop which hangs is noticed. It is
/// fed at half the interval, and only if the unit has one: an idle daemon otherwise sleeps on.
///
/// Source: sd_notify(3), sd_watchdog_enabled(3).
class ServiceManager {
public:
    ServiceManager();

    void ready(std::string status);  ///< requests are accepted
    void reloading();                ///< until reloaded()
    void reloaded();
    void stopping();

    /// When the watchdog wants to be fed; nothing without one.
    [[nodiscard]] std::optional<core::Monotonic> next_feed() const { return next_feed_; }

    /// Feeds it if it is time.
    void feed(core::Monotonic now);

private:
    std::string status_;
    std::optional<core::Monotonic> next_feed_;
    std::chrono::milliseconds feed_every_{0};
};

/// Forgets a service manager that is not ours: a daemon that taskctl started in a service of
/// somebody else must not speak for it. Before any thread starts.
void forget_service_manager();

/// The listening sockets that systemd holds for a user's daemon; -1 where it holds none.
struct PassedSockets {
    int requests = -1;
    int events = -1;
};

/// Takes over what LISTEN_FDS passes. One socket unit gives all its descriptors the same name, so
/// they are told apart by the paths that they are bound to.
///
/// Errors: invalid_argument on LISTEN_FDS - a descriptor is no listening Unix stream socket, or
///         belongs to no socket of `endpoint`; one of the two is missing.
/// Source: sd_listen_fds(3).
[[nodiscard]] core::Result<PassedSockets> take_passed_sockets(const ipc::Endpoint& endpoint);

}  // namespace taskd::daemon
