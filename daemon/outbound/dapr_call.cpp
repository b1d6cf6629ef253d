// SPDX-License-Identifier: Apache-2.0
#include "core/text.h"
#include "daemon/outbound/channel.h"
#include "ipc/dapr/call.h"
#include "ipc/dapr/paths.h"
#include "ipc/dapr/trace.h"
#include "ipc/json.h"
#include "ipc/system_random.h"

#include <nlohmann/json.hpp>

namespace taskd::daemon {
namespace {

using core::Outcome;
using ipc::dapr::Answer;
using nlohmann::json;

constexpr std::size_t result_bytes_max = 300;
constexpr std::size_t output_bytes_max = 4096;
constexpr std::size_t answer_bytes_max = 64 * 1024;
constexpr int status_not_found = 404;

/// Text that can be stored and shown, whatever an app answered.
std::string readable(const std::string& body, std::size_t bytes_max) {
    if (core::is_utf8(body)) return core::clipped(body, bytes_max);
    return "(" + std::to_string(body.size()) + " bytes that are no text)";
}

std::string words_of(const Answer& answer) {
    if (!answer.response) return answer.detail;
    const auto& response = *answer.response;
    const auto code = ipc::dapr::sidecar_error_code(response);
    if (code.empty()) return "answered " + std::to_string(response.status);
    std::string text = "the sidecar answered " + std::to_string(response.status) + " " + code;
    const auto body = json::parse(response.body, nullptr, false);
    if (body.contains("message") && body["message"].is_string())
        text += ": " + body["message"].get<std::string>();
    return core::clipped(text, result_bytes_max);
}

core::Timestamp wall_clock() {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(
        std::chrono::system_clock::now());
}

Outcome outcome_of(const Answer& answer) {
    Outcome outcome;
    outcome.succeeded = ipc::dapr::verdict_of(answer) == ipc::dapr::Verdict::ok;
    outcome.retryable = ipc::dapr::is_retryable(answer);
    // Without a sidecar nothing is known of the app behind it.
    outcome.blames_callee = !outcome.succeeded && outcome.retryable &&
                            (answer.response || answer.failure != ipc::dapr::Failure::unreachable);
    outcome.result = words_of(answer);
    if (!answer.response) return outcome;
    outcome.status = answer.response->status;
    outcome.by_sidecar = !ipc::dapr::sidecar_error_code(*answer.response).empty();
    outcome.output = readable(answer.response->body, output_bytes_max);
    outcome.answer = answer.response->body.substr(0, answer_bytes_max);
    outcome.retry_after = ipc::dapr::retry_after(*answer.response, wall_clock());
    return outcome;
}

json entry_of(const ipc::CloudEvent& event) {
    return {{"entryId", event.id},
            {"event", json::parse(ipc::to_text(event))},
            {"contentType", "application/cloudevents+json"},
            {"metadata", {{"partitionKey", event.userid}}}};
}

std::string with_trace(const std::string& parent) {
    ipc::SystemRandom random;
    return ipc::dapr::continued_trace(parent, random);
}

ipc::dapr::Request request_for(const PublishBatch& batch, ipc::dapr::PublishRoute route) {
    const bool single = route == ipc::dapr::PublishRoute::single;
    const auto& first = batch.events.front();
    ipc::dapr::QueryFields query;
    if (single) query.emplace_back("metadata.partitionKey", first.userid);
    // The names were checked with the configuration.
    const auto path = *ipc::dapr::publish_path(batch.pubsub, batch.topic, route, query);
    ipc::dapr::Request request{"POST", path, {}, {}};
    request.headers = {
        {"Content-Type", single ? "application/cloudevents+json" : "application/json"},
        {"traceparent", with_trace(single ? first.traceparent : "")}};
    if (single) {
        request.body = ipc::to_text(first);
        return request;
    }
    json entries = json::array();
    for (const auto& event : batch.events) entries.push_back(entry_of(event));
    request.body = entries.dump();
    return request;
}

}  // namespace

Outcome run_call(const Job& job, ipc::dapr::HttpClient& http) {
    const auto& call = *job.call;
    ipc::dapr::Request request{call.verb, call.path, call.headers, {}};
    request.headers.emplace_back("traceparent", with_trace({}));
    if (call.verb == "POST" || call.verb == "PUT" || call.verb == "PATCH" || call.verb == "DELETE")
        request.headers.emplace_back("Idempotency-Key", call.key);
    if (!call.body.empty() || call.verb == "POST" || call.verb == "PUT" || call.verb == "PATCH")
        request.body = call.body;
    auto answer = http.send(request, job.timeout);
    // The bulk route of sidecars up to 1.16.
    constexpr std::string_view bulk = "/v1.0/publish/bulk/";
    if (call.path.rfind(bulk, 0) == 0 && answer.response &&
        answer.response->status == status_not_found) {
        request.path = "/v1.0-alpha1/publish/bulk/" + call.path.substr(bulk.size());
        answer = http.send(request, job.timeout);
    }
    return outcome_of(answer);
}

Outcome run_batch(const Job& job, ipc::dapr::HttpClient& http) {
    using ipc::dapr::PublishRoute;
    const auto& batch = *job.batch;
    if (batch.events.size() == 1)
        return outcome_of(http.send(request_for(batch, PublishRoute::single), job.timeout));
    const auto answer = http.send(request_for(batch, PublishRoute::bulk), job.timeout);
    if (answer.response && answer.response->status == status_not_found)
        return outcome_of(http.send(request_for(batch, PublishRoute::bulk_alpha), job.timeout));
    return outcome_of(answer);
}

}  // namespace taskd::daemon
