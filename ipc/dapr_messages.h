// SPDX-License-Identifier: Apache-2.0
// Requests and replies about calls through a Dapr sidecar; see messages.h.
#pragma once

#include "core/delivery.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::ipc {

/// What is known of one remote service's health, by its calls.
struct BreakerView {
    std::string target;
    std::string state;          ///< closed, open or half-open
    std::int64_t failures = 0;  ///< in a row
    std::int64_t opened = 0;    ///< how often it opened
    std::int64_t refused = 0;   ///< calls that were not made because it was open
    std::int64_t wait_ms = 0;   ///< until the next call may be made

    bool operator==(const BreakerView&) const = default;
};

/// A topic that the log is published to.
struct TopicView {
    std::string topic;
    std::int64_t lag = 0;        ///< events of the log that it has yet to look at
    std::int64_t published = 0;  ///< since the daemon began
    std::int64_t lost = 0;       ///< taken by retention.max_bytes before they were published
    std::int64_t failures = 0;   ///< in a row
    std::string error;           ///< of the last attempt, "" when it succeeded

    bool operator==(const TopicView&) const = default;
};

/// A call that taskd keeps and makes until it succeeds or its time is over; the reply means that it
/// is on disk.
struct DaprInvoke {
    using Reply = core::Delivery;
    static constexpr std::string_view method = "dapr.invoke";
    static constexpr bool writes = true;
    std::string app;
    std::string path;  ///< of the app, with its query
    std::string verb = "POST";
    std::vector<std::string> headers;  ///< "NAME: VALUE"
    std::string body;                  ///< text; at most 1 MiB
    std::string call_key;              ///< the Idempotency-Key that goes along; "": one is made
    std::int64_t keep_trying_ms = 0;   ///< 0: as configured
};

/// The same for one request to publish, single or bulk.
struct DaprPublish {
    using Reply = core::Delivery;
    static constexpr std::string_view method = "dapr.publish";
    static constexpr bool writes = true;
    std::string pubsub;
    std::string topic;
    std::string content_type = "application/cloudevents+json";
    std::string body;
    bool bulk = false;                  ///< `body` is a list of entries
    std::vector<std::string> metadata;  ///< "NAME=VALUE"
    std::int64_t keep_trying_ms = 0;
};

/// Asks for a call that the caller makes itself, or tells what became of one, so that all calls of
/// an app share one circuit breaker.
struct DaprBreaker {
    using Reply = BreakerView;
    static constexpr std::string_view method = "dapr.breaker";
    static constexpr bool writes = false;
    std::string app;
    std::string outcome;  ///< "": may it be made? "ok", "failed" or "withdrawn": what became of it
};

}  // namespace taskd::ipc
