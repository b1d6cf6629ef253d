// SPDX-License-Identifier: Apache-2.0
// What a sidecar delivers, as event.publish takes it, and what the sidecar is told.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace taskd::daemon {

/// One delivery: a single event, or many.
struct DaprDelivery {
    nlohmann::json params;  ///< of event.publish
    bool is_bulk = false;
    std::vector<std::string> entry_ids;  ///< of a bulk delivery, in the order of the events
};

/// Never fails: what can't be read becomes an event that event.publish refuses, and so a dead
/// letter with that reason.
///
/// Shape:  a CloudEvent (its media type doesn't matter), a bulk envelope, or an object with
///         event_type and no envelope, as services post it without pub/sub. An event that Dapr
///         wrapped, whose data has an event_type and no event_id, loses the envelope's id and time:
///         both are new with each publish, and its key comes from the content instead.
/// `topic` names the dead letters.
[[nodiscard]] DaprDelivery read_delivery(const std::string& body, const std::string& topic);

/// The body of the answer: {"status":"SUCCESS"}, RETRY or DROP; {"statuses":[...]} for a bulk.
/// `result` is what event.publish gave.
[[nodiscard]] nlohmann::json delivery_answer(const DaprDelivery& delivery,
                                             const nlohmann::json& result);

/// The answer when nothing was stored: the sidecar is to deliver again.
[[nodiscard]] nlohmann::json retry_answer(const DaprDelivery& delivery);

}  // namespace taskd::daemon
