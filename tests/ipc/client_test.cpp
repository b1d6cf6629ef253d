// SPDX-License-Identifier: Apache-2.0
// The client against a ROUTER that behaves as daemons do, also when they die.
#include "ipc/client.h"

#include "ipc/rpc.h"
#include "ipc/subscriber.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace taskd;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

ipc::Endpoint endpoint_in(const std::string& directory) {
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
    void wait_for_subscription() {
        while (subscriptions_ < 2) std::this_thread::yield();
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

json event_json(std::int64_t number) {
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
        return {context, endpoint, random, options, [] { return core::Result<void>(); }};
    }
};

}  // namespace

TEST_CASE("a writing call carries a fresh key, or the one that was given; a reading call none") {
    Calling calling;
    std::vector<std::string> keys;
    Peer peer(calling.endpoint, [&](const json& request) {
        keys.push_back(request["params"].value("idempotency_key", "none"));
        return ipc::result_reply(request["id"], {{"task", json::object()}});
    });
    auto client = calling.client();
    CHECK(client.call(ipc::TaskComplete{"1"}).has_value());
    CHECK(client.call(ipc::TaskComplete{"1"}).has_value());
    CHECK(client.call(ipc::TaskGet{"1"}).has_value());
    auto named = calling.client(20s, "mine");
    CHECK(named.call(ipc::TaskComplete{"1"}).has_value());
    REQUIRE(keys.size() == 4);
    CHECK(keys[0].size() == 36);
    CHECK(keys[0] != keys[1]);
    CHECK(keys[2] == "none");
    CHECK(keys[3] == "mine");
}

TEST_CASE("when the daemon dies with a request, the same request goes to the next one") {
    Calling calling;
    std::vector<json> seen;
    Peer peer(calling.endpoint, [&](const json& request) -> std::optional<json> {
        seen.push_back(request);
        if (seen.size() == 1) return {};
        return ipc::result_reply(request["id"], {{"task", json::object()}, {"replayed", true}});
    });
    auto client = calling.client();
    const auto answer = client.call(ipc::TaskComplete{"1"});
    REQUIRE(answer.has_value());
    CHECK(answer->replayed);
    REQUIRE(seen.size() == 2);
    CHECK(seen[0] == seen[1]);
}

TEST_CASE("no reply in time says that it may have been accepted, and under which key") {
    Calling calling;
    const auto answer = [&] {
        zmq::context_t context;
        zmq::socket_t silent(context, zmq::socket_type::router);
        silent.set(zmq::sockopt::linger, 0);
        silent.bind(calling.endpoint.requests());
        auto client = calling.client(50ms, "k");
        return client.call(ipc::TaskComplete{"1"});
    }();
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().reason == core::Reason::deadline_exceeded);
    CHECK(answer.error().hint.find("--idempotency-key k") != std::string::npos);
}

TEST_CASE("a daemon that was gone before the request went out is started anew") {
    test::TempDir directory;
    test::SeededRandom random{1};
    zmq::context_t context;
    std::unique_ptr<Peer> peer;
    int asked = 0;
    // As after kill -9: what was asked for a moment ago still seemed to listen.
    ipc::Client client(
        context, endpoint_in(directory.path()), random, {}, [&]() -> core::Result<void> {
            if (++asked == 2)
                peer =
                    std::make_unique<Peer>(endpoint_in(directory.path()), [](const json& request) {
                        return ipc::result_reply(request["id"], {{"pid", 7}});
                    });
            return {};
        });
    CHECK(client.call_json("admin.shutdown", json::object(), false).has_value());
    CHECK(asked == 2);
}

TEST_CASE("a peer that always hangs up is given up after a few connections") {
    Calling calling;
    Peer peer(calling.endpoint, [](const json&) { return std::optional<json>(); });
    auto client = calling.client();
    const auto answer = client.call(ipc::TaskGet{"1"});
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().reason == core::Reason::unknown);
}

TEST_CASE("what is too long, not UTF-8 or not answered in JSON is an error") {
    Calling calling;
    Peer peer(calling.endpoint, [](const json& request) -> std::optional<json> {
        return request["params"]["task"] == "odd" ? json("odd") : ipc::result_reply(1, "text");
    });
    auto client = calling.client();
    ipc::TaskAdd add;
    add.summary = "\xff";
    CHECK(client.call(add).error().reason == core::Reason::invalid_argument);
    add.summary = std::string(5 * 1024 * 1024, 'x');
    CHECK(client.call(add).error().reason == core::Reason::invalid_argument);
    CHECK(client.call(ipc::TaskGet{"odd"}).error().reason == core::Reason::internal);
    CHECK(client.call(ipc::TaskGet{"text"}).error().reason == core::Reason::internal);
}

TEST_CASE("an endpoint is an absolute directory that fits a socket's address") {
    CHECK_FALSE(ipc::Endpoint::make("").has_value());
    CHECK_FALSE(ipc::Endpoint::make("run").has_value());
    CHECK(ipc::Endpoint::make("/" + std::string(92, 'x')).has_value());
    CHECK_FALSE(ipc::Endpoint::make("/" + std::string(93, 'x')).has_value());
}

TEST_CASE("a directory that others may write to is not trusted, nor a link in its place") {
    test::TempDir directory;
    const auto endpoint = endpoint_in(directory.path() + "/run");
    CHECK(endpoint.check_owner().has_value());  // not there yet
    CHECK_FALSE(endpoint.is_listening());
    REQUIRE(mkdir(endpoint.directory().c_str(), 0700) == 0);
    CHECK(endpoint.check_owner().has_value());
    REQUIRE(chmod(endpoint.directory().c_str(), 0770) == 0);
    CHECK(endpoint.check_owner().error().reason == core::Reason::permission_denied);
    REQUIRE(symlink(endpoint.directory().c_str(), (directory.path() + "/link").c_str()) == 0);
    CHECK_FALSE(endpoint_in(directory.path() + "/link").check_owner().has_value());
}

TEST_CASE("a subscriber reads the log, takes live copies, fills gaps and drops repeats") {
    Calling calling;
    std::atomic<std::int64_t> head{3};
    Peer* self = nullptr;
    // The log as the daemon would give it; the first read is when the subscription is known.
    Peer peer(calling.endpoint, [&](const json& request) -> std::optional<json> {
        const std::int64_t after = request["params"]["after"];
        json events = json::array();
        const std::int64_t last = head;
        for (auto number = after + 1; number <= last; ++number)
            events.push_back(event_json(number));
        if (after == 0) {
            head = 8;
            const auto live = [&](std::int64_t number) {
                self->live.push_back(
                    {"task.created", std::to_string(number), event_json(number).dump()});
            };
            live(2);  // a repeat
            live(4);
            live(5);
            live(8);  // 6 and 7 were lost
        }
        return ipc::result_reply(request["id"],
                                 {{"events", events}, {"head", last}, {"next", last}});
    });
    self = &peer;
    auto client = calling.client();
    ipc::Subscriber subscriber(calling.context, client, {}, core::TopicFilter{}, 0);
    peer.wait_for_subscription();
    for (std::int64_t number = 1; number <= 8; ++number) {
        const auto event = subscriber.next(20s);
        REQUIRE(event.has_value());
        REQUIRE(event->has_value());
        CHECK((*event)->userseq == number);
    }
    CHECK_FALSE(subscriber.next(0ms)->has_value());
}
