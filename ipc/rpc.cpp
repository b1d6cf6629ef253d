// SPDX-License-Identifier: Apache-2.0
#include "ipc/rpc.h"

#include "ipc/json.h"

#include <array>
#include <utility>

namespace taskd::ipc {
namespace {

using core::Reason;
using nlohmann::json;

// JSON-RPC keeps -32768..-32000 for itself; of these, -32000..-32099 are free for servers.
// On the wire: do not change.
constexpr std::array<std::pair<Reason, int>, 12> codes{{
    {Reason::invalid_argument, -32602},
    {Reason::internal, -32603},
    {Reason::not_found, -32001},
    {Reason::conflict, -32002},
    {Reason::failed_precondition, -32003},
    {Reason::permission_denied, -32004},
    {Reason::unauthenticated, -32005},
    {Reason::unavailable, -32006},
    {Reason::deadline_exceeded, -32007},
    {Reason::unknown, -32008},
    {Reason::resource_exhausted, -32009},
    {Reason::data_loss, -32010},
}};

int code_of(Reason reason) {
    for (const auto& [value, code] : codes)
        if (value == reason) return code;
    return -32603;
}

// The protocol's own three errors are invalid_argument to us, with the code that JSON-RPC wants.
int code_of(const core::Error& error) {
    if (error.field == "json") return -32700;
    if (error.field == "request") return -32600;
    if (error.field == "method") return -32601;
    return code_of(error.reason);
}

}  // namespace

std::string request_text(const json& id, std::string_view method, const json& params) {
    return json{{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}}.dump();
}

json result_reply(const json& id, json result) {
    return {{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}};
}

json error_json(const core::Error& error) {
    json data{{"reason", core::to_string(error.reason)}};
    if (!error.field.empty()) data["field"] = error.field;
    if (!error.hint.empty()) data["hint"] = error.hint;
    return {{"code", code_of(error)}, {"message", error.message}, {"data", data}};
}

json error_reply(const json& id, const core::Error& error) {
    return {{"jsonrpc", "2.0"}, {"id", id}, {"error", error_json(error)}};
}

core::Error error_from(const json& error) {
    const auto text = [](const json& object, const char* name) {
        const auto found = object.is_object() ? object.find(name) : object.end();
        return found != object.end() && found->is_string() ? found->get<std::string>()
                                                           : std::string();
    };
    const auto data = error.is_object() ? error.find("data") : error.end();
    const json none = json::object();
    const json& details = data == error.end() ? none : *data;
    return {core::reason_from(text(details, "reason")), text(error, "message"),
            text(details, "field"), text(details, "hint")};
}

namespace {

tl::unexpected<core::Error> no_reply() {
    return tl::unexpected(
        core::Error{Reason::internal, "the daemon's answer is not a JSON-RPC reply", {}, {}});
}

core::Result<json> outcome_of(json& reply) {
    if (reply.is_object()) {
        if (const auto error = reply.find("error"); error != reply.end())
            return tl::unexpected(error_from(*error));
        if (const auto result = reply.find("result"); result != reply.end())
            return std::move(*result);
    }
    return no_reply();
}

}  // namespace

core::Result<json> parse_reply(std::string_view text) {
    auto reply = parse_json(text);
    if (!reply) return no_reply();
    return outcome_of(*reply);
}

core::Result<std::vector<core::Result<json>>> parse_replies(std::string_view text,
                                                            std::int64_t first_id,
                                                            std::size_t count) {
    auto replies = parse_json(text);
    if (!replies) return no_reply();
    if (!replies->is_array()) {  // the batch as a whole was refused
        auto refused = outcome_of(*replies);
        return refused ? no_reply() : tl::unexpected(refused.error());
    }
    std::vector<core::Result<json>> outcomes(count, no_reply());
    for (auto& reply : *replies) {
        const auto id = reply.is_object() ? reply.value("id", json()) : json();
        if (!id.is_number_integer()) return no_reply();
        const auto place = id.get<std::int64_t>() - first_id;
        if (place < 0 || place >= static_cast<std::int64_t>(count)) return no_reply();
        outcomes[static_cast<std::size_t>(place)] = outcome_of(reply);
    }
    return outcomes;
}

}  // namespace taskd::ipc
