// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "core/retry.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::core {

/// How reminders reach someone. ntfy and gotify are webhooks whose text is ready-made.
enum class ChannelKind { exec, email, desktop, webhook, ntfy, gotify, dapr };

[[nodiscard]] std::string_view to_string(ChannelKind kind);
/// Errors: invalid_argument on `kind`, with the kinds there are.
[[nodiscard]] Result<ChannelKind> channel_kind_from(std::string_view word);

/// One that people read: a flood of it may come as a digest, while a program wants each one.
[[nodiscard]] constexpr bool is_for_people(ChannelKind kind) {
    return kind == ChannelKind::email || kind == ChannelKind::desktop ||
           kind == ChannelKind::ntfy || kind == ChannelKind::gotify;
}
[[nodiscard]] constexpr bool is_web(ChannelKind kind) {
    return kind == ChannelKind::webhook || kind == ChannelKind::ntfy || kind == ChannelKind::gotify;
}

/// At most `max` go out within any `per`; what is more is told in one digest. 0: any number.
struct RateLimit {
    int max = 0;
    std::chrono::milliseconds per{std::chrono::minutes{1}};

    bool operator==(const RateLimit&) const = default;
};

struct Channel {
    std::string name;
    ChannelKind kind = ChannelKind::exec;
    std::vector<std::string> argv{};  ///< of exec: program and arguments; no shell reads them
    std::string to{};                 ///< of email: the address; "" for the user's own
    std::string url{};                ///< of webhook, ntfy and gotify
    bool has_secret = false;  ///< webhook: it is signed with it; ntfy and gotify: an access token
    std::string app{};        ///< of dapr: invoke this app's `method` ..
    std::string method{};
    std::string pubsub{};  ///< .. or publish to `topic` there
    std::string topic{};
    std::string subject{};  ///< template; "" for the usual words
    std::string body{};     ///< template; "" for the usual words, of a webhook the CloudEvent
    std::chrono::milliseconds timeout{std::chrono::seconds{30}};  ///< of one attempt
    bool is_default = false;
    std::optional<RetryPolicy> retry{};  ///< none: that of its kind
    std::optional<RateLimit> rate{};     ///< none: that of its kind
    std::string disabled{};              ///< why nothing is sent any more; "" while it is in use

    bool operator==(const Channel&) const = default;
};

inline constexpr std::size_t channels_max = 32;  ///< of one user

/// What a channel's own settings leave open. Mail outlives greylisting and a night's outage, a
/// desktop waits for its user to log in; `exec` is what the daemon's configuration says.
[[nodiscard]] RetryPolicy retry_of(const Channel& channel, const RetryPolicy& exec);
[[nodiscard]] RateLimit rate_of(const Channel& channel);

/// The channel with what must not be there left out, once it can be used. Programs that may not be
/// run, addresses and URLs are checked by those who use them.
///
/// Errors: invalid_argument - name, argv, url, app, pubsub, timeout_ms, subject, body, one of retry
///         or rate, or a field that is not one of this kind.
[[nodiscard]] Result<Channel> checked(Channel channel);

}  // namespace taskd::core
