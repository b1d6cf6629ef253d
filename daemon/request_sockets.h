// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/job.h"
#include "daemon/service_manager.h"
#include "daemon/settings.h"
#include "ipc/endpoint.h"

#include <zmq.hpp>

#include <cstdint>
#include <map>
#include <sys/types.h>
#include <vector>

namespace taskd::daemon {

/// One admitted user: where their sockets are and which uid the kernel lets in there.
struct Admission {
    ipc::Endpoint endpoint;
    uid_t uid = 0;
    Caller caller;
    PassedSockets passed{};  ///< listening already, from systemd
};

/// A user's two sockets. The uid filter is set before bind: who you are is which socket lets you
/// in.
struct UserSockets {
    Admission admission;
    zmq::socket_t requests;
    zmq::socket_t events;
};

/// The ROUTER and XPUB sockets of all admitted users, drained fairly.
class RequestSockets {
public:
    explicit RequestSockets(zmq::context_t& context) : context_(context) {}

    /// Binds a user's sockets; the number is what Peer.socket names, and is never used again.
    /// Throws zmq::error_t when a path can't be bound.
    std::size_t add(const Admission& admission);

    /// Closes a user's sockets; replies to it are dropped from now on.
    void remove(std::size_t number);

    [[nodiscard]] std::map<std::size_t, UserSockets>& users() { return users_; }

    /// What has arrived, one request from each user in turn, up to the turn's bounds and
    /// `requests_max`.
    [[nodiscard]] std::vector<Request> drain(const Settings& settings, core::Monotonic now,
                                             std::size_t requests_max = SIZE_MAX);

    /// Never blocks: a peer that doesn't read loses its reply.
    void reply(const std::vector<Reply>& replies);

    [[nodiscard]] std::uint64_t refused() const { return refused_; }
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

private:
    enum class Received { nothing, refused, request };
    Received receive(std::size_t number, UserSockets& user, Request& request);

    zmq::context_t& context_;
    std::map<std::size_t, UserSockets> users_;
    std::size_t numbers_ = 0;
    std::size_t last_ = 0;       ///< who was drained last; the next one begins
    std::uint64_t refused_ = 0;  ///< messages from a peer of another uid, or of the wrong shape
    std::uint64_t dropped_ = 0;  ///< replies that a full peer did not take
};

}  // namespace taskd::daemon
