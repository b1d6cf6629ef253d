// SPDX-License-Identifier: Apache-2.0
#include "daemon/roles.h"

#include "core/text.h"
#include "daemon/config.h"
#include "daemon/dapr_name.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

using core::invalid_argument;
using core::Result;

constexpr std::size_t topics_max = 16;
constexpr std::size_t template_bytes_max = 4096;

/// "orders" or "orders=task.*+series.*".
Result<PublishedTopic> topic_from(const std::string& word) {
    const auto equals = word.find('=');
    PublishedTopic topic{std::string(core::trim(word.substr(0, equals))), {}};
    if (auto good = check_dapr_name("publisher.topics", topic.topic); !good)
        return tl::unexpected(good.error());
    if (equals == std::string::npos) return topic;
    auto types = core::TopicFilter::make(core::split(core::trim(word.substr(equals + 1)), '+'));
    if (!types)
        return invalid_argument("publisher.topics",
                                "\"" + core::clipped(word, 64) + "\": " + types.error().message);
    topic.types = std::move(*types);
    return topic;
}

Result<void> read_topics(const Config& config, Roles& roles) {
    for (const auto& word : listed(config.text("publisher.topics"))) {
        auto topic = topic_from(word);
        if (!topic) return tl::unexpected(topic.error());
        const bool twice =
            std::any_of(roles.topics.begin(), roles.topics.end(),
                        [&](const auto& other) { return other.topic == topic->topic; });
        if (twice) return invalid_argument("publisher.topics", topic->topic + " is there twice");
        roles.topics.push_back(std::move(*topic));
    }
    if (roles.topics.size() > topics_max)
        return invalid_argument("publisher.topics", "has more than 16 topics");
    if (!roles.topics.empty() && roles.pubsub.empty())
        return invalid_argument("dapr.pubsub", "is needed with publisher.topics");
    return {};
}

Result<void> read_words(const Config& config, Roles& roles) {
    const auto& recurring = config.text("recurring.mode");
    if (recurring == "local")
        roles.recurring = Roles::Recurring::local;
    else if (recurring == "remote")
        roles.recurring = Roles::Recurring::remote;
    else if (recurring != "off")
        return invalid_argument("recurring.mode", "\"" + core::clipped(recurring, 64) +
                                                      "\" is not accepted; use off, local or "
                                                      "remote");
    const auto& recur = config.text("backend.recur");
    if (recur != "none" && recur != "local")
        return invalid_argument("backend.recur", "\"" + core::clipped(recur, 64) +
                                                     "\" is not accepted; use none or local");
    roles.backend_recurs = recur == "local";
    for (const auto& [key, into] :
         {std::pair{"backend.service_id", &roles.backend_app},
          std::pair{"notification.service_id", &roles.notification_app}}) {
        *into = config.text(key);
        if (into->empty()) continue;
        if (auto good = check_dapr_name(key, *into); !good) return good;
    }
    if (roles.recurring == Roles::Recurring::remote && roles.backend_app.empty())
        return invalid_argument("backend.service_id", "is needed with recurring.mode = remote");
    for (const auto& [key, into] : {std::pair{"notification.subject", &roles.subject},
                                    std::pair{"notification.text", &roles.text}}) {
        *into = config.text(key);
        if (into->empty() || into->size() > template_bytes_max || !core::is_utf8(*into))
            return invalid_argument(key, "must be a text of 1 to 4096 bytes");
    }
    return {};
}

}  // namespace

Result<Roles> read_roles(const Config& config) {
    Roles roles;
    roles.backend = config.flag("backend.enabled");
    roles.notification = config.flag("notification.enabled");
    roles.pubsub = config.text("dapr.pubsub");
    roles.address_ttl = config.span("notification.address_ttl");
    roles.publish_max = static_cast<std::size_t>(config.integer("publisher.batch_max"));
    roles.call_timeout = config.span("call.timeout");
    roles.keep_trying = config.span("call.keep_trying");
    for (const auto& part : {read_words(config, roles), read_topics(config, roles)})
        if (!part) return tl::unexpected(part.error());
    auto resiliency = Resiliency::read(config.resiliency());
    if (!resiliency) return tl::unexpected(resiliency.error());
    roles.resiliency = std::move(*resiliency);
    if ((roles.takes_events() || roles.backend) && config.text("http.listen").empty())
        return invalid_argument("http.listen", "is needed by a role that the sidecar calls",
                                "such as 127.0.0.1:8377");
    if (roles.notification && config.text("smtp.url").empty())
        return invalid_argument("smtp.url", "is needed with notification.enabled",
                                "such as smtp://127.0.0.1:25");
    return roles;
}

}  // namespace taskd::daemon
