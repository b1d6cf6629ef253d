// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/call_handlers.h"

#include "core/http_token.h"
#include "core/text.h"
#include "daemon/handlers/delivery_handlers.h"
#include "ipc/dapr/paths.h"
#include "ipc/dapr/trace.h"

#include <algorithm>
#include <array>

namespace taskd::daemon {
namespace {

using core::Call;
using core::Error;
using core::invalid_argument;
using core::Reason;
using core::Result;
using std::chrono::milliseconds;

constexpr std::array verbs{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"};
constexpr std::size_t headers_max = 64;
constexpr std::size_t headers_bytes_max = 3 * 1024;  // a sidecar takes 4 KiB in all
constexpr std::size_t key_bytes_max = 255;
constexpr milliseconds keep_trying_max = std::chrono::hours{24 * 30};

Result<std::vector<std::pair<std::string, std::string>>> read_headers(
    const std::vector<std::string>& given) {
    std::vector<std::pair<std::string, std::string>> headers;
    std::size_t bytes = 0;
    for (const auto& line : given) {
        const auto colon = line.find(':');
        const std::string name(core::trim(line.substr(0, colon)));
        const std::string value(colon == std::string::npos ? std::string_view()
                                                           : core::trim(line.substr(colon + 1)));
        if (colon == std::string::npos || !core::is_http_token(name) || core::has_control(value))
            return invalid_argument(
                "headers", "\"" + core::clipped(line, 64) + "\" is not accepted; use NAME:VALUE");
        const auto lower = core::to_lower(name);
        for (const char* own :
             {"content-length", "transfer-encoding", "host", "dapr-app-id", "dapr-api-token",
              "idempotency-key", "baggage", "traceparent", "tracestate"})
            if (lower == own) return invalid_argument("headers", name + " is set by taskd itself");
        bytes += line.size();
        headers.emplace_back(name, value);
    }
    if (headers.size() > headers_max || bytes > headers_bytes_max)
        return invalid_argument("headers", "are more than 64, or more than 3072 bytes");
    return headers;
}

Result<milliseconds> patience(std::int64_t wanted_ms, const Handling& h) {
    if (wanted_ms == 0) return h.settings.roles.keep_trying;
    if (wanted_ms < 0 || milliseconds{wanted_ms} > keep_trying_max)
        return invalid_argument("keep_trying_ms",
                                std::to_string(wanted_ms) + " is not accepted; use up to 30 days");
    return milliseconds{wanted_ms};
}

/// The daemon calls with its own rights: others than operators may name what they are let name.
Result<void> check_allowed(const char* field, const std::string& target, const Handling& h) {
    if (h.caller.is_operator || h.settings.may_call(target)) return {};
    return tl::unexpected(Error{Reason::permission_denied,
                                std::string(field) + ": \"" + core::clipped(target, 64) +
                                    "\" is not among what this daemon calls for its users",
                                field, "the administrator lists it in call.allow"});
}

/// Its user's own circuit, unless an operator asked: nobody else is to wait for it.
std::string circuit_of_user(const Handling& h) {
    return h.caller.is_operator ? "" : R"({"own_circuit":true})";
}

Result<void> check_room(const std::string& body, Handling& h) {
    if (body.size() > core::call_body_bytes_max)
        return invalid_argument("body", "is " + std::to_string(body.size()) +
                                            " bytes long; at most 1048576 (1 MiB) are accepted");
    const auto most = h.settings.quotas.calls;
    if (h.unit.count_calls(h.user, most) < most) return {};
    return tl::unexpected(
        Error{Reason::resource_exhausted,
              "quota.calls: " + std::to_string(most) + " calls wait already, the most there may be",
              "quota.calls", "taskctl deliveries shows them"});
}

}  // namespace

Result<core::Delivery> keep_invoke(const ipc::DaprInvoke& request, Handling& h) {
    if (std::find(verbs.begin(), verbs.end(), request.verb) == verbs.end())
        return invalid_argument("verb", "\"" + core::clipped(request.verb, 64) +
                                            "\" is not accepted; use GET, HEAD, POST, PUT, PATCH, "
                                            "DELETE, OPTIONS or TRACE");
    auto path = ipc::dapr::invoke_path(request.app, request.path, {});
    if (!path) {
        auto error = path.error();
        if (error.field == "method") error.field = "path";
        return tl::unexpected(error);
    }
    if (auto allowed = check_allowed("app", request.app, h); !allowed)
        return tl::unexpected(allowed.error());
    auto headers = read_headers(request.headers);
    if (!headers) return tl::unexpected(headers.error());
    if (request.call_key.size() > key_bytes_max || core::has_control(request.call_key))
        return invalid_argument("call_key", "must be at most 255 bytes without control characters");
    const auto keep_trying = patience(request.keep_trying_ms, h);
    if (!keep_trying) return tl::unexpected(keep_trying.error());
    if (auto room = check_room(request.body, h); !room) return tl::unexpected(room.error());

    Call call;
    call.target = request.app;
    call.method = request.verb + " " + request.path.substr(0, request.path.find('?'));
    call.verb = request.verb;
    call.path = *path;
    call.headers = std::move(*headers);
    call.headers.emplace_back("baggage", ipc::dapr::user_baggage(h.user.str()));
    call.body = request.body;
    call.key = request.call_key;
    call.context = circuit_of_user(h);
    return keep_call(std::move(call), {}, 0, *keep_trying, h);
}

Result<core::Delivery> keep_publish(const ipc::DaprPublish& request, Handling& h) {
    ipc::dapr::QueryFields metadata;
    for (const auto& field : request.metadata) {
        const auto equals = field.find('=');
        if (equals == std::string::npos || equals == 0)
            return invalid_argument(
                "metadata", "\"" + core::clipped(field, 64) + "\" is not accepted; use NAME=VALUE");
        metadata.emplace_back("metadata." + field.substr(0, equals), field.substr(equals + 1));
    }
    const auto route =
        request.bulk ? ipc::dapr::PublishRoute::bulk : ipc::dapr::PublishRoute::single;
    auto path = ipc::dapr::publish_path(request.pubsub, request.topic, route, metadata);
    if (!path) return tl::unexpected(path.error());
    if (auto allowed = check_allowed("pubsub", request.pubsub, h); !allowed)
        return tl::unexpected(allowed.error());
    if (request.content_type.empty() || request.content_type.size() > key_bytes_max ||
        core::has_control(request.content_type))
        return invalid_argument("content_type",
                                "must be 1 to 255 bytes without control characters");
    const auto keep_trying = patience(request.keep_trying_ms, h);
    if (!keep_trying) return tl::unexpected(keep_trying.error());
    if (auto room = check_room(request.body, h); !room) return tl::unexpected(room.error());

    Call call;
    call.kind = Call::Kind::publish;
    call.target = request.pubsub;
    call.method = request.topic;
    call.verb = "POST";
    call.path = *path;
    call.headers = {{"Content-Type", request.bulk ? "application/json" : request.content_type}};
    call.body = request.body;
    call.context = circuit_of_user(h);
    return keep_call(std::move(call), {}, 0, *keep_trying, h);
}

Result<ipc::BreakerView> use_breaker(const ipc::DaprBreaker& request, Handling& h) {
    if (request.app.empty() || request.app.size() > key_bytes_max || core::has_control(request.app))
        return invalid_argument("app", "must be 1 to 255 bytes without control characters");
    const auto policy =
        h.settings.roles.resiliency.app(request.app).breaker.value_or(core::BreakerPolicy{});
    auto& breakers = h.standing.breakers;
    // One of many users must not keep the daemon from an app: what they tell counts for them.
    const std::string target =
        h.caller.is_operator ? request.app : h.user.str() + ": " + request.app;
    std::optional<milliseconds> wait;
    if (request.outcome.empty())
        wait = breakers.admit(target, policy, h.received);
    else if (request.outcome == "ok" || request.outcome == "failed")
        breakers.settle(target, policy, request.outcome == "failed", h.received);
    else if (request.outcome == "withdrawn")
        breakers.withdraw(target);
    else
        return invalid_argument("outcome", "\"" + core::clipped(request.outcome, 64) +
                                               "\" is not accepted; use ok, failed or withdrawn");
    auto view = breakers.view(target, policy, h.received);
    view.target = request.app;
    view.wait_ms = wait ? std::max<std::int64_t>(1, wait->count()) : 0;
    return view;
}

std::vector<ipc::BreakerView> breaker_views(const Breakers& breakers, const Settings& settings,
                                            core::Monotonic now) {
    std::vector<ipc::BreakerView> views;
    for (const auto& [target, breaker] : breakers.all())
        views.push_back(breakers.view(
            target, settings.roles.resiliency.app(target).breaker.value_or(core::BreakerPolicy{}),
            now));
    return views;
}

}  // namespace taskd::daemon
