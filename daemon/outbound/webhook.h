// SPDX-License-Identifier: Apache-2.0
// One attempt to tell a web server of something: an HTTP POST, signed where there is a secret.
#pragma once

#include "core/clock.h"
#include "core/delivery.h"
#include "core/result.h"
#include "daemon/outbound/network_rules.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace taskd::daemon {

struct WebRequest {
    std::string url;                                           ///< http:// or https://
    std::vector<std::pair<std::string, std::string>> headers;  ///< as check_webhook_header() wants
    std::string body;
    /// The delivery's: Idempotency-Key and webhook-id, the same for each attempt. Visible ASCII
    /// without ".", which separates what is signed.
    std::string id;
    std::string secret;   ///< the key's bytes; "" for no signature
    core::Timestamp now;  ///< of this attempt
    std::chrono::milliseconds timeout{std::chrono::seconds{30}};  ///< of the attempt as a whole
};

struct WebClient {
    NetworkRules networks;
    std::string ca_file;  ///< PEM; "" for the system's authorities
};

inline constexpr std::size_t webhook_url_bytes_max = 2048;
inline constexpr std::size_t webhook_headers_max = 32;

/// Whether `url` can be posted to.
///
/// Shape:  http:// or https://, a host, maybe a port, path and query; visible ASCII.
/// Errors: invalid_argument - anything else; a user or password, which the message doesn't repeat;
///         a fragment, which would not be sent; more than webhook_url_bytes_max.
[[nodiscard]] core::Result<void> check_webhook_url(const std::string& field,
                                                   const std::string& url);

/// Whether a header of the user's own can go with a request.
///
/// Shape:  a name of RFC 9110's token characters, a value of visible ASCII, spaces and tabs.
/// Errors: invalid_argument - anything else; one that taskd or the connection has to set: Host,
///         Content-Length, webhook-signature, ... The value may be secret and is not repeated.
/// Source: RFC 9110 sections 5.5, 5.6.2 and 7.6.1.
[[nodiscard]] core::Result<void> check_webhook_header(const std::string& field,
                                                      const std::string& name,
                                                      const std::string& value);

/// The bytes of the key that a secret stands for.
///
/// Shape:  "whsec_" and base64 of 24 to 64 bytes; or any other 16 to 256 visible ASCII characters,
///         which are the key as they are.
/// Errors: invalid_argument - neither; the secret is not repeated.
/// Source: Standard Webhooks 1.0.0, "Signature scheme".
[[nodiscard]] core::Result<std::string> read_webhook_secret(const std::string& field,
                                                            const std::string& text);

/// "v1," and base64 of HMAC-SHA256 over id.timestamp.body.
///
/// Units:  `timestamp` is in seconds since 1970.
/// Source: Standard Webhooks 1.0.0, "Signature scheme" and "Webhook headers".
[[nodiscard]] std::string webhook_signature(std::string_view secret, std::string_view id,
                                            std::int64_t timestamp, std::string_view body);

/// Makes one attempt; blocks until it ended, and ends within a second of `stopping`. Throws nothing
/// but bad_alloc.
///
/// Success is a 2xx. The head of the answer decides: who sent it has done the work, and a body that
/// breaks off, is too slow or goes on beyond 64 KiB changes nothing. Worth another attempt are 408,
/// 425, 429, 5xx and no answer at all. Redirects are not followed, and `result` tells where they
/// point to. The network rules are asked about each address that is connected to, after the name
/// was resolved; once the answer is "no" for all of them, the attempt is over for good.
///
/// Shape:  `status` of the answer or 0; `result`, such as "HTTP 204" or "timed out after 30 s";
///         `output`, the first 4 KiB of the answer's body as text, or an address that was refused
///         where another one did not answer; `retry_after` of an answer that is worth another
///         attempt; `blames_callee` for 408, 5xx and no answer.
/// Source: Standard Webhooks 1.0.0; RFC 9110 section 10.2.3 Retry-After.
[[nodiscard]] core::Outcome send_webhook(const WebRequest& request, const WebClient& client,
                                         const std::atomic<bool>& stopping);

}  // namespace taskd::daemon
