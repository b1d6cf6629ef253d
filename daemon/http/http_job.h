// SPDX-License-Identifier: Apache-2.0
// What passes between the front end, which owns the connections, and the workers.
#pragma once

#include "daemon/http/http_request.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <sys/types.h>

namespace taskd::daemon {

/// Where a connection comes from, as the kernel knows it.
struct HttpPeer {
    std::optional<uid_t> uid;  ///< of a Unix socket's peer (SO_PEERCRED)
    bool is_loopback = true;   ///< of TCP: no other machine reaches the listener
};

struct HttpJob {
    std::uint64_t connection = 0;
    HttpPeer peer;
    HttpRequest request;
};

/// A whole response as it goes onto the wire.
struct HttpAnswer {
    std::string bytes;
    bool close = false;
};

/// Answers one request at a time; each worker thread has one of its own.
using HttpHandler = std::function<HttpAnswer(const HttpJob&)>;

}  // namespace taskd::daemon
