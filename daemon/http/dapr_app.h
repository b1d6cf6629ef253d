// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ids.h"
#include "core/result.h"
#include "daemon/config.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace taskd::daemon {

/// taskd as an app behind a sidecar: what it subscribes to, and the token that the sidecar shows.
struct DaprApp {
    bool on = false;       ///< the sidecar's routes are served
    bool backend = false;  ///< .. and those of a task backend
    std::string pubsub;    ///< the component
    std::vector<std::string> topics;
    std::string dead_letter_topic;
    std::int64_t bulk_max = 0;  ///< events of one delivery; 0: one by one
    std::string token;          ///< APP_API_TOKEN; "": the sidecar shows none
    core::UserId owner;         ///< as whom the sidecar speaks, for every user

    [[nodiscard]] bool is_on() const { return on; }
};

/// Errors: invalid_argument on `dapr.topics` - none, or a name that is not accepted;
///         failed_precondition on `APP_API_TOKEN` - none, and dapr.allow_no_token is not set.
[[nodiscard]] core::Result<DaprApp> read_dapr_app(
    const Config& config, const core::UserId& owner,
    const std::function<std::string(const char*)>& environment);

/// Where a topic's events are delivered.
[[nodiscard]] std::string route_of_topic(const std::string& topic);

/// What GET /dapr/subscribe answers (programmatic subscriptions).
[[nodiscard]] nlohmann::json subscriptions(const DaprApp& app);

}  // namespace taskd::daemon
