// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/dapr_routes.h"

#include "core/text.h"
#include "daemon/http/dapr_events.h"
#include "daemon/secret.h"

#include <nlohmann/json.hpp>

namespace taskd::daemon {
namespace {

using nlohmann::json;

constexpr std::size_t clipped_bytes_max = 1024;
constexpr std::string_view events_prefix = "/dapr/events/";

/// The dead letters of a route carry its name.
std::string name_of_route(std::string_view path) {
    if (path.rfind(events_prefix, 0) == 0) return std::string(path.substr(events_prefix.size()));
    return "task-events";
}

}  // namespace

tl::expected<void, HttpRefusal> DaprRoutes::check_token(const HttpJob& job) const {
    const auto& token = services_.dapr.token;
    if (token.empty()) return {};
    const auto* shown = job.request.field("dapr-api-token");
    if (shown != nullptr && job.request.count("dapr-api-token") == 1 &&
        equal_secrets(sha256_hex(*shown), sha256_hex(token)))
        return {};
    return tl::unexpected(
        HttpRefusal{401, "dapr-api-token: is not APP_API_TOKEN, which the sidecar sends", {}});
}

HttpResult DaprRoutes::config(const HttpJob& job) {
    if (const auto good = check_token(job); !good) return tl::unexpected(good.error());
    return HttpReply{200, "{}"};
}

HttpResult DaprRoutes::subscribe(const HttpJob& job) {
    if (const auto good = check_token(job); !good) return tl::unexpected(good.error());
    return HttpReply{200, subscriptions(services_.dapr).dump()};
}

HttpResult DaprRoutes::deliver(const HttpJob& job) {
    if (const auto good = check_token(job); !good) return tl::unexpected(good.error());
    const auto delivery = read_delivery(job.request.body, name_of_route(job.request.path()));
    if (delivery.params["events"].empty()) return HttpReply{200, retry_answer(delivery).dump()};
    const auto result = publish(delivery.params);
    if (!result) return HttpReply{200, retry_answer(delivery).dump()};
    return HttpReply{200, delivery_answer(delivery, {{"events", *result}}).dump()};
}

std::optional<json> DaprRoutes::publish(const json& params) {
    Caller sidecar{services_.dapr.owner};
    sidecar.may_name_users = true;
    auto result = calls_.call(sidecar, "event.publish", params);
    if (result) return std::move(result->at("events"));
    if (result.error().status != 400) return {};
    // Refused as a whole, as what is larger than a message may be: delivered again, it would be
    // refused again. So each has its turn, and one that is too large becomes a dead letter.
    const auto alone = [&](json event) {
        return publish({{"events", json::array({std::move(event)})},
                        {"each", true},
                        {"keep_refused", params["keep_refused"]}});
    };
    const json& events = params["events"];
    if (events.size() == 1 && events[0].is_string()) return {};
    if (events.size() == 1) return alone(core::clipped(events[0].dump(), clipped_bytes_max));
    auto outcomes = json::array();
    for (const auto& event : events) {
        auto outcome = alone(event);
        if (!outcome) return {};
        outcomes.push_back(std::move((*outcome)[0]));
    }
    return outcomes;
}

}  // namespace taskd::daemon
