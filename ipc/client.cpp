// SPDX-License-Identifier: Apache-2.0
#include "ipc/client.h"

#include "core/uuid.h"
#include "ipc/rpc.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>

namespace taskd::ipc {
namespace {

using core::Error;
using core::Reason;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Each loss of the connection means that a daemon died or refused us; more than a few is no crash
// that a resend can get over.
constexpr int connections_max = 5;

milliseconds left_until(steady_clock::time_point until) {
    return std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(until - steady_clock::now()));
}

/// The connection's own news, without which a lost daemon looks like a slow one.
class Monitor {
public:
    Monitor(zmq::context_t& context, zmq::socket_t& socket)
        : socket_(socket), pair_(context, zmq::socket_type::pair) {
        // An address is used once in a context, which several clients may share.
        static std::atomic<std::int64_t> last_number{0};
        const std::string address =
            "inproc://taskd-client-monitor-" + std::to_string(++last_number);
        zmq_socket_monitor(socket_.handle(), address.c_str(),
                           ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED);
        pair_.connect(address);
    }
    Monitor(const Monitor&) = delete;
    Monitor& operator=(const Monitor&) = delete;
    ~Monitor() { zmq_socket_monitor(socket_.handle(), nullptr, 0); }

    [[nodiscard]] zmq::socket_t& socket() { return pair_; }

    /// The next event's number (zmq_socket_monitor(3): two frames, the number first).
    [[nodiscard]] std::uint16_t event() {
        zmq::message_t frame;
        std::uint16_t number = 0;
        (void)pair_.recv(frame);
        if (frame.size() >= sizeof number) std::memcpy(&number, frame.data(), sizeof number);
        while (frame.more()) (void)pair_.recv(frame);
        return number;
    }

private:
    zmq::socket_t& socket_;
    zmq::socket_t pair_;
};

}  // namespace

Client::Client(zmq::context_t& context, Endpoint endpoint, core::Random& random, Options options,
               Ensure ensure)
    : context_(context),
      endpoint_(std::move(endpoint)),
      random_(random),
      options_(std::move(options)),
      ensure_(std::move(ensure)) {}

Client::Exchange Client::exchange(const std::string& request, steady_clock::time_point until) {
    zmq::socket_t socket(context_, zmq::socket_type::dealer);
    socket.set(zmq::sockopt::linger, 0);
    Monitor monitor(context_, socket);
    socket.connect(endpoint_.requests());
    socket.send(zmq::buffer(request), zmq::send_flags::none);

    std::array<zmq::pollitem_t, 2> items{
        {{socket.handle(), 0, ZMQ_POLLIN, 0}, {monitor.socket().handle(), 0, ZMQ_POLLIN, 0}}};
    for (;;) {
        const auto left = left_until(until);
        zmq::poll(items.data(), items.size(), left);
        if ((items[0].revents & ZMQ_POLLIN) != 0) {
            zmq::message_t frame;
            do {  // a daemon may put an empty delimiter in front
                (void)socket.recv(frame);
            } while (frame.more());
            return {Outcome::replied, frame.to_string()};
        }
        if ((items[1].revents & ZMQ_POLLIN) != 0) {
            // A daemon that was killed may still have seemed to listen a moment ago; libzmq would
            // go on trying for ever. One whose backlog is full does listen.
            const bool lost = monitor.event() == ZMQ_EVENT_DISCONNECTED;
            if (lost || !endpoint_.is_listening()) return {Outcome::disconnected, {}};
        }
        if (left == milliseconds{0}) return {Outcome::timed_out, {}};
    }
}

core::Result<std::string> Client::next_request(std::string_view method, nlohmann::json params) {
    if (!options_.user_id.empty()) params["user_id"] = options_.user_id;
    params["deadline_ms"] = options_.deadline.count();
    try {
        return request_text(++last_id_, method, params);
    } catch (const nlohmann::json::exception&) {
        return core::invalid_argument("text", "is not UTF-8; the daemon takes UTF-8 only");
    }
}

core::Result<nlohmann::json> Client::call_json(std::string_view method, nlohmann::json params,
                                               bool writes) {
    std::string key = options_.idempotency_key;
    if (writes && key.empty()) key = core::uuid_v4(random_);
    if (writes) params["idempotency_key"] = key;
    const auto text = next_request(method, std::move(params));
    if (!text) return tl::unexpected(text.error());
    const auto reply =
        send(*text, writes ? "repeat it with --idempotency-key " + key : std::string());
    if (!reply) return tl::unexpected(reply.error());
    return parse_reply(*reply);
}

core::Result<std::vector<core::Result<nlohmann::json>>> Client::call_batch(
    std::string_view method, const std::vector<nlohmann::json>& params) {
    const auto first_id = last_id_ + 1;
    std::string texts;
    for (const auto& one : params) {
        const auto text = next_request(method, one);
        if (!text) return tl::unexpected(text.error());
        texts += (texts.empty() ? "[" : ",") + *text;
    }
    const auto reply = send(texts + "]", "repeat it with the same keys");
    if (!reply) return tl::unexpected(reply.error());
    return parse_replies(*reply, first_id, params.size());
}

/// The text of the answer. `hint` is how to find out what became of a writing request.
core::Result<std::string> Client::send(const std::string& text, const std::string& hint) {
    if (text.size() > request_bytes_max)
        return core::invalid_argument("request", "is " + std::to_string(text.size()) +
                                                     " bytes long; at most 4 MiB are accepted");

    const auto until = steady_clock::now() + options_.deadline;
    for (int connection = 0; connection < connections_max; ++connection) {
        if (auto listening = ensure_(); !listening) return tl::unexpected(listening.error());
        auto got = exchange(text, until);
        if (got.outcome == Outcome::replied) return std::move(got.reply);
        if (got.outcome == Outcome::timed_out) {
            Error late{Reason::deadline_exceeded,
                       "no answer from the daemon within " +
                           std::to_string(options_.deadline.count()) + " ms",
                       {},
                       {}};
            if (!hint.empty())
                late.hint =
                    "it may have been accepted; " + hint + " to find out without doing it twice";
            return tl::unexpected(late);
        }
    }
    return tl::unexpected(Error{Reason::unknown,
                                "the daemon at " + endpoint_.directory() +
                                    " closed the connection " + std::to_string(connections_max) +
                                    " times",
                                {},
                                hint});
}

Error Client::unreadable(const Error& why) {
    return {Reason::internal,
            "the daemon's answer can't be read: " + why.message,
            {},
            "taskctl and taskd may be of different versions; see taskctl version"};
}

}  // namespace taskd::ipc
