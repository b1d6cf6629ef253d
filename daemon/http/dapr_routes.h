// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/http/http_calls.h"
#include "daemon/http/http_job.h"
#include "daemon/http/http_services.h"

#include <nlohmann/json.hpp>

#include <optional>

namespace taskd::daemon {

/// What a sidecar asks of its app: /dapr/config, /dapr/subscribe, /dapr/events/{name} and
/// POST /api/events/task-events. One of these belongs to each worker.
class DaprRoutes {
public:
    DaprRoutes(HttpServices& services, HttpCalls& calls) : services_(services), calls_(calls) {}

    [[nodiscard]] HttpResult config(const HttpJob& job);
    [[nodiscard]] HttpResult subscribe(const HttpJob& job);
    /// A delivered event, or many. Answered when they are on disk; what can't be taken is a dead
    /// letter, and the sidecar is told to drop it.
    [[nodiscard]] HttpResult deliver(const HttpJob& job);

    /// Errors: 401 - not the sidecar's token.
    [[nodiscard]] tl::expected<void, HttpRefusal> check_token(const HttpJob& job) const;

private:
    /// What event.publish says of each event; none where another delivery may help.
    [[nodiscard]] std::optional<nlohmann::json> publish(const nlohmann::json& params);
    HttpServices& services_;
    HttpCalls& calls_;
};

}  // namespace taskd::daemon
