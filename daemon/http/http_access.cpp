// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/http_access.h"

#include "core/text.h"
#include "daemon/secret.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

constexpr const char* challenge = "Bearer realm=\"taskd\"";
constexpr const char* challenge_again = "Bearer realm=\"taskd\", error=\"invalid_token\"";

tl::unexpected<HttpRefusal> refuse(int status, std::string detail) {
    return tl::unexpected(HttpRefusal{status, std::move(detail), {}});
}

tl::unexpected<HttpRefusal> unauthenticated(std::string detail, const char* with) {
    return tl::unexpected(HttpRefusal{401, std::move(detail), {{"WWW-Authenticate", with}}});
}

/// A Host without its port, lower case.
std::string host_name_of(const std::string& host) {
    const auto bracket = host.rfind(']');
    const auto colon = host.rfind(':');
    const bool has_port = colon != std::string::npos &&
                          (bracket == std::string::npos || colon > bracket) &&
                          colon + 1 < host.size() &&
                          std::all_of(host.begin() + static_cast<std::ptrdiff_t>(colon) + 1,
                                      host.end(), [](char c) { return c >= '0' && c <= '9'; });
    return core::to_lower(has_port ? host.substr(0, colon) : host);
}

/// The token in an Authorization field; none when its scheme is another one.
std::optional<std::string_view> bearer_secret(std::string_view value) {
    constexpr std::string_view scheme = "bearer ";
    if (core::to_lower(value.substr(0, scheme.size())) != scheme) return {};
    return core::trim(value.substr(scheme.size()));
}

}  // namespace

HttpAccess::HttpAccess(Options options, const TokenTable& tokens, UserOfUid user_of_uid,
                       const core::Clock& clock)
    : options_(std::move(options)),
      tokens_(tokens),
      user_of_uid_(std::move(user_of_uid)),
      clock_(clock) {
    for (auto& host : options_.hosts) host = core::to_lower(host);
    for (const char* own : {"localhost", "127.0.0.1", "[::1]"}) options_.hosts.emplace_back(own);
}

tl::expected<void, HttpRefusal> HttpAccess::admit(const HttpJob& job) const {
    const auto is_in = [](const std::vector<std::string>& list, const std::string& word) {
        return std::find(list.begin(), list.end(), word) != list.end();
    };
    // No browser reaches a Unix socket, and curl sends any name there. A probe in HTTP/1.0 may have
    // no Host; a browser always has.
    const auto* host = job.request.field("host");
    if (!job.peer.uid && host != nullptr && !is_in(options_.hosts, host_name_of(*host)))
        return refuse(421,
                      "Host: this is not the server of that name; http.hosts lists more names");
    for (const auto& [name, value] : job.request.fields)
        if (name == "origin" && !is_in(options_.origins, value))
            return refuse(403, "Origin: pages of that origin are not let in; see http.origins");
    return {};
}

tl::expected<Caller, HttpRefusal> HttpAccess::identify(const HttpJob& job) const {
    const auto authorizations = job.request.count("authorization");
    if (authorizations > 1) return refuse(400, "more than one Authorization field");
    if (authorizations == 1) {
        const auto secret = bearer_secret(*job.request.field("authorization"));
        if (!secret) return unauthenticated("Authorization: use the scheme Bearer", challenge);
        if (const auto caller = of_token(sha256_hex(*secret))) return *caller;
        // Not a word about whether it was revoked, has expired or never was.
        return unauthenticated("the token is not in force; make one with taskctl token create",
                               challenge_again);
    }
    if (job.peer.uid) {
        if (const auto caller = user_of_uid_(*job.peer.uid)) return *caller;
        return unauthenticated(
            "uid " + std::to_string(*job.peer.uid) + " is not a user of this taskd", challenge);
    }
    return unauthenticated("send Authorization: Bearer TOKEN; taskctl token create makes one",
                           challenge);
}

std::optional<Caller> HttpAccess::of_token(const std::string& hash) const {
    auto caller = tokens_.find_hash(hash, clock_.now());
    if (caller && options_.admits && !options_.admits(caller->user)) return {};
    return caller;
}

CallerNow HttpAccess::caller_now(const HttpJob& job) const {
    if (const auto* authorization = job.request.field("authorization"))
        if (const auto secret = bearer_secret(*authorization))
            return [this, hash = sha256_hex(*secret)] { return of_token(hash); };
    return [this, uid = job.peer.uid] { return uid ? user_of_uid_(*uid) : std::nullopt; };
}

tl::expected<void, HttpRefusal> HttpAccess::may_read_metrics(const HttpJob& job) const {
    // Public means this machine's: what other machines reach always needs a token.
    if (options_.metrics_public && job.peer.is_loopback) return {};
    const auto caller = identify(job);
    if (!caller) return tl::unexpected(caller.error());
    if (caller->is_operator || caller->may_name_users) return {};
    return refuse(403,
                  "the counters tell of all users: use a token of scope service, or ask as an "
                  "operator on the Unix socket");
}

}  // namespace taskd::daemon
