// SPDX-License-Identifier: Apache-2.0
// The routes of events, with the test in the place of the loop: what they ask of it, and what they
// make of its replies.
#include "daemon/http/event_routes.h"
#include "daemon/http/http_router.h"
#include "ipc/rpc.h"
#include "tests/support/manual_clock.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <future>

using namespace taskd;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

const Fields event_fields{
    {"ce-specversion", "1.0"}, {"ce-id", "1"}, {"ce-source", "/shop"}, {"ce-type", "order.paid"}};
const Fields batch_fields{{"content-type", "application/cloudevents-batch+json"}};
const Fields stream_fields{{"accept", "text/event-stream"}};

class RoutesFixture {
public:
    /// What comes of a request while the loop answers as `loop` says; `asked` has its calls.
    std::string answer(const std::string& method, const std::string& target, Fields fields,
                       const std::string& body, std::vector<json> replies) {
        daemon::HttpJob job;
        job.peer.uid = 1000;
        job.request.method = method;
        job.request.target = target;
        job.request.fields = std::move(fields);
        job.request.body = body;
        asked.clear();
        auto answering = std::async(std::launch::async, [&] { return handler(job); });
        for (auto& reply : replies) {
            zmq::pollitem_t item{bridge.socket().handle(), 0, ZMQ_POLLIN, 0};
            REQUIRE(zmq::poll(&item, 1, 20s) == 1);
            std::vector<daemon::Request> requests;
            bridge.drain(requests, {}, {});
            REQUIRE(requests.size() == 1);
            asked.push_back(json::parse(requests[0].body));
            reply["id"] = asked.back().at("id");
            reply["jsonrpc"] = "2.0";
            bridge.reply({requests[0].peer, reply.dump()});
        }
        auto done = answering.get();
        stream = std::move(done.stream);
        return done.bytes;
    }
    static std::string status_of(const std::string& answer) { return answer.substr(9, 3); }
    static json body_of(const std::string& answer) {
        return json::parse(answer.substr(answer.find("\r\n\r\n") + 4));
    }
    static json result(json value) { return {{"result", std::move(value)}}; }
    static json error(core::Reason reason, const std::string& field = "") {
        return {{"error", ipc::error_json({reason, "why", field, "what to do"})}};
    }

    test::ManualClock clock;
    zmq::context_t context;
    daemon::Pulse pulse;
    daemon::Metrics metrics{"/nonexistent"};
    daemon::RpcBridge bridge{context};
    daemon::TokenTable tokens{{}, "", core::UserId{"ada"}};
    daemon::HttpAccess access{{{}, {"https://ci.example"}, false},
                              tokens,
                              [](uid_t) {
                                  return daemon::Caller{core::UserId{"ada"}, true};
                              },
                              clock};
    daemon::EventTickets tickets{clock};
    daemon::EventStreams streams{context, clock, pulse, {1, 1, 15s}, [](auto, auto, auto) {}};
    daemon::DaprApp dapr;
    daemon::HttpServices services{
        context, access, clock, pulse, metrics, tickets, streams, dapr, daemon::HttpPlaces{4, 4}};
    daemon::HttpHandler handler = daemon::make_http_handler(services);
    std::vector<json> asked;
    std::shared_ptr<daemon::HttpStream> stream;
};

}  // namespace

TEST_CASE_METHOD(RoutesFixture, "http: an event that comes in is 201, and 200 when it is known") {
    const bool is_known = GENERATE(false, true);
    const json told{{"id", "1"}, {"source", "/shop"}, {"userseq", 7}, {"duplicate", is_known}};
    const auto got = answer("POST", "/v1/events", event_fields, "",
                            {result({{"events", {told}}, {"published", is_known ? 0 : 1}})});
    CHECK(status_of(got) == (is_known ? "200" : "201"));
    CHECK(body_of(got) == told);
    CHECK(asked.at(0).at("method") == "event.publish");
    CHECK(asked.at(0).at("params").at("events").at(0).at("id") == "1");
    CHECK(asked.at(0).at("params").at("require_ids") == true);
}

TEST_CASE_METHOD(RoutesFixture, "http: a batch is answered by the whole result") {
    const json told{{"events", {{{"id", "1"}}}}, {"published", 1}, {"duplicates", 0}};
    const auto got =
        answer("POST", "/v1/events?each=true", batch_fields, R"([{"id":"1"}])", {result(told)});
    CHECK(status_of(got) == "200");
    CHECK(body_of(got) == told);
    CHECK(asked.at(0).at("params").at("each") == true);
}

TEST_CASE_METHOD(RoutesFixture, "http: a call's error is a problem with its reason") {
    using core::Reason;
    const auto [reason, status] =
        GENERATE(table<Reason, std::string>({{Reason::invalid_argument, "400"},
                                             {Reason::conflict, "409"},
                                             {Reason::resource_exhausted, "429"},
                                             {Reason::unavailable, "503"},
                                             {Reason::unknown, "500"},
                                             {Reason::permission_denied, "403"}}));
    const auto got = answer("POST", "/v1/events", event_fields, "", {error(reason, "events")});
    CHECK(status_of(got) == status);
    CHECK(got.find("application/problem+json") != std::string::npos);
    CHECK(body_of(got).at("detail") == "why");
    CHECK(body_of(got).at("field") == "events");
    CHECK(body_of(got).at("hint") == "what to do");
    CHECK(body_of(got).at("reason") == core::to_string(reason));
}

TEST_CASE_METHOD(RoutesFixture, "http: a full disk has a status of its own") {
    pulse.store_error("disk full");
    const auto got =
        answer("POST", "/v1/events", event_fields, "", {error(core::Reason::resource_exhausted)});
    CHECK(status_of(got) == "507");
}

TEST_CASE_METHOD(RoutesFixture, "http: a stream begins at the newest event unless told otherwise") {
    const json head{{"events", json::array()}, {"head", 9}, {"next", 9}};
    Fields fields = stream_fields;
    SECTION("the newest") {
        const auto got =
            answer("GET", "/v1/events?type=a.*", fields, "", {result(head), result(head)});
        CHECK(status_of(got) == "200");
        CHECK(asked.at(0).at("method") == "event.list");
        CHECK(asked.at(1).at("params") ==
              json{{"after", 9}, {"types", {"a.*"}}, {"limit", 1}, {"wait_ms", 1}});
    }
    SECTION("after") {
        (void)answer("GET", "/v1/events?after=3", fields, "", {result(head)});
        CHECK(asked.at(0).at("params").at("after") == 3);
    }
    SECTION("Last-Event-ID") {
        fields.emplace_back("last-event-id", "4");
        (void)answer("GET", "/v1/events?after=3", fields, "", {result(head)});
        CHECK(asked.at(0).at("params").at("after") == 4);
    }
    CHECK(stream != nullptr);
    // The one place there is: taken until the connection has gone.
    CHECK(status_of(answer("GET", "/v1/events", stream_fields, "", {})) == "503");
    CHECK(stream == nullptr);
    CHECK(status_of(answer("GET", "/v1/events?after=0", stream_fields, "", {result(head)})) ==
          "200");
}

TEST_CASE_METHOD(RoutesFixture, "http: what a read refuses is known before a stream begins") {
    const auto refused = [&](const json& reply) {
        const auto got = answer("GET", "/v1/events?after=3", stream_fields, "", {reply});
        CHECK(stream == nullptr);
        return status_of(got);
    };
    CHECK(refused(error(core::Reason::invalid_argument, "after")) == "409");
    CHECK(refused(error(core::Reason::invalid_argument, "types")) == "400");
    CHECK(refused(error(core::Reason::resource_exhausted, "wait_ms")) == "503");
    CHECK(refused(error(core::Reason::unavailable)) == "503");
    const json head{{"events", json::array()}, {"head", 9}, {"next", 9}};
    CHECK(status_of(answer("HEAD", "/v1/events?after=3", stream_fields, "", {result(head)})) ==
          "200");
    CHECK(stream == nullptr);
}

TEST_CASE("http: Accept must name a stream of events itself") {
    const auto accepts = [](const Fields& fields) {
        daemon::HttpRequest request;
        request.fields = fields;
        return daemon::accepts_event_stream(request);
    };
    for (const char* value : {"text/event-stream", "a/b,Text/Event-Stream ; q=0.1, */*",
                              "text/event-stream;q=0.001", "text/event-stream;x=y"})
        CHECK(accepts({{"accept", value}}));
    for (const char* value : {"", "*/*", "text/*", "text/event-streamx", "text/event-stream;q=0",
                              "text/event-stream; q=0.000", ";", ",", ";;,", "text/event-stream x"})
        CHECK_FALSE(accepts({{"accept", value}}));
    CHECK_FALSE(accepts({}));
    CHECK(accepts({{"accept", "a/b"}, {"accept", "text/event-stream"}}));
}
