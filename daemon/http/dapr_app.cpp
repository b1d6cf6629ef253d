// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/dapr_app.h"

#include "core/text.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace taskd::daemon {
namespace {

constexpr std::size_t topic_bytes_max = 128;
constexpr std::size_t topics_max = 100;
constexpr int bulk_wait_ms = 100;

bool is_name(const std::string& name) {
    return !name.empty() && name.size() <= topic_bytes_max &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '-' || c == '_' || c == '/';
           });
}

}  // namespace

core::Result<DaprApp> read_dapr_app(const Config& config, const core::UserId& owner,
                                    const std::function<std::string(const char*)>& environment) {
    DaprApp app;
    app.pubsub = config.text("dapr.pubsub");
    app.owner = owner;
    if (!app.is_on()) return app;
    const auto refuse = [](const char* key, const std::string& found) {
        return core::invalid_argument(key, "\"" + core::clipped(found, 64) +
                                               "\" is not accepted; use 1 to 128 letters, digits, "
                                               "\".\", \"-\", \"_\" or \"/\"");
    };
    if (!is_name(app.pubsub)) return refuse("dapr.pubsub", app.pubsub);
    for (const auto& word : core::split(config.text("dapr.topics"), ',')) {
        const std::string topic(core::trim(word));
        if (topic.empty()) continue;
        if (!is_name(topic)) return refuse("dapr.topics", topic);
        app.topics.push_back(topic);
    }
    std::sort(app.topics.begin(), app.topics.end());
    app.topics.erase(std::unique(app.topics.begin(), app.topics.end()), app.topics.end());
    if (app.topics.empty() || app.topics.size() > topics_max)
        return core::invalid_argument("dapr.topics",
                                      "has " + std::to_string(app.topics.size()) +
                                          " topics; with dapr.pubsub use 1 to 100, with commas");
    app.dead_letter_topic = config.text("dapr.dead_letter_topic");
    if (!app.dead_letter_topic.empty() && !is_name(app.dead_letter_topic))
        return refuse("dapr.dead_letter_topic", app.dead_letter_topic);
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
