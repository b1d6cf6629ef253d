// SPDX-License-Identifier: Apache-2.0
// Messages of admin.token_* and admin.stats; as messages.h, kept apart from what users' tasks need.
#pragma once

#include "core/clock.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::ipc {

/// A bearer token of HTTP; `secret` is in the reply that made it, and nowhere else.
struct TokenView {
    std::string id;
    std::string name;
    std::string scope;
    core::Timestamp created;
    std::optional<core::Timestamp> expires;
    std::string secret;
};
struct TokenCreate {
    using Reply = TokenView;
    static constexpr std::string_view method = "admin.token_create";
    static constexpr bool writes = true;
    std::string name;
    std::string scope = "user";
    std::int64_t ttl_ms = 0;  ///< 0: until it is revoked
};
struct TokenPage {
    std::vector<TokenView> tokens;
};
struct TokenList {
    using Reply = TokenPage;
    static constexpr std::string_view method = "admin.token_list";
    static constexpr bool writes = false;
};
struct TokenRevoke {
    using Reply = TokenView;
    static constexpr std::string_view method = "admin.token_revoke";
    static constexpr bool writes = true;
    std::string id;
};

/// One number of /metrics. A histogram is its `_count` and `_sum`, and `_bucket` per bound.
struct Sample {
    std::string name;
    std::map<std::string, std::string> labels;
    double value = 0;
};
struct Stats {
    std::vector<std::string> http;  ///< where HTTP really listens
    std::vector<Sample> samples;
};
struct AdminStats {
    using Reply = Stats;
    static constexpr std::string_view method = "admin.stats";
    static constexpr bool writes = false;
};

}  // namespace taskd::ipc
