// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "daemon/http/http_access.h"
#include "daemon/http/http_job.h"
#include "daemon/metrics.h"
#include "daemon/pulse.h"

#include <zmq.hpp>

#include <atomic>
#include <map>
#include <mutex>

namespace taskd::daemon {

/// What the workers share.
struct HttpServices {
    zmq::context_t& context;
    const HttpAccess& access;
    const core::Clock& clock;
    Pulse& pulse;
    Metrics& metrics;
    std::size_t rpc_max = 28;          ///< at once, fewer than threads: health always finds one
    std::size_t rpc_of_user_max = 28;  ///< of them, of one user

    std::mutex rpc_mutex{};
    std::size_t rpc_running = 0;
    std::map<core::UserId, std::size_t> rpc_of_user{};
    std::atomic<bool> aborting{false};  ///< nobody waits for the loop any more
};

/// The routes: /health, /health/live, /health/ready, /healthz, /metrics, POST /v1/rpc. Health and
/// metrics answer from memory. The handler belongs to the thread that made it.
[[nodiscard]] HttpHandler make_http_handler(HttpServices& services);

}  // namespace taskd::daemon
