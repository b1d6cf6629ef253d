// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/dapr_events.h"

#include "core/text.h"
#include "ipc/json.h"
#include "ipc/rpc.h"

#include <algorithm>
#include <array>

namespace taskd::daemon {
namespace {

using nlohmann::json;

constexpr const char* wrapped_type = "com.dapr.event.sent";
constexpr const char* bulk_type = "com.dapr.event.sent.bulk";
constexpr std::size_t entries_max = 1000;           // of event.publish
constexpr std::size_t unreadable_bytes_max = 1024;  // of its text in the dead letter

/// Reasons that another delivery may be rid of.
constexpr std::array<core::Reason, 6> transient{
    core::Reason::resource_exhausted, core::Reason::unavailable, core::Reason::internal,
    core::Reason::deadline_exceeded,  core::Reason::unknown,     core::Reason::data_loss};

bool has_text(const json& object, const char* member) {
    const auto found = object.find(member);
    return found != object.end() && found->is_string() &&
           !found->get_ref<const std::string&>().empty();
}

bool has_member(const json& object, const char* member) {
    const auto found = object.find(member);
    return found != object.end() && !found->is_null();
}

/// The delivered event as event.publish takes it.
json readable(json event) {
    if (!event.is_object()) return event;  // refused there
    if (!event.contains("specversion") && has_text(event, "event_type"))
        return {{"specversion", "1.0"},
                {"type", event["event_type"]},
                {"source", "/dapr/direct"},
                {"data", std::move(event)}};
    const auto data = event.find("data");
    const bool is_routed =
        data != event.end() && data->is_object() && has_text(*data, "event_type");
    if (is_routed && event.value("type", json()) == wrapped_type &&
        !has_member(*data, "event_id")) {
        event.erase("id");
        event.erase("time");
    }
    // What the sidecar adds on the way: it differs from delivery to delivery, or says nothing.
    for (const char* name : {"pubsubname", "topic", "traceid", "tracestate", "expiration"})
        event.erase(name);
    return event;
}

json unreadable(const std::string& body) {
    return core::is_utf8(body) ? json(core::clipped(body, unreadable_bytes_max))
                               : json("bytes that are not UTF-8");
}

std::string status_of(const json& outcome) {
    if (!outcome.contains("error")) return "SUCCESS";
    const auto reason = ipc::error_from(outcome["error"]).reason;
    const bool again = std::find(transient.begin(), transient.end(), reason) != transient.end();
    return again ? "RETRY" : "DROP";
}

bool is_bulk(const json& body) {
    return body.is_object() && body.value("type", json()) == bulk_type &&
           body.contains("entries") && body["entries"].is_array() &&
           body["entries"].size() <= entries_max;
}

}  // namespace

DaprDelivery read_delivery(const std::string& body, const std::string& topic) {
    DaprDelivery delivery;
    auto events = json::array();
    auto parsed = ipc::parse_json(body);
    delivery.is_bulk = parsed && is_bulk(*parsed);
    if (!parsed) {
        events.push_back(unreadable(body));
    } else if (!delivery.is_bulk) {
        events.push_back(readable(std::move(*parsed)));
    } else {
        for (auto& entry : (*parsed)["entries"]) {
            // Without an id the sidecar can't be told of it, and delivers it again.
            if (!entry.is_object() || !has_text(entry, "entryId")) continue;
            delivery.entry_ids.push_back(entry["entryId"].get<std::string>());
            events.push_back(entry.contains("event") ? readable(std::move(entry["event"]))
                                                     : json());
        }
    }
    delivery.params = {{"events", std::move(events)}, {"each", true}, {"keep_refused", topic}};
    return delivery;
}

json delivery_answer(const DaprDelivery& delivery, const json& result) {
    const auto& outcomes = result.at("events");
    if (!delivery.is_bulk) return {{"status", status_of(outcomes.at(0))}};
    auto statuses = json::array();
    for (std::size_t i = 0; i < delivery.entry_ids.size(); ++i)
        statuses.push_back(
            {{"entryId", delivery.entry_ids[i]}, {"status", status_of(outcomes.at(i))}});
    return {{"statuses", std::move(statuses)}};
}

json retry_answer(const DaprDelivery& delivery) {
    if (!delivery.is_bulk) return {{"status", "RETRY"}};
    auto statuses = json::array();
    for (const auto& id : delivery.entry_ids)
        statuses.push_back({{"entryId", id}, {"status", "RETRY"}});
    return {{"statuses", std::move(statuses)}};
}

}  // namespace taskd::daemon
