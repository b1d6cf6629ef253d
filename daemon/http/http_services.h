// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "daemon/http/dapr_app.h"
#include "daemon/http/event_streams.h"
#include "daemon/http/event_tickets.h"
#include "daemon/http/http_access.h"
#include "daemon/http/http_places.h"
#include "daemon/metrics.h"
#include "daemon/pulse.h"

#include <zmq.hpp>

#include <atomic>

namespace taskd::daemon {

/// What the workers share.
struct HttpServices {
    zmq::context_t& context;
    const HttpAccess& access;
    const core::Clock& clock;
    Pulse& pulse;
    Metrics& metrics;
    EventTickets& tickets;
    EventStreams& streams;
    const DaprApp& dapr;
    HttpPlaces calls;  ///< to the loop, fewer than threads: health always finds one

    std::atomic<bool> aborting{false};  ///< nobody waits for the loop any more
};

}  // namespace taskd::daemon
