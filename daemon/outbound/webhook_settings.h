// SPDX-License-Identifier: Apache-2.0
// What a user may set of a webhook: where to, which headers, which secret.
#pragma once

#include "core/result.h"

#include <cstddef>
#include <string>

namespace taskd::daemon {

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

}  // namespace taskd::daemon
