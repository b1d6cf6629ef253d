// SPDX-License-Identifier: Apache-2.0
// Consumers: at least once, one member at a time, in order within a subject.
#include "tests/support/engine_fixture.h"

#include <set>

using namespace taskd;
using namespace std::chrono_literals;
using nlohmann::json;
using test::EngineFixture;

namespace {

struct Consumed : EngineFixture {
    explicit Consumed(daemon::Settings wanted = {}) : EngineFixture(std::move(wanted)) {}

    void publish(const std::string& subject, json data = {{"n", 1}},
                 const std::string& type = "job.made") {
        json event{{"specversion", "1.0"},
                   {"id", "id-" + std::to_string(next++)},
                   {"source", "/jobs"},
                   {"type", type},
                   {"data", std::move(data)}};
        if (!subject.empty()) event["subject"] = subject;
        result("event.publish", {{"events", {event}}});
    }
    json create(json more = json::object()) {
        more["name"] = "g";
        if (!more.contains("from")) more["from"] = "oldest";
        return result("consumer.create", more)["consumer"];
    }
    json fetch(const std::string& member = "m", int limit = 100, json more = json::object()) {
        more["name"] = "g";
        more["member"] = member;
        more["limit"] = limit;
        return result("consumer.fetch", more)["events"];
    }
    json settle(const std::string& method, const json& leases, json more = json::object()) {
        more["name"] = "g";
        more["items"] = json::array();
        for (const auto& lease : leases)
            more["items"].push_back(
                {{"userseq", lease["event"]["userseq"]}, {"fence", lease["fence"]}});
        return result("consumer." + method, more);
    }
    json view() { return result("consumer.list", json::object())["consumers"][0]; }
    int next = 1;
};

std::vector<int> numbers(const json& leases) {
    std::vector<int> all;
    for (const auto& lease : leases) all.push_back(lease["event"]["userseq"]);
    return all;
}

using Numbers = std::vector<int>;

}  // namespace

TEST_CASE("consumer: events are fetched once, acknowledged, and the cursor follows") {
    Consumed f;
    for (int i = 0; i < 5; ++i) f.publish("");
    CHECK(f.create()["lag"] == 5);
    const auto batch = f.fetch("m", 3);
    CHECK(numbers(batch) == Numbers{1, 2, 3});
    CHECK(batch[0]["attempt"] == 1);
    CHECK(batch[2]["fence"] == 3);
    CHECK(numbers(f.fetch("other")) == Numbers{4, 5});
    CHECK(f.fetch("other").empty());
    CHECK(f.view()["members"] == json{"m", "other"});
    CHECK(f.settle("ack", json{batch[1], batch[2]})["settled"] == 2);
    CHECK(f.view()["cursor"] == 0);
    CHECK(f.view()["in_flight"] == 3);
    CHECK(f.settle("ack", json{batch[0]})["settled"] == 1);
    CHECK(f.view()["cursor"] == 3);
    // Acknowledged twice is acknowledged; what never was is lost.
    const auto again = f.settle("ack", json{batch[0]});
    CHECK(again["lost"].empty());
    auto made_up = batch[0];
    made_up["event"]["userseq"] = 99;
    CHECK(f.settle("ack", json{made_up})["lost"] == json{99});
    f.crash();
    CHECK(f.view()["cursor"] == 3);
    CHECK(f.fetch().empty());
}

TEST_CASE("consumer: of one subject the next event comes when the one before is settled") {
    Consumed f;
    for (const char* subject : {"a", "a", "b", "", "a", ""}) f.publish(subject);
    f.create({{"backoff_ms", 1000}});
    auto first = f.fetch();
    CHECK(numbers(first) == Numbers{1, 3, 4, 6});
    CHECK(f.view()["held"] == 2);
    CHECK(f.fetch("other").empty());
    f.settle("nack", json{first[0]});
    CHECK(f.fetch("other").empty());  // it waits for its next attempt, and those behind it with it
    CHECK(f.view()["waiting"] == 1);
    f.pass(1s);
    const auto second = f.fetch("other");
    CHECK(numbers(second) == Numbers{1});
    CHECK(second[0]["attempt"] == 2);
    f.settle("ack", second);
    CHECK(numbers(f.fetch()) == Numbers{2});
    CHECK(f.view()["held"] == 1);
}

TEST_CASE("consumer: a lease that ran out is another member's, and the late ack is told so") {
    Consumed f;
    f.publish("a");
    f.create({{"lease_ms", 10'000}, {"attempts_max", 2}});
    const auto first = f.fetch("dies");
    f.pass(9s);
    CHECK(f.fetch("other").empty());
    CHECK(f.settle("extend", first)["settled"] == 1);
    f.pass(9s);
    CHECK(f.fetch("other").empty());
    f.pass(2s);
    const auto second = f.fetch("other");
    REQUIRE(numbers(second) == Numbers{1});
    CHECK(second[0]["fence"] > first[0]["fence"]);
    CHECK(f.settle("ack", first)["lost"] == json{1});
    CHECK(f.settle("extend", first)["lost"] == json{1});
    CHECK(f.settle("nack", first)["lost"] == json{1});
    f.pass(11s);  // the second dies too, and two attempts are all there are
    CHECK(f.fetch("other").empty());
    const auto letters = f.result("dead_letter.list", {{"name", "g"}})["dead_letters"];
    REQUIRE(letters.size() == 1);
    CHECK(letters[0]["reason"] == "the lease ran out 2 times, the last of other");
    CHECK(f.view()["dead"] == 1);
    CHECK(f.view()["cursor"] == 1);
    CHECK(f.count("SELECT count(*) FROM timer WHERE kind = 'consumer'") == 0);
}

TEST_CASE("consumer: an ack after the lease's end counts while nobody else has the event") {
    Consumed f;
    f.publish("a");
    f.create({{"lease_ms", 1000}});
    const auto first = f.fetch();
    f.pass(5s);
    CHECK(f.settle("ack", first)["settled"] == 1);
    CHECK(f.fetch("other").empty());
}

TEST_CASE("consumer: what is refused comes back, is released or is given up") {
    Consumed f;
    f.publish("a");
    f.publish("b");
    f.publish("c");
    f.create({{"attempts_max", 2}});
    auto batch = f.fetch();
    f.settle("nack", json{batch[0]}, {{"action", "release"}});
    f.settle("nack", json{batch[1]}, {{"action", "dead"}, {"error", "exit 3"}});
    f.settle("nack", json{batch[2]}, {{"delay_ms", 60'000}, {"error", "exit 4"}});
    auto again = f.fetch();
    REQUIRE(numbers(again) == Numbers{1});
    CHECK(again[0]["attempt"] == 1);
    f.settle("ack", again);
    f.pass(60s);
    again = f.fetch();
    REQUIRE(numbers(again) == Numbers{3});
    f.settle("nack", again, {{"error", "exit 5"}});
    const auto letters = f.result("dead_letter.list", json::object())["dead_letters"];
    REQUIRE(letters.size() == 2);
    CHECK(letters[0]["reason"] == "exit 5");
    CHECK(letters[0]["attempts"] == 2);
    CHECK(letters[1]["reason"] == "exit 3");
    CHECK(letters[1]["event"]["subject"] == "b");

    // A retry is the same event; a later one of its subject waits for it.
    CHECK(f.result("dead_letter.retry", {{"name", "g"}, {"types", {"job.*"}}})["count"] == 2);
    f.publish("b");
    CHECK(numbers(f.fetch()) == Numbers{2, 3});
    CHECK(f.result("dead_letter.list", json::object())["total"] == 0);
}

TEST_CASE("consumer: a filter by type, source, subject and data") {
    Consumed f;
    f.publish("a", {{"payload", {{"priority", 5}}}}, "job.made");
    f.publish("a", {{"payload", {{"priority", 1}}}}, "job.made");
    f.publish("a", "no object", "job.made");
    f.publish("b", {{"payload", {{"priority", 9}}}}, "job.made");
    f.publish("a", {{"payload", {{"priority", 9}}}}, "job.done");
    f.create({{"types", {"job.made"}},
              {"sources", {"/jobs"}},
              {"subjects", {"a"}},
              {"where", {"payload.priority>=5"}}});
    const auto batch = f.fetch();
    CHECK(numbers(batch) == Numbers{1});
    CHECK(f.view()["lag"] == 5);
    f.settle("ack", batch);
    CHECK(f.view()["lag"] == 0);
}

TEST_CASE("consumer: a definition is made once, and changed only when that is asked for") {
    Consumed f;
    f.publish("");
    const auto made = f.result("consumer.create", {{"name", "g"}});
    CHECK(made["created"] == true);
    CHECK(made["consumer"]["cursor"] == 1);
    CHECK_FALSE(
        f.result("consumer.create", {{"name", "g"}, {"from", "oldest"}}).contains("created"));
    CHECK(f.reason("consumer.create", {{"name", "g"}, {"types", {"a"}}}) == "conflict");
    const auto replaced =
        f.result("consumer.create", {{"name", "g"}, {"types", {"a"}}, {"replace", true}});
    CHECK(replaced["consumer"]["types"] == json{"a"});
    CHECK(replaced["consumer"]["cursor"] == 1);
    CHECK(f.reason("consumer.fetch", {{"name", "h"}, {"member", "m"}}) == "not_found");
    CHECK(f.reason("consumer.fetch", {{"name", "g"}, {"member", ""}}) == "invalid_argument");
    CHECK(f.reason("consumer.create", {{"name", "h"}, {"from", "2"}}) == "invalid_argument");
    CHECK(f.reason("consumer.create", {{"name", "h"}, {"from", "soon"}}) == "invalid_argument");
    CHECK(f.result("consumer.remove", {{"name", "g"}})["consumer"]["name"] == "g");
    CHECK(f.reason("consumer.ack", {{"name", "g"}, {"items", {{{"userseq", 1}, {"fence", 1}}}}}) ==
          "not_found");
}

TEST_CASE("consumer: a reset goes back, and leases of before are lost") {
    Consumed f;
    f.publish("a");
    f.clock.advance(1h);
    f.publish("a");
    f.create();
    const auto before = f.fetch();
    f.result("consumer.reset", {{"name", "g"}, {"to", "oldest"}});
    const auto batch = f.fetch();
    CHECK(numbers(batch) == Numbers{1});
    CHECK(f.settle("ack", before)["lost"] == json{1});
    f.result("consumer.reset", {{"name", "g"}, {"to", "1"}});
    CHECK(numbers(f.fetch()) == Numbers{2});
    f.result("consumer.reset", {{"name", "g"}, {"to", "2026-11-24T08:30:00Z"}});
    CHECK(numbers(f.fetch()) == Numbers{2});
    f.result("consumer.reset", {{"name", "g"}, {"to", "now"}});
    CHECK(f.fetch().empty());
}

TEST_CASE("consumer: bounds of what is in flight and of what is looked at") {
    Consumed f;
    for (int i = 0; i < 20; ++i) f.publish("");
    f.create({{"max_in_flight", 5}});
    CHECK(f.fetch("a", 3).size() == 3);
    CHECK(f.fetch("b", 10).size() == 2);
    CHECK(f.fetch("c", 10).empty());
    std::vector<json> events;
    for (int i = 0; i < 1000; ++i)
        events.push_back({{"specversion", "1.0"},
                          {"id", "s" + std::to_string(i)},
                          {"source", "/jobs"},
                          {"type", "job.made"},
                          {"subject", "stuck"}});
    f.result("consumer.create", {{"name", "stuck"}, {"from", "now"}});
    f.result("event.publish", {{"events", events}});
    f.publish("free");
    const json params{{"name", "stuck"}, {"member", "m"}, {"limit", 10}};
    CHECK(f.result("consumer.fetch", params)["events"].size() == 1);
    // A thousand of one subject wait for one: it looks no further than that.
    CHECK(f.result("consumer.fetch", params)["events"].empty());
    CHECK(f.count("SELECT count(*) FROM in_flight WHERE consumer = 'stuck'") == 1000);
}

TEST_CASE("consumer: a fetch whose reply was lost gives the same member its events again") {
    Consumed f;
    f.publish("a");
    f.publish("b");
    f.publish("c");
    f.create();
    const auto lost = f.fetch("m", 2, {{"holding", json::array()}});
    const auto again = f.fetch("m", 2, {{"holding", json::array()}});
    CHECK(numbers(again) == numbers(lost));
    CHECK(again[0]["fence"] == lost[0]["fence"]);
    CHECK(again[0]["attempt"] == 1);
    CHECK(numbers(f.fetch("m", 5, {{"holding", {lost[0]["fence"], lost[1]["fence"]}}})) ==
          Numbers{3});
    CHECK(f.fetch("other", 5, {{"holding", json::array()}}).empty());
}

TEST_CASE("consumer: a fetch that waits is answered by what it waits for, and one member gets it") {
    Consumed f;
    f.create({{"lease_ms", 5000}});
    const auto wait = [&](const std::string& member, int id) {
        f.turn(
            {f.request("consumer.fetch", {{"name", "g"}, {"member", member}, {"wait_ms", 60'000}},
                       "ada", false, id)});
    };
    wait("m", 1);
    wait("n", 2);
    CHECK(f.last.replies.empty());
    CHECK(f.engine->polls_parked() == 2);
    f.result("task.add", {{"summary", "other"}}, "bob");
    CHECK(f.engine->polls_parked() == 2);
    f.turn({f.request(
        "event.publish",
        {{"events", {{{"specversion", "1.0"}, {"id", "1"}, {"source", "/j"}, {"type", "t"}}}}},
        "ada", false, 9)});
    REQUIRE(f.last.replies.size() == 2);
    CHECK(json::parse(f.last.replies[1].body)["result"]["events"].size() == 1);
    CHECK(f.engine->polls_parked() == 1);
    f.pass(6s);  // the lease runs out: the other one gets it
    CHECK(f.engine->polls_parked() == 0);
    const auto second = json::parse(f.last.replies[0].body)["result"]["events"];
    CHECK(second[0]["attempt"] == 2);
    f.settle("ack", second);
    wait("m", 3);
    f.clock.advance(61s);
    f.turn();
    REQUIRE(f.last.replies.size() == 1);
    CHECK(json::parse(f.last.replies[0].body)["result"]["events"].empty());
    wait("m", 4);
    f.turn({f.request("consumer.remove", {{"name", "g"}}, "ada", false, 9)});
    REQUIRE(f.last.replies.size() == 2);
    CHECK(json::parse(f.last.replies[1].body)["error"]["data"]["reason"] == "not_found");
}

TEST_CASE("consumer: what retention took is told as data_loss, with its range") {
    daemon::Settings settings;
    settings.retention_events = 24h;
    settings.retention_max_bytes = 100'000;
    Consumed f(settings);
    f.publish("a");
    f.create();
    f.pass(48h);
    CHECK(f.count("SELECT count(*) FROM event") == 1);  // retention waits for the consumer
    const auto leased = f.fetch();
    const std::string text(2000, 'x');
    for (int i = 0; i < 100; ++i) f.publish("b", text);
    const auto floor = f.result("event.read", json::object())["oldest"].get<int>() - 1;
    CHECK(floor > 40);
    const auto refused = f.call("consumer.fetch", {{"name", "g"}, {"member", "m"}})["error"];
    CHECK(refused["data"]["reason"] == "data_loss");
    CHECK(refused["message"].get<std::string>().find("events 1 to " + std::to_string(floor)) !=
          std::string::npos);
    // Whoever still has one of them may give it up; what is left of it can't be tried again.
    f.settle("nack", leased, {{"action", "dead"}});
    const auto letters = f.result("dead_letter.list", json::object())["dead_letters"];
    REQUIRE(letters.size() == 1);
    CHECK(f.reason("dead_letter.retry", {{"ids", {letters[0]["id"]}}}) == "failed_precondition");
    f.result("consumer.reset", {{"name", "g"}, {"to", "oldest"}});
    CHECK(f.fetch("m", 1)[0]["event"]["userseq"] == floor + 1);
}
