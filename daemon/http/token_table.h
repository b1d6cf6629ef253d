// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "daemon/job.h"
#include "daemon/token.h"

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::daemon {

/// The tokens in force, in memory, since HTTP's threads never touch the store. The loop applies
/// what a turn committed before it sends that turn's replies: whoever reads that a token is revoked
/// can't see it work afterwards.
class TokenTable {
public:
    /// `fixed` is the hash of the administrator's own service secret (`http.token_file`), "" for
    /// none; it speaks as `owner`.
    TokenTable(std::vector<Token> tokens, std::string fixed, core::UserId owner);

    /// What has expired by `now` is forgotten on the way, so that the table can't grow by it.
    void apply(const std::vector<TokenChange>& changes, core::Timestamp now);

    /// Begins anew with these, as at a start.
    void reset(std::vector<Token> tokens);

    /// Whose secret it is; none when it is unknown, revoked or expired. Any thread.
    [[nodiscard]] std::optional<Caller> find(std::string_view secret, core::Timestamp now) const;

    /// The same by the secret's hash, for those who keep no secret.
    [[nodiscard]] std::optional<Caller> find_hash(const std::string& hash,
                                                  core::Timestamp now) const;

    [[nodiscard]] std::size_t size() const;

private:
    // Found by the hash's first digits, then compared in constant time: the digits tell nothing of
    // the secret, and a scan of all tokens would cost the more the more there are.
    using Prefix = std::string;

    std::string fixed_;
    core::UserId owner_;
    mutable std::mutex mutex_;
    std::multimap<Prefix, Token> tokens_;
};

}  // namespace taskd::daemon
