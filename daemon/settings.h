// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/retry.h"
#include "daemon/roles.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace taskd::daemon {

/// What one user may have. Past it there is resource_exhausted, which names the quota.
struct Quotas {
    std::int64_t tasks = 1'000'000;           ///< deleted ones too, until they are gone for good
    std::int64_t events_per_second = 50'000;  ///< published; ten seconds' worth at once
    std::int64_t event_bytes = std::int64_t{4} * 1024 * 1024 * 1024;  ///< of the log
    std::int64_t consumers = 100;
    std::int64_t calls = 1'000;  ///< durable ones that are not finished
    std::int64_t runs = 100'000;
    std::int64_t run_bytes = std::int64_t{1024} * 1024 * 1024;  ///< of their output
};

/// What the engine is told by configuration, each a named bound or time (P8). The defaults here are
/// those of the table in config.cpp.
struct Settings {
    std::string node = "localhost";
    std::size_t turn_requests_max = 1024;
    std::size_t turn_bytes_max = 16 * 1024 * 1024;
    std::size_t turn_timers_max = 1000;
    std::size_t polls_max = 256;    ///< long polls parked at once
    std::size_t outbound_max = 64;  ///< deliveries handed to workers and not yet answered
    std::chrono::milliseconds idempotency_ttl{std::chrono::hours{24 * 7}};
    std::chrono::milliseconds dedup_ttl{std::chrono::hours{24 * 30}};
    std::chrono::milliseconds undo_ttl{std::chrono::hours{24 * 30}};
    std::chrono::milliseconds retention_events{std::chrono::hours{24 * 90}};
    std::int64_t retention_max_bytes = 1024 * 1024 * 1024;  ///< of one user's log; 0: any
    std::chrono::milliseconds bus_heartbeat{1000};
    core::RetryPolicy delivery_retry;
    core::RetryPolicy handler_retry{10, std::chrono::seconds{1}, 2, std::chrono::minutes{10}};
    Quotas quotas;
    Roles roles;
    /// Programs that exec channels and tasks may run, by absolute path; none: any. A system
    /// daemon's users would otherwise run programs as the daemon, which can read everybody's tasks.
    std::optional<std::vector<std::string>> exec_allow;
    std::size_t commands_max = 16;  ///< of tasks, at once
    std::int64_t commands_per_user = 8;
    bool has_mail_server = false;
    bool has_desktop = true;  ///< somebody's: not a system daemon

    /// Apps and pub/sub components that durable calls of others than operators may name; none: any.
    std::optional<std::vector<std::string>> call_allow;

    [[nodiscard]] bool may_call(const std::string& target) const {
        return !call_allow ||
               std::find(call_allow->begin(), call_allow->end(), target) != call_allow->end();
    }
    [[nodiscard]] bool may_run(const std::string& program) const {
        return !exec_allow ||
               std::find(exec_allow->begin(), exec_allow->end(), program) != exec_allow->end();
    }
};

}  // namespace taskd::daemon
