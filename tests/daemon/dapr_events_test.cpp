// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/dapr_events.h"

#include "daemon/http/dapr_app.h"

#include <catch2/catch.hpp>

namespace taskd::daemon {
namespace {

using nlohmann::json;

json event_of(const std::string& body) {
    const auto delivery = read_delivery(body, "t");
    REQUIRE(delivery.params["events"].size() == 1);
    CHECK(delivery.params["each"] == true);
    CHECK(delivery.params["keep_refused"] == "t");
    return delivery.params["events"][0];
}

json result_of(const std::vector<std::string>& reasons) {
    auto events = json::array();
    for (const auto& reason : reasons)
        events.push_back(
            reason.empty()
                ? json{{"userseq", 1}}
                : json{{"error",
                        {{"code", -32000}, {"message", "m"}, {"data", {{"reason", reason}}}}}});
    return {{"events", std::move(events)}};
}

TEST_CASE("what Dapr adds on the way is taken off, and a foreign envelope stays") {
    const auto event = event_of(
        R"({"specversion":"1.0","id":"1","source":"s","type":"order.paid","topic":"t",)"
        R"("pubsubname":"p","traceid":"","tracestate":"","expiration":"x","traceparent":"tp",)"
        R"("data":{"n":1}})");
    CHECK(event == json::parse(R"({"specversion":"1.0","id":"1","source":"s","type":"order.paid",)"
                               R"("traceparent":"tp","data":{"n":1}})"));
}

TEST_CASE("an event that Dapr wrapped has the key that its producer gave, else its content") {
    const std::string head = R"({"specversion":"1.0","id":"1","time":"2027-03-01T09:00:00Z",)"
                             R"("source":"s","type":"com.dapr.event.sent","data":)";
    CHECK_FALSE(event_of(head + R"({"event_type":"x"}})").contains("id"));
    CHECK_FALSE(event_of(head + R"({"event_type":"x","event_id":null}})").contains("time"));
    CHECK(event_of(head + R"({"event_type":"x","event_id":"e"}})").contains("id"));
    CHECK(event_of(head + R"({"event_type":"x","event_id":7}})").contains("id"));
    CHECK(event_of(head + R"({"anything":"else"}})").contains("id"));
    CHECK(event_of(head + R"("text"})").contains("id"));
}

TEST_CASE("an object without an envelope gets one") {
    const auto event = event_of(R"({"event_type":"reminder.due","user_id":"ada"})");
    CHECK(event["type"] == "reminder.due");
    CHECK(event["data"]["user_id"] == "ada");
    CHECK_FALSE(event.contains("id"));
}

TEST_CASE("what can't be read goes on as it is, to be refused") {
    CHECK(event_of("{no") == "{no");
    CHECK(event_of("\xff").is_string());
    CHECK(event_of("[]").is_array());
    CHECK(event_of(R"({"type":"com.dapr.event.sent.bulk","entries":7})").is_object());
}

TEST_CASE("the sidecar is told in its own words") {
    const auto one = read_delivery("{}", "t");
    const auto told = [&](const std::string& reason) {
        return delivery_answer(one, result_of({reason}))["status"].get<std::string>();
    };
    CHECK(told("") == "SUCCESS");
    for (const auto* poison : {"invalid_argument", "conflict", "permission_denied", "not_found"})
        CHECK(told(poison) == "DROP");
    for (const auto* transient : {"resource_exhausted", "unavailable", "internal", "unknown"})
        CHECK(told(transient) == "RETRY");
    CHECK(retry_answer(one) == json{{"status", "RETRY"}});
}

TEST_CASE("each entry of a bulk has its own status") {
    const auto bulk =
        read_delivery(R"({"type":"com.dapr.event.sent.bulk","entries":[{"entryId":"a","event":{}},)"
                      R"({"event":{}},7,{"entryId":"b"},{"entryId":""}]})",
                      "t");
    REQUIRE(bulk.is_bulk);
    CHECK(bulk.entry_ids == std::vector<std::string>{"a", "b"});
    CHECK(bulk.params["events"] == json::array({json::object(), nullptr}));
    CHECK(delivery_answer(bulk, result_of({"", "conflict"})) ==
          json::parse(R"({"statuses":[{"entryId":"a","status":"SUCCESS"},)"
                      R"({"entryId":"b","status":"DROP"}]})"));
    CHECK(retry_answer(bulk)["statuses"].size() == 2);
}

}  // namespace
}  // namespace taskd::daemon
