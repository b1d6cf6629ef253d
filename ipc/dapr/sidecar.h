// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <cstdint>
#include <functional>
#include <string>

namespace taskd::ipc::dapr {

/// Where a sidecar listens, and the token that it asks for.
struct Sidecar {
    std::string scheme = "http";  ///< or https
    std::string host;             ///< a name, or an address without brackets
    std::uint16_t port = 3500;
    std::string path;    ///< in front of /v1.0, without a slash at its end; mostly ""
    std::string socket;  ///< a Unix socket instead of host and port
    std::string token;   ///< dapr-api-token; "" sends none

    bool operator==(const Sidecar&) const = default;
};

/// "" for a variable that is not set.
using Environment = std::function<std::string(const char* name)>;
[[nodiscard]] std::string process_environment(const char* name);

/// The first of: `endpoint` as given, DAPR_HTTP_ENDPOINT, http://127.0.0.1:$DAPR_HTTP_PORT, port
/// 3500. The token is DAPR_API_TOKEN. An endpoint is http://HOST[:PORT][/PATH], https://..., or
/// unix:/PATH/dapr-APP-http.socket.
///
/// Errors: invalid_argument on `sidecar` or the variable.
[[nodiscard]] core::Result<Sidecar> find_sidecar(const std::string& endpoint,
                                                 const Environment& environment);

/// As a URL, for people; the token is not in it.
[[nodiscard]] std::string to_text(const Sidecar& sidecar);

}  // namespace taskd::ipc::dapr
