// SPDX-License-Identifier: Apache-2.0
// What passes between the front end, which owns the connections, and the workers.
#pragma once

#include "daemon/http/http_request.h"

#include <cstdint>
#include <functional>
#include <memory>
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

/// What fills an answer that has no end of its own. Called on the thread of the connections, which
/// it must not hold up.
class HttpStream {
public:
    HttpStream() = default;
    HttpStream(const HttpStream&) = delete;
    HttpStream& operator=(const HttpStream&) = delete;
    virtual ~HttpStream() = default;

    /// All that there was has been written, first of it the head: more may be fed.
    virtual void drained(std::uint64_t connection) = 0;
    /// The connection is gone.
    virtual void closed() = 0;
};

/// A whole response as it goes onto the wire, or what a stream begins with.
struct HttpAnswer {
    std::string bytes;
    bool close = false;
    std::shared_ptr<HttpStream> stream{};
};

/// Answers one request at a time; each worker thread has one of its own.
using HttpHandler = std::function<HttpAnswer(const HttpJob&)>;

}  // namespace taskd::daemon
