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
