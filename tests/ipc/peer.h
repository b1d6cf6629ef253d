// SPDX-License-Identifier: Apache-2.0
// A ROUTER and an XPUB that behave as daemons do, also when they die.
#pragma once

#include "ipc/client.h"
#include "ipc/rpc.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temp_dir.h"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace taskd::test {

using namespace std::chrono_literals;
using nlohmann::json;

inline ipc::Endpoint endpoint_in(const std::string& directory) {
    return *ipc::Endpoint::make(directory);
}

/// A ROUTER and an XPUB in a thread; `answer` gives the reply to a request, or none to die with the
/// socket closed and come back on a new one.
class Peer {
public:
    using Answer = std::function<std::optional<json>(const json& request)>;
    Peer(ipc::Endpoint endpoint, Answer answer)
        : endpoint_(std::move(endpoint)), answer_(std::move(answer)) {
        open();
        thread_ = std::thread([this] { serve(); });
    }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    ~Peer() {
        stopping_ = true;
        thread_.join();
    }
    /// Until a subscriber's two subscriptions (heads and all) have arrived, what is sent is lost.
    void wait_for_subscription(int count = 2) {
        while (subscriptions_ < count) std::this_thread::yield();
    }
    /// Sent from the serving thread with its next reply.
    std::vector<std::vector<std::string>> live;

private:
    void open() {
        router_.reset();
        router_ = std::make_unique<zmq::socket_t>(context_, zmq::socket_type::router);
        router_->set(zmq::sockopt::linger, 0);
        router_->bind(endpoint_.requests());
        if (!events_) {
            events_ = std::make_unique<zmq::socket_t>(context_, zmq::socket_type::xpub);
            events_->set(zmq::sockopt::linger, 0);
            events_->bind(endpoint_.events());
        }
    }
    void serve() {
        while (!stopping_) {
            zmq::pollitem_t items[] = {{router_->handle(), 0, ZMQ_POLLIN, 0},
                                       {events_->handle(), 0, ZMQ_POLLIN, 0}};
            zmq::poll(items, 2, 20ms);
            zmq::message_t subscription;
            while (events_->recv(subscription, zmq::recv_flags::dontwait)) ++subscriptions_;
            if (items[0].revents == 0) continue;
            zmq::message_t id;
            zmq::message_t body;
            (void)router_->recv(id);
            (void)router_->recv(body);
            const auto reply = answer_(json::parse(body.to_string_view()));
            if (!reply) {
                open();
                continue;
            }
            for (const auto& message : live)
                for (const auto& frame : message)
                    events_->send(zmq::buffer(frame), &frame == &message.back()
                                                          ? zmq::send_flags::none
                                                          : zmq::send_flags::sndmore);
            live.clear();
            router_->send(id, zmq::send_flags::sndmore);
            router_->send(zmq::buffer(reply->dump()), zmq::send_flags::none);
        }
    }

    zmq::context_t context_;
    ipc::Endpoint endpoint_;
    Answer answer_;
    std::unique_ptr<zmq::socket_t> router_;
    std::unique_ptr<zmq::socket_t> events_;
    std::atomic<bool> stopping_{false};
    std::atomic<int> subscriptions_{0};
    std::thread thread_;
};

inline json event_json(std::int64_t number) {
    return {{"specversion", "1.0"},  {"id", std::to_string(number)},
            {"source", "/taskd/t"},  {"type", "task.created"},
            {"subject", "s"},        {"time", "2026-11-24T08:00:00.000Z"},
            {"userid", "ada"},       {"userseq", number},
            {"data", json::object()}};
}

struct Calling {
    test::TempDir directory;
    ipc::Endpoint endpoint = endpoint_in(directory.path());
    zmq::context_t context;
    test::SeededRandom random{3};
    ipc::Client client(std::chrono::milliseconds deadline = 20s, const std::string& key = "") {
        ipc::Client::Options options;
        options.deadline = deadline;
        options.idempotency_key = key;
        return {context, endpoint, random, options, [this] { return wait_for_peer(); }};
    }
    /// As taskctl does: a daemon that died is not asked before the next one listens.
    core::Result<void> wait_for_peer() {
        const auto until = std::chrono::steady_clock::now() + 1s;
        while (!endpoint.is_listening() && std::chrono::steady_clock::now() < until)
            std::this_thread::yield();
        return {};
    }
};

}  // namespace taskd::test
