// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/job.h"
#include "daemon/settings.h"

#include <zmq.hpp>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace taskd::daemon {

/// The loop's end of the way from HTTP: a ROUTER that HTTP's workers reach by inproc, so that their
/// requests take the same path to the store as all others. Belongs to the loop's thread.
class RpcBridge {
public:
    /// The number of this socket in Peer.socket, beside those of RequestSockets.
    static constexpr std::size_t socket_number = ~std::size_t{0};

    explicit RpcBridge(zmq::context_t& context);

    [[nodiscard]] zmq::socket_t& socket() { return socket_; }

    /// Appends what has arrived, up to the turn's bytes: at most one request of each worker and of
    /// each stream.
    void drain(std::vector<Request>& into, const Settings& settings, core::Monotonic now);

    /// Never blocks: a worker that gave up waiting doesn't get its reply.
    void reply(const Reply& reply);

    /// Refuses what still comes in while taskd stops.
    void dismiss();

private:
    [[nodiscard]] bool receive(Request& request);

    zmq::socket_t socket_;
};

/// A socket of one's own to the bridge, for the thread that asks.
[[nodiscard]] zmq::socket_t connect_to_loop(zmq::context_t& context);

/// Sends one JSON-RPC message of the caller's; the reply comes on the same socket.
void send_to_loop(zmq::socket_t& socket, const Caller& caller, const std::string& body);

/// A worker's end. Belongs to the worker's thread.
class RpcCaller {
public:
    /// `stopping` ends a wait early.
    RpcCaller(zmq::context_t& context, const std::atomic<bool>& stopping);

    /// Sends one JSON-RPC message and waits for what it comes to: "" for notifications, whose turn
    /// is committed then. None when there was no reply in time: it may have been accepted.
    [[nodiscard]] std::optional<std::string> call(const Caller& caller, const std::string& body,
                                                  std::chrono::milliseconds patience);

private:
    zmq::context_t& context_;
    const std::atomic<bool>& stopping_;
    zmq::socket_t socket_;
};

}  // namespace taskd::daemon
