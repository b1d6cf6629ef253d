// SPDX-License-Identifier: Apache-2.0
#include "daemon/bus.h"

#include "ipc/json.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

constexpr const char* head_topic = "taskd.head";

}  // namespace

void Bus::send(zmq::socket_t& socket, const std::string& topic, std::int64_t number,
               const std::string& body) {
    // An XPUB never blocks: past a subscriber's high-water mark it drops that subscriber's copy.
    using zmq::send_flags;
    const auto more = send_flags::sndmore | send_flags::dontwait;
    const bool sent = socket.send(zmq::buffer(topic), more) &&
                      socket.send(zmq::buffer(std::to_string(number)), more) &&
                      socket.send(zmq::buffer(body), send_flags::dontwait);
    if (!sent) ++send_failures_;
}

void Bus::add(core::UserId user, zmq::socket_t& socket, std::int64_t head) {
    lines_.insert_or_assign(std::move(user),
                            Line{&socket, {}, false, head, head, core::Monotonic{0}});
}

void Bus::publish(const std::vector<Publication>& publications, core::Monotonic now) {
    for (const auto& [user, event] : publications) {
        // Users without a socket of their own (named by an operator) read the log.
        const auto line = lines_.find(user);
        if (line == lines_.end()) continue;
        line->second.head = std::max(line->second.head, event.userseq);
        if (!is_wanted(line->second, event.type)) continue;
        if (event.data.size() <= ipc::live_data_bytes_max) {
            send(*line->second.socket, event.type, event.userseq, ipc::to_text(event));
        } else {
            ipc::CloudEvent reference = event;
            reference.data.clear();
            reference.dataref = "taskd:event/" + std::to_string(event.userseq);
            send(*line->second.socket, event.type, event.userseq, ipc::to_text(reference));
        }
    }
    send_heads(now);
}

void Bus::welcome(const core::UserId& user) {
    Line& line = lines_.at(user);
    zmq::message_t message;
    bool subscribed = false;
    while (line.socket->recv(message, zmq::recv_flags::dontwait)) {
        if (message.empty()) continue;
        const std::string prefix(message.data<char>() + 1, message.size() - 1);
        if (*message.data<char>() == 1) {
            subscribed = true;
            if (line.prefixes.size() < prefixes_kept_max)
                line.prefixes.insert(prefix);
            else
                line.has_many = true;  // until the socket is made anew
        } else {
            // The last one of this prefix has gone (ZMQ_XPUB_VERBOSE does not repeat these).
            line.prefixes.erase(prefix);
        }
    }
    if (subscribed) send_head(line);
}

bool Bus::is_wanted(const Line& line, const std::string& type) {
    return line.has_many ||
           std::any_of(line.prefixes.begin(), line.prefixes.end(), [&](const std::string& prefix) {
               return type.compare(0, prefix.size(), prefix) == 0;
           });
}

void Bus::send_head(Line& line) {
    send(*line.socket, head_topic, line.head, "{\"head\":" + std::to_string(line.head) + "}");
    line.told = line.head;
}

void Bus::send_heads(core::Monotonic now) {
    for (auto& [user, line] : lines_) {
        if (line.told == line.head || now < line.told_at + heartbeat_) continue;
        line.told_at = now;
        send_head(line);
    }
}

std::optional<core::Monotonic> Bus::next_head() const {
    std::optional<core::Monotonic> next;
    for (const auto& [user, line] : lines_) {
        if (line.told == line.head) continue;
        const auto at = line.told_at + heartbeat_;
        if (!next || at < *next) next = at;
    }
    return next;
}

}  // namespace taskd::daemon
