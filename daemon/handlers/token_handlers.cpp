// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/token_handlers.h"

#include "core/task.h"
#include "core/text.h"
#include "core/uuid.h"
#include "daemon/secret.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

using core::Error;
using core::Reason;
using std::chrono::milliseconds;

constexpr std::int64_t ttl_ms_min = 1000;
constexpr std::int64_t ttl_ms_max = 3660LL * 86'400 * 1000;  // ten years

ipc::TokenView view_of(const Token& token) {
    return {token.id, token.name, token.scope, token.created, token.expires, {}};
}

core::Result<void> check(const ipc::TokenCreate& request, const Handling& h) {
    if (h.caller.by_token)
        return tl::unexpected(Error{Reason::permission_denied,
                                    "a token can't make tokens; ask without one",
                                    {},
                                    "taskctl token create"});
    const bool named = !request.name.empty() && request.name.size() <= core::word_bytes_max &&
                       !core::has_control(request.name) &&
                       request.name.find_first_of(" \t,\"") == std::string::npos;
    if (!named)
        return core::invalid_argument("name", "\"" + core::clipped(request.name, 64) +
                                                  "\" is not a name; use one word of up to 64 "
                                                  "bytes, such as ci");
    if (request.scope != "user" && request.scope != "service")
        return core::invalid_argument("scope", "\"" + core::clipped(request.scope, 64) +
                                                   "\" is not a scope; use user or service");
    if (request.scope == "service" && !h.caller.is_operator)
        return tl::unexpected(Error{Reason::permission_denied,
                                    "scope: only an operator may make a service token, which may "
                                    "name other users",
                                    "scope",
                                    {}});
    if (request.ttl_ms != 0 && (request.ttl_ms < ttl_ms_min || request.ttl_ms > ttl_ms_max))
        return core::invalid_argument(
            "ttl_ms", std::to_string(request.ttl_ms) + " is not accepted; use 1000 to " +
                          std::to_string(ttl_ms_max) + ", or 0 for a token that doesn't expire");
    return {};
}

}  // namespace

core::Result<ipc::TokenView> create_token(const ipc::TokenCreate& request, Handling& h) {
    if (auto good = check(request, h); !good) return tl::unexpected(good.error());
    const auto existing = h.unit.list_tokens(h.user);
    const bool taken = std::any_of(existing.begin(), existing.end(),
                                   [&](const Token& token) { return token.name == request.name; });
    if (taken)
        return tl::unexpected(
            Error{Reason::conflict, "name: there is a token \"" + request.name + "\" already",
                  "name", "taskctl token revoke " + request.name + ", or use another name"});
    if (static_cast<std::int64_t>(existing.size()) >= tokens_max)
        return tl::unexpected(Error{Reason::resource_exhausted,
                                    "there are 64 tokens already, the most there can be", "name",
                                    "taskctl token revoke ID"});
    Token token;
    token.user = h.user;
    token.id = core::uuid_v7(h.unit.now(), h.unit.random());
    token.name = request.name;
    token.scope = request.scope;
    token.created = h.unit.now();
    if (request.ttl_ms > 0) token.expires = h.unit.now() + milliseconds{request.ttl_ms};
    const std::string secret = make_token_secret(h.unit.random());
    token.hash = sha256_hex(secret);
    h.unit.insert_token(token);
    h.token_changes.push_back({token, false});
    auto view = view_of(token);
    view.secret = secret;
    return view;
}

core::Result<ipc::TokenPage> list_tokens(const ipc::TokenList&, Handling& h) {
    ipc::TokenPage page;
    for (const auto& token : h.unit.list_tokens(h.user)) page.tokens.push_back(view_of(token));
    return page;
}

core::Result<ipc::TokenView> revoke_token(const ipc::TokenRevoke& request, Handling& h) {
    const auto tokens = h.unit.list_tokens(h.user);
    const auto found = std::find_if(tokens.begin(), tokens.end(), [&](const Token& token) {
        return token.id == request.id || token.name == request.id;
    });
    if (found == tokens.end())
        return core::not_found("id", "there is no token \"" + core::clipped(request.id, 64) + "\"",
                               "taskctl token list shows those there are");
    h.unit.erase_token(*found);
    h.token_changes.push_back({*found, true});
    return view_of(*found);
}

}  // namespace taskd::daemon
