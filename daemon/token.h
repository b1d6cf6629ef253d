// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "core/ids.h"

#include <optional>
#include <string>
#include <vector>

namespace taskd::daemon {

inline constexpr std::int64_t tokens_max = 64;  ///< of one user, without the expired ones

/// A bearer token as it is stored: the secret itself is nowhere.
struct Token {
    core::UserId user;
    std::string id;
    std::string name;
    std::string hash;   ///< SHA-256 of the secret, hexadecimal
    std::string scope;  ///< "user": speaks for its user; "service": may name other users
    core::Timestamp created;
    std::optional<core::Timestamp> expires;

    bool operator==(const Token&) const = default;
};

/// What a turn did to the tokens; applied to the TokenTable once it is committed.
struct TokenChange {
    Token token;
    bool revoked = false;
};

}  // namespace taskd::daemon
