// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "daemon/http/event_tickets.h"
#include "daemon/http/http_job.h"
#include "daemon/http/token_table.h"

#include <tl/expected.hpp>

#include <functional>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace taskd::daemon {

/// Decides who may ask what over HTTP, from the connection and the fields alone. Any thread.
class HttpAccess {
public:
    /// The admitted user of a uid. Called on HTTP's threads, so it must be safe to call there.
    using UserOfUid = std::function<std::optional<Caller>(uid_t)>;

    struct Options {
        std::vector<std::string> hosts;    ///< names beside localhost, 127.0.0.1 and [::1]
        std::vector<std::string> origins;  ///< of pages that may call, such as https://ci.example
        bool metrics_public = false;
        /// Whether a token's user is still served; none: any.
        std::function<bool(const core::UserId&)> admits{};
    };
    HttpAccess(Options options, const TokenTable& tokens, UserOfUid user_of_uid,
               const core::Clock& clock);

    /// Whether the request may come in at all.
    ///
    /// Errors: 421 - a Host that is not ours: a page on the Internet whose name was pointed at this
    ///         machine (DNS rebinding); 403 - an Origin that is not let in (CSRF).
    [[nodiscard]] tl::expected<void, HttpRefusal> admit(const HttpJob& job) const;

    /// Who asks: by bearer token, else by the uid of a Unix socket's peer.
    ///
    /// Errors: 401 - nobody, or a token that is not in force.
    [[nodiscard]] tl::expected<Caller, HttpRefusal> identify(const HttpJob& job) const;

    /// The same caller at any later time, without the secret; for one that was identified. None
    /// once the token is revoked or has expired, or the user has left. Outlived by this object.
    [[nodiscard]] CallerNow caller_now(const HttpJob& job) const;

    /// Whether the counters, which tell of all users, may be read.
    ///
    /// Errors: 401 as above; 403 - neither an operator nor a service.
    [[nodiscard]] tl::expected<void, HttpRefusal> may_read_metrics(const HttpJob& job) const;

private:
    [[nodiscard]] std::optional<Caller> of_token(const std::string& hash) const;

    Options options_;
    const TokenTable& tokens_;
    UserOfUid user_of_uid_;
    const core::Clock& clock_;
};

}  // namespace taskd::daemon
