// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/dapr_app.h"

#include "daemon/dapr_name.h"
#include "daemon/roles.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace taskd::daemon {
namespace {

constexpr std::size_t topics_max = 100;
constexpr int bulk_wait_ms = 100;

}  // namespace

core::Result<DaprApp> read_dapr_app(const Config& config, const core::UserId& owner,
                                    const std::function<std::string(const char*)>& environment) {
    DaprApp app;
    app.pubsub = config.text("dapr.pubsub");
    app.owner = owner;
    app.topics = listed(config.text("dapr.topics"));
    const auto roles = read_roles(config);
    if (!roles) return tl::unexpected(roles.error());
    app.backend = roles->backend;
    app.on = !app.topics.empty() || roles->takes_events() || roles->backend;
    if (!app.on && !app.pubsub.empty() && roles->topics.empty())
        return core::invalid_argument("dapr.topics",
                                      "has no topics; with dapr.pubsub use 1 to 100, with commas");
    if (!app.is_on()) return app;
    if (!app.topics.empty())
        if (auto good = check_dapr_name("dapr.pubsub", app.pubsub); !good)
            return tl::unexpected(good.error());
    for (const auto& topic : app.topics)
        if (auto good = check_dapr_name("dapr.topics", topic); !good)
            return tl::unexpected(good.error());
    std::sort(app.topics.begin(), app.topics.end());
    app.topics.erase(std::unique(app.topics.begin(), app.topics.end()), app.topics.end());
    if (app.topics.size() > topics_max)
        return core::invalid_argument(
            "dapr.topics", "has " + std::to_string(app.topics.size()) + " topics; use at most 100");
    app.dead_letter_topic = config.text("dapr.dead_letter_topic");
    if (!app.dead_letter_topic.empty())
        if (auto good = check_dapr_name("dapr.dead_letter_topic", app.dead_letter_topic); !good)
            return tl::unexpected(good.error());
    app.bulk_max = config.integer("dapr.bulk_max");
    app.token = environment("APP_API_TOKEN");
    if (app.token.empty() && !config.flag("dapr.allow_no_token"))
        return core::failed_precondition(
            "APP_API_TOKEN",
            "APP_API_TOKEN is not set, so anyone on this machine could send events as the sidecar "
            "does",
            "set it for taskd and for the sidecar, or set dapr.allow_no_token");
    return app;
}

std::string route_of_topic(const std::string& topic) {
    std::string name = topic;
    std::replace(name.begin(), name.end(), '/', '.');
    return "/dapr/events/" + name;
}

nlohmann::json subscriptions(const DaprApp& app) {
    auto list = nlohmann::json::array();
    for (const auto& topic : app.topics) {
        nlohmann::json one{
            {"pubsubname", app.pubsub}, {"topic", topic}, {"route", route_of_topic(topic)}};
        if (!app.dead_letter_topic.empty()) one["deadLetterTopic"] = app.dead_letter_topic;
        if (app.bulk_max > 0)
            one["bulkSubscribe"] = {{"enabled", true},
                                    {"maxMessagesCount", app.bulk_max},
                                    {"maxAwaitDurationMs", bulk_wait_ms}};
        list.push_back(std::move(one));
    }
    return list;
}

}  // namespace taskd::daemon
