// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/http/http_job.h"
#include "daemon/http/http_services.h"

namespace taskd::daemon {

/// The routes: /health, /health/live, /health/ready, /healthz, /metrics, POST /v1/rpc, /v1/events,
/// /v1/events/tickets. Health and metrics answer from memory. The handler belongs to the thread
/// that made it.
[[nodiscard]] HttpHandler make_http_handler(HttpServices& services);

}  // namespace taskd::daemon
