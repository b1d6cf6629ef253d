// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/retry.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace taskd::daemon {

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
    std::chrono::milliseconds bus_heartbeat{1000};
    core::RetryPolicy delivery_retry;
};

}  // namespace taskd::daemon
