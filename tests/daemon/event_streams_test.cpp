// SPDX-License-Identifier: Apache-2.0
// The thread of the streams, with the test in the place of the loop and of the connections.
#include "daemon/http/event_streams.h"

#include "daemon/http/http_places.h"
#include "daemon/http/rpc_bridge.h"
#include "ipc/rpc.h"
#include "tests/support/manual_clock.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <condition_variable>

using namespace taskd;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

constexpr auto patience = 20s;

json event_of(std::int64_t number) {
    return {{"specversion", "1.0"}, {"userseq", number}, {"data", {{"text", "a\nb\r\u2028"}}}};
}

json page_of(const std::vector<std::int64_t>& numbers, std::int64_t next) {
    json events = json::array();
    for (const auto number : numbers) events.push_back(event_of(number));
    return {{"events", events}, {"head", next}, {"next", next}};
}

class StreamsFixture {
public:
    StreamsFixture() {
        streams.emplace(context, clock, pulse, daemon::EventStreams::Options{2, 1, 15s},
                        [this](std::uint64_t connection, std::string bytes, bool is_last) {
                            const std::lock_guard lock(mutex);
                            fed.push_back({connection, std::move(bytes), is_last});
                            changed.notify_all();
                        });
    }
    StreamsFixture(const StreamsFixture&) = delete;
    StreamsFixture& operator=(const StreamsFixture&) = delete;
    ~StreamsFixture() { streams->stop(); }

    std::shared_ptr<daemon::HttpStream> open(std::int64_t after, bool is_chunked = false) {
        auto place = streams->take_place(ada);
        REQUIRE(place);
        return streams->open({[this] {
                                  const std::lock_guard lock(mutex);
                                  return caller;
                              },
                              ada,
                              {"task.*"},
                              after,
                              is_chunked,
                              std::move(place)});
    }
    /// The next call that comes to the loop.
    daemon::Request call() {
        std::vector<daemon::Request> requests;
        zmq::pollitem_t item{bridge.socket().handle(), 0, ZMQ_POLLIN, 0};
        REQUIRE(zmq::poll(&item, 1, patience) == 1);
        bridge.drain(requests, {}, {});
        REQUIRE(requests.size() == 1);
        return requests.at(0);
    }
    [[nodiscard]] bool is_asked() {
        zmq::pollitem_t item{bridge.socket().handle(), 0, ZMQ_POLLIN, 0};
        return zmq::poll(&item, 1, 0ms) == 1;
    }
    void reply(const daemon::Request& request, const json& result) {
        const auto id = json::parse(request.body).at("id");
        bridge.reply({request.peer, ipc::result_reply(id, result).dump()});
    }
    struct Fed {
        std::uint64_t connection;
        std::string bytes;
        bool is_last;
    };
    Fed next_fed() {
        std::unique_lock lock(mutex);
        REQUIRE(changed.wait_for(lock, patience, [&] { return !fed.empty(); }));
        auto first = std::move(fed.front());
        fed.erase(fed.begin());
        return first;
    }
    void leave() {
        const std::lock_guard lock(mutex);
        caller.reset();
    }

    const core::UserId ada{"ada"};
    zmq::context_t context;
    test::ManualClock clock;
    daemon::Pulse pulse;
    daemon::RpcBridge bridge{context};
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Fed> fed;
    std::optional<daemon::Caller> caller = daemon::Caller{ada, true, true};
    std::optional<daemon::EventStreams> streams;
};

}  // namespace

TEST_CASE("http: events as Server-Sent Events have an id and one line of data each") {
    const std::string one = "id: 7\ndata: " + event_of(7).dump() + "\n\n";
    CHECK(daemon::event_stream_frames(page_of({7}, 7), false) == one);
    CHECK(one.find("\n", 6) == one.size() - 2);
    CHECK(daemon::event_stream_frames(page_of({7, 7}, 7), false) == one + one);
    CHECK(daemon::event_stream_frames(page_of({}, 9), false) == ": keep-alive\n\n");
    CHECK(daemon::event_stream_frames(page_of({}, 9), true) == "e\r\n: keep-alive\n\n\r\n");
    CHECK(daemon::event_stream_preface(true) == "d\r\nretry: 1000\n\n\r\n");
}

TEST_CASE_METHOD(StreamsFixture, "http: a stream asks for more when all has been written") {
    const auto stream = open(3);
    CHECK_FALSE(is_asked());
    stream->drained(42);
    const auto first = call();
    CHECK(first.caller.user == ada);
    CHECK_FALSE(first.caller.is_operator);
    CHECK_FALSE(first.caller.may_name_users);
    const auto message = json::parse(first.body);
    CHECK(message.at("method") == "event.read");
    CHECK(message.at("params") ==
          json{{"after", 3}, {"types", {"task.*"}}, {"limit", 100}, {"wait_ms", 15'000}});
    reply(first, page_of({4, 6}, 8));
    const auto page = next_fed();
    CHECK(page.connection == 42);
    CHECK_FALSE(page.is_last);
    CHECK(page.bytes == daemon::event_stream_frames(page_of({4, 6}, 8), false));
    CHECK_FALSE(is_asked());  // who reads nothing is given nothing more
    stream->drained(42);
    CHECK(json::parse(call().body).at("params").at("after") == 8);
}

TEST_CASE_METHOD(StreamsFixture, "http: nothing goes out to a caller who is none any more") {
    const bool is_chunked = GENERATE(false, true);
    const auto stream = open(0, is_chunked);
    stream->drained(1);
    const auto read = call();
    SECTION("gone") {
        leave();
    }
    SECTION("somebody else") {
        const std::lock_guard lock(mutex);
        caller->user = core::UserId{"eve"};
    }
    reply(read, page_of({1}, 1));
    const auto end = next_fed();
    CHECK(end.is_last);
    CHECK(end.bytes == (is_chunked ? "0\r\n\r\n" : ""));
    stream->drained(1);
    streams->stop();
    CHECK_FALSE(is_asked());
}

TEST_CASE_METHOD(StreamsFixture, "http: a refused read ends the stream") {
    const auto stream = open(0);
    stream->drained(1);
    const auto read = call();
    SECTION("an error") {
        bridge.reply({read.peer, ipc::error_reply(json::parse(read.body).at("id"),
                                                  {core::Reason::resource_exhausted, "x", {}, {}})
                                     .dump()});
    }
    SECTION("a result that is none") {
        reply(read, json::object());
    }
    CHECK(next_fed().is_last);
}

TEST_CASE_METHOD(StreamsFixture, "http: replies that belong to nothing are passed over") {
    const auto stream = open(0);
    stream->drained(1);
    const auto read = call();
    for (const char* text : {"", "{", "[]", "1", "null", "{}", R"({"id":null})", R"({"id":"1"})",
                             R"({"id":77,"result":{}})"})
        bridge.reply({read.peer, text});
    reply(read, page_of({1}, 1));
    CHECK_FALSE(next_fed().is_last);
}

TEST_CASE_METHOD(StreamsFixture, "http: who left keeps the place until the last read is answered") {
    auto stream = open(0);
    stream->drained(1);
    const auto read = call();
    CHECK_FALSE(streams->take_place(ada));
    stream->closed();
    stream.reset();
    CHECK_FALSE(streams->take_place(ada));
    CHECK(streams->take_place(core::UserId{"bob"}));
    reply(read, page_of({1}, 1));
    const auto until = std::chrono::steady_clock::now() + patience;
    while (!streams->take_place(ada)) REQUIRE(std::chrono::steady_clock::now() < until);
}

TEST_CASE_METHOD(StreamsFixture, "http: one user has no more than a share of the streams") {
    const auto mine = streams->take_place(ada);
    CHECK_FALSE(streams->take_place(ada));
    {
        const auto of_bob = streams->take_place(core::UserId{"bob"});
        CHECK(of_bob);
        CHECK_FALSE(streams->take_place(core::UserId{"eve"}));
    }
    CHECK(streams->take_place(core::UserId{"eve"}));
}

TEST_CASE_METHOD(StreamsFixture, "http: a stop ends what waits") {
    const auto stream = open(0, true);
    stream->drained(5);
    (void)call();
    streams->stop();
    const auto end = next_fed();
    CHECK(end.connection == 5);
    CHECK(end.is_last);
    CHECK(end.bytes == "0\r\n\r\n");
    stream->drained(5);
    stream->closed();
}
