// SPDX-License-Identifier: Apache-2.0
#include "daemon/request_sockets.h"

#include "core/text.h"

#include <algorithm>
#include <cerrno>

namespace taskd::daemon {
namespace {

constexpr int queue_messages_max = 1000;  // of one peer; 40 stuck subscribers then hold 9 MiB
constexpr int handshake_ms_max = 2000;
constexpr int linger_ms = 500;  // for the last replies at the end
// Only subscriptions come in on the XPUB; libzmq buffers them unread and unbounded but for this.
constexpr std::int64_t subscription_bytes_max = 64;

zmq::socket_t open(zmq::context_t& context, zmq::socket_type type, const std::string& address,
                   uid_t uid, std::int64_t frame_bytes_max, int passed) {
    zmq::socket_t socket(context, type);
    socket.set(zmq::sockopt::linger, linger_ms);
    socket.set(zmq::sockopt::sndhwm, queue_messages_max);
    socket.set(zmq::sockopt::rcvhwm, queue_messages_max);
    socket.set(zmq::sockopt::handshake_ivl, handshake_ms_max);
    socket.set(zmq::sockopt::maxmsgsize, frame_bytes_max);
    // cppzmq 4.9 has no typed option for this one.
    if (zmq_setsockopt(socket.handle(), ZMQ_IPC_FILTER_UID, &uid, sizeof uid) != 0)
        throw zmq::error_t();
    if (type == zmq::socket_type::xpub) socket.set(zmq::sockopt::xpub_verbose, true);
    // A reply that a full peer does not take is told, and counted; with DONTWAIT, it never blocks.
    if (type == zmq::socket_type::router) socket.set(zmq::sockopt::router_mandatory, true);
    // Set, bind neither makes nor removes the file: it is systemd's, and its listener stays.
    if (passed >= 0) socket.set(zmq::sockopt::use_fd, passed);
    socket.bind(address);
    return socket;
}

/// The uid in Peer-Address, "localhost:uid:gid:pid", which a client can't forge. Null for greetings
/// of old protocol versions and for garbage.
bool comes_from(zmq::message_t& frame, uid_t uid) {
    const char* address = zmq_msg_gets(frame.handle(), "Peer-Address");
    if (address == nullptr) return false;
    const auto parts = core::split(address, ':');
    return parts.size() == 4 && parts[1] == std::to_string(uid);
}

}  // namespace

std::size_t RequestSockets::add(const Admission& admission) {
    const std::size_t number = numbers_++;
    users_.emplace(
        number, UserSockets{admission,
                            open(context_, zmq::socket_type::router, admission.endpoint.requests(),
                                 admission.uid, ipc::request_bytes_max, admission.passed.requests),
                            open(context_, zmq::socket_type::xpub, admission.endpoint.events(),
                                 admission.uid, subscription_bytes_max, admission.passed.events)});
    return number;
}

void RequestSockets::remove(std::size_t number) {
    users_.erase(number);
}

RequestSockets::Received RequestSockets::receive(std::size_t number, UserSockets& user,
                                                 Request& request) {
    zmq::message_t routing_id;
    if (!user.requests.recv(routing_id, zmq::recv_flags::dontwait)) return Received::nothing;
    bool good = false;
    request = {{number, routing_id.to_string(), false}, user.admission.caller, {}, {}};
    std::size_t frames = 0;
    zmq::message_t frame;
    for (bool more = routing_id.more(); more; more = frame.more(), ++frames) {
        if (!user.requests.recv(frame, zmq::recv_flags::dontwait)) break;
        if (frames == 0) good = comes_from(frame, user.admission.uid);
        if (frames == 0 && frame.size() == 0 && frame.more())
            request.peer.has_delimiter = true;
        else if (request.body.empty())
            request.body = frame.to_string();
    }
    const std::size_t expected = request.peer.has_delimiter ? 2 : 1;
    if (good && frames == expected) return Received::request;
    ++refused_;
    return Received::refused;
}

std::vector<Request> RequestSockets::drain(const Settings& settings, core::Monotonic now,
                                           std::size_t requests_max) {
    requests_max = std::min(requests_max, settings.turn_requests_max);
    std::vector<Request> requests;
    std::size_t bytes = 0;
    std::size_t silent = 0;  // users in a row without a message
    // A flood of refused messages must not keep the turn from ending either.
    for (std::size_t seen = 0;
         silent < users_.size() && seen < requests_max && bytes < settings.turn_bytes_max;) {
        Request request;
        auto user = users_.upper_bound(last_);
        if (user == users_.end()) user = users_.begin();
        last_ = user->first;
        const auto received = receive(user->first, user->second, request);
        silent = received == Received::nothing ? silent + 1 : 0;
        seen += received == Received::nothing ? 0 : 1;
        if (received != Received::request) continue;
        bytes += request.body.size();
        request.received = now;
        requests.push_back(std::move(request));
    }
    return requests;
}

void RequestSockets::reply(const std::vector<Reply>& replies) {
    using zmq::send_flags;
    for (const auto& [peer, body] : replies) {
        const auto user = users_.find(peer.socket);
        if (user == users_.end()) {  // not admitted any more
            ++dropped_;
            continue;
        }
        zmq::socket_t& socket = user->second.requests;
        const auto more = send_flags::sndmore | send_flags::dontwait;
        bool sent = false;
        try {
            sent = socket.send(zmq::buffer(peer.routing_id), more).has_value();
        } catch (const zmq::error_t& failure) {
            if (failure.num() != EHOSTUNREACH) throw;
            continue;  // it has gone, and waits for nothing
        }
        if (sent && peer.has_delimiter) sent = socket.send(zmq::message_t(), more).has_value();
        if (sent) sent = socket.send(zmq::buffer(body), send_flags::dontwait).has_value();
        if (!sent) ++dropped_;
    }
}

}  // namespace taskd::daemon
