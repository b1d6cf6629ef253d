// SPDX-License-Identifier: Apache-2.0
// The client against a ROUTER that behaves as daemons do, also when they die.
#include "ipc/client.h"

#include "tests/ipc/peer.h"

#include <catch2/catch.hpp>

#include <memory>
#include <sys/stat.h>
#include <unistd.h>

using namespace taskd;
using namespace std::chrono_literals;
using nlohmann::json;
using test::Calling;
using test::endpoint_in;
using test::Peer;

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

TEST_CASE("several clients of one context notice the loss of their connections, each by itself") {
    Calling calling;
    std::atomic<int> waiting{0};
    std::atomic<int> answered{0};
    // The first request of each dies with its daemon; who does not notice waits for its deadline.
    Peer peer(calling.endpoint, [&](const json& request) -> std::optional<json> {
        if (++waiting <= 2) return {};
        ++answered;
        return ipc::result_reply(request["id"], {{"pid", 7}});
    });
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i)
        threads.emplace_back([&] {
            auto client = calling.client();
            for (int call = 0; call < 20; ++call)
                if (!client.call_json("admin.shutdown", json::object(), false)) answered = -1000;
        });
    for (auto& thread : threads) thread.join();
    CHECK(answered == 40);
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
