// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/rpc_bridge.h"

#include "ipc/rpc.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

constexpr const char* address = "inproc://taskd-http";
constexpr std::chrono::milliseconds look_up{200};  // at whether taskd stops

// The caller's rights as one frame; both ends are this process.
constexpr char is_operator_flag = 1;
constexpr char may_name_users_flag = 2;
constexpr char by_token_flag = 4;

std::string flags_of(const Caller& caller) {
    const int flags = (caller.is_operator ? is_operator_flag : 0) |
                      (caller.may_name_users ? may_name_users_flag : 0) |
                      (caller.by_token ? by_token_flag : 0);
    return {static_cast<char>(flags)};
}

Caller caller_from(const std::string& user, char flags) {
    return {core::UserId{user}, (flags & is_operator_flag) != 0, (flags & may_name_users_flag) != 0,
            (flags & by_token_flag) != 0};
}

}  // namespace

RpcBridge::RpcBridge(zmq::context_t& context) : socket_(context, zmq::socket_type::router) {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.bind(address);
}

bool RpcBridge::receive(Request& request) {
    zmq::message_t routing_id;
    if (!socket_.recv(routing_id, zmq::recv_flags::dontwait)) return false;
    zmq::message_t user;
    zmq::message_t flags;
    zmq::message_t body;
    for (auto* frame : {&user, &flags, &body}) (void)socket_.recv(*frame);
    request.peer = {socket_number, routing_id.to_string(), false, true};
    request.caller = caller_from(user.to_string(), *flags.data<char>());
    request.body = body.to_string();
    return true;
}

void RpcBridge::drain(std::vector<Request>& into, const Settings& settings, core::Monotonic now) {
    std::size_t bytes = 0;
    Request request;
    while (bytes < settings.turn_bytes_max && receive(request)) {
        bytes += request.body.size();
        request.received = now;
        into.push_back(std::move(request));
        request = {};
    }
}

void RpcBridge::reply(const Reply& reply) {
    using zmq::send_flags;
    if (socket_.send(zmq::buffer(reply.peer.routing_id),
                     send_flags::sndmore | send_flags::dontwait))
        (void)socket_.send(zmq::buffer(reply.body), send_flags::dontwait);
}

void RpcBridge::dismiss() {
    Request request;
    while (receive(request))
        reply({request.peer,
               ipc::error_reply(
                   nullptr,
                   {core::Reason::unavailable, "taskd is stopping; ask the next one", {}, {}})
                   .dump()});
}

zmq::socket_t connect_to_loop(zmq::context_t& context) {
    zmq::socket_t socket(context, zmq::socket_type::dealer);
    socket.set(zmq::sockopt::linger, 0);
    socket.connect(address);
    return socket;
}

void send_to_loop(zmq::socket_t& socket, const Caller& caller, const std::string& body) {
    using zmq::send_flags;
    const std::string flags = flags_of(caller);
    (void)socket.send(zmq::buffer(caller.user.str()), send_flags::sndmore);
    (void)socket.send(zmq::buffer(flags), send_flags::sndmore);
    (void)socket.send(zmq::buffer(body), send_flags::none);
}

RpcCaller::RpcCaller(zmq::context_t& context, const std::atomic<bool>& stopping)
    : context_(context), stopping_(stopping), socket_(connect_to_loop(context)) {}

std::optional<std::string> RpcCaller::call(const Caller& caller, const std::string& body,
                                           std::chrono::milliseconds patience) {
    send_to_loop(socket_, caller, body);
    const auto until = std::chrono::steady_clock::now() + patience;
    zmq::pollitem_t item{socket_.handle(), 0, ZMQ_POLLIN, 0};
    while (!stopping_) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        if (left.count() <= 0) break;
        if (zmq::poll(&item, 1, std::min(left, look_up)) == 0) continue;
        zmq::message_t reply;
        if (socket_.recv(reply, zmq::recv_flags::dontwait)) return reply.to_string();
    }
    // A new socket has a new routing id: the reply to this request, if it comes, finds nobody.
    socket_ = connect_to_loop(context_);
    return {};
}

}  // namespace taskd::daemon
