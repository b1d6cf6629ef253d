// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/token_table.h"

#include "daemon/secret.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

constexpr std::size_t prefix_digits = 8;
// A clock that was set ahead by mistake must not take away what it did not expire.
constexpr std::chrono::hours kept_expired{24};

std::string prefix_of(const std::string& hash) {
    return hash.substr(0, prefix_digits);
}

Caller caller_of(const core::UserId& user, bool is_service) {
    Caller caller{user};
    caller.may_name_users = is_service;
    caller.by_token = true;
    return caller;
}

}  // namespace

TokenTable::TokenTable(std::vector<Token> tokens, std::string fixed, core::UserId owner)
    : fixed_(std::move(fixed)), owner_(std::move(owner)) {
    reset(std::move(tokens));
}

void TokenTable::reset(std::vector<Token> tokens) {
    const std::lock_guard lock(mutex_);
    tokens_.clear();
    for (auto& token : tokens) tokens_.emplace(prefix_of(token.hash), std::move(token));
}

void TokenTable::apply(const std::vector<TokenChange>& changes, core::Timestamp now) {
    const std::lock_guard lock(mutex_);
    std::erase_if(tokens_, [&](const auto& entry) {
        return entry.second.expires && *entry.second.expires + kept_expired <= now;
    });
    for (const auto& [token, revoked] : changes) {
        if (!revoked) {
            tokens_.emplace(prefix_of(token.hash), token);
            continue;
        }
        const auto [first, last] = tokens_.equal_range(prefix_of(token.hash));
        const auto found = std::find_if(first, last, [&token = token](const auto& entry) {
            return entry.second.hash == token.hash;
        });
        if (found != last) tokens_.erase(found);
    }
}

std::optional<Caller> TokenTable::find(std::string_view secret, core::Timestamp now) const {
    return find_hash(sha256_hex(secret), now);
}

std::optional<Caller> TokenTable::find_hash(const std::string& hash, core::Timestamp now) const {
    if (!fixed_.empty() && equal_secrets(hash, fixed_)) return caller_of(owner_, true);
    const std::lock_guard lock(mutex_);
    const auto [first, last] = tokens_.equal_range(prefix_of(hash));
    for (auto entry = first; entry != last; ++entry) {
        const Token& token = entry->second;
        if (!equal_secrets(hash, token.hash)) continue;
        if (token.expires && *token.expires <= now) return {};
        return caller_of(token.user, token.scope == "service");
    }
    return {};
}

std::size_t TokenTable::size() const {
    const std::lock_guard lock(mutex_);
    return tokens_.size();
}

}  // namespace taskd::daemon
