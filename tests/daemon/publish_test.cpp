// SPDX-License-Identifier: Apache-2.0
// Events of others: each is taken once, whoever sends it however often.
#include "core/uuid.h"
#include "daemon/handlers/handling.h"
#include "tests/support/engine_fixture.h"

#include <map>

using namespace taskd;
using namespace std::chrono_literals;
using nlohmann::json;
using test::EngineFixture;

namespace {

json event(const std::string& id, json data = {{"a", 1}}) {
    return {{"specversion", "1.0"}, {"id", id},          {"source", "/ci"},
            {"type", "build.done"}, {"subject", "main"}, {"data", std::move(data)}};
}

json events(std::vector<json> list) {
    return {{"events", std::move(list)}};
}

/// An engine whose handlers fail as often as they are told to.
struct Handled : EngineFixture {
    int failures = 0;
    core::Reason reason = core::Reason::unavailable;
    int runs = 0;

    Handled() { boot_with_handlers(); }
    void boot_with_handlers() {
        engine.reset();
        engine = std::make_unique<daemon::Engine>(
            *database, random, settings, daemon::Identity{1, "store", "", {}},
            std::vector<daemon::EventHandler>{
                {"counts", "build.done",
                 [this](const ipc::CloudEvent&, daemon::Handling& h) -> core::Result<void> {
                     ++runs;
                     core::AcceptedEvent effect;
                     effect.user = h.user;
                     effect.id = effect.dedup_key = "effect-" + std::to_string(runs);
                     effect.source = "/counts";
                     effect.type = "build.counted";
                     (void)h.unit.publish(effect);
                     if (failures > 0) {
                         --failures;
                         return tl::unexpected(core::Error{reason, "not today", {}, {}});
                     }
                     return {};
                 }},
                {"other", "build.done",
                 [](const ipc::CloudEvent&, daemon::Handling&) -> core::Result<void> {
                     return {};
                 }}});
        engine->start(clock.now());
    }
    std::int64_t effects() {
        return count("SELECT count(*) FROM event WHERE type = 'build.counted'");
    }
};

}  // namespace

TEST_CASE("publish: the same event again gives the first answer and has no effect") {
    EngineFixture f;
    const auto first = f.result("event.publish", events({event("1")}));
    CHECK(first["published"] == 1);
    CHECK(first["events"][0] == json{{"id", "1"},
                                     {"source", "/ci"},
                                     {"type", "build.done"},
                                     {"userseq", 1},
                                     {"duplicate", false}});
    CHECK(f.last.publications.size() == 1);
    auto again = event("1");
    again["time"] = "2020-01-01T00:00:00Z";  // the envelope may differ between two tries
    again["traceid"] = "x";
    const auto second = f.result("event.publish", events({again}));
    CHECK(second["duplicates"] == 1);
    CHECK(second["events"][0]["userseq"] == 1);
    CHECK(f.last.publications.empty());
    f.crash();
    CHECK(f.result("event.publish", events({event("1")}))["duplicates"] == 1);
    // Another user's event of that key is another event.
    CHECK(f.result("event.publish", events({event("1")}), "bob")["published"] == 1);
    CHECK(f.count("SELECT count(*) FROM event") == 2);
}

TEST_CASE("publish: data.event_id recognises a repeat in a new envelope") {
    EngineFixture f;
    const json data{{"event_id", "e-1"}, {"event_type", "task.completed"}, {"task_id", 17}};
    auto first = event("envelope-1", data);
    first["type"] = "com.dapr.event.sent";
    auto second = first;
    second["id"] = "envelope-2";
    CHECK(f.result("event.publish", events({first}))["events"][0]["type"] == "task.completed");
    const auto repeat = f.result("event.publish", events({second}))["events"][0];
    CHECK(repeat["duplicate"] == true);
    CHECK(repeat["id"] == "envelope-1");
    const auto read = f.result("event.read", json::object())["events"];
    REQUIRE(read.size() == 1);
    CHECK(read[0]["type"] == "task.completed");
    CHECK(read[0]["envelopetype"] == "com.dapr.event.sent");
    CHECK(read[0]["data"] == data);
}

TEST_CASE("publish: the same key with other content is a conflict, kept as a dead letter") {
    EngineFixture f;
    f.result("event.publish", events({event("1")}));
    for (int i = 0; i < 2; ++i) {
        const auto refused = f.call("event.publish", events({event("1", {{"a", 2}})}));
        CHECK(refused["error"]["data"]["reason"] == "conflict");
    }
    const auto letters = f.result("dead_letter.list", json::object());
    REQUIRE(letters["total"] == 1);  // the repeat is the same letter
    CHECK(letters["dead_letters"][0]["origin"] == "publish");
    CHECK(letters["dead_letters"][0]["event"]["data"]["a"] == 2);
    CHECK(f.result("event.read", json::object())["events"][0]["data"]["a"] == 1);
    CHECK(f.reason("dead_letter.retry", {{"ids", {letters["dead_letters"][0]["id"]}}}) ==
          "failed_precondition");
    CHECK(f.result("dead_letter.drop", {{"origin", "publish"}})["count"] == 1);
    CHECK(f.reason("dead_letter.drop", json::object()) == "invalid_argument");
}

TEST_CASE("publish: a batch is all or nothing, or each by itself") {
    EngineFixture f;
    auto bad = event("2");
    bad.erase("source");
    auto unreadable = event("3");
    unreadable["id"] = 5;
    const auto refused = f.call("event.publish", events({event("1"), bad, event("4")}))["error"];
    CHECK(refused["message"].get<std::string>().rfind("events[1]: source", 0) == 0);
    CHECK(refused["data"]["field"] == "source");
    CHECK(f.count("SELECT count(*) FROM event") == 0);
    auto each = events({event("1"), bad, unreadable, json(7), event("4"), event("1")});
    each["each"] = true;
    const auto reply = f.result("event.publish", each);
    CHECK(reply["published"] == 2);
    CHECK(reply["refused"] == 3);
    CHECK(reply["duplicates"] == 1);
    CHECK(reply["events"][1]["error"]["data"]["field"] == "source");
    CHECK(reply["events"][2]["error"]["data"]["field"] == "id");
    CHECK(reply["events"][4]["userseq"] == 2);
    CHECK(f.reason("event.publish", events({})) == "invalid_argument");
    CHECK(f.reason("event.publish", events(std::vector<json>(1001, event("5")))) ==
          "invalid_argument");
    CHECK(f.result("event.publish", events(std::vector<json>(1000, event("5"))))["duplicates"] ==
          999);
}

TEST_CASE("publish: what is in the envelope comes back, whatever the data is") {
    EngineFixture f;
    std::vector<json> sent{event("1", nullptr), event("2", 5), event("3", "text"),
                           event("4", {1, 2}), event("5")};
    sent[2]["datacontenttype"] = "text/plain";
    sent[3]["dataschema"] = "https://example.org/schema";
    sent[3]["priority"] = 7;
    sent[3]["urgent"] = true;
    sent[3]["traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    sent[4].erase("data");
    sent[4].erase("subject");
    sent.push_back(event("6"));
    sent[5].erase("data");
    sent[5]["data_base64"] = "AAEC/w==";
    sent[5]["datacontenttype"] = "image/png";
    f.result("event.publish", events(sent));
    const auto read = f.result("event.read", json::object())["events"];
    REQUIRE(read.size() == sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) {
        auto got = read[i];
        for (const char* ours : {"userid", "userseq", "time"}) got.erase(ours);
        if (got.value("datacontenttype", "") == "application/json") got.erase("datacontenttype");
        auto expected = sent[i];
        if (i == 3) expected["priority"] = "7", expected["urgent"] = "true";
        CHECK(got == expected);
    }
}

TEST_CASE("publish: who may name another user") {
    EngineFixture f;
    auto of_bob = event("1", {{"user_id", "bob"}});
    CHECK(f.reason("event.publish", events({of_bob})) == "permission_denied");
    CHECK(f.call("event.publish", events({of_bob}), "ada", true).contains("result"));
    CHECK(f.result("event.read", json::object(), "bob")["events"].size() == 1);
    auto service = f.request("event.publish", events({event("2")}));
    service.caller.may_name_users = true;
    f.turn({service});
    CHECK(json::parse(f.last.replies[0].body)["error"]["data"]["field"] == "userid");
    service = f.request("event.publish", events({event("2", {{"user_id", "eve"}})}));
    service.caller.may_name_users = true;
    f.turn({service});
    CHECK(json::parse(f.last.replies[0].body)["result"]["published"] == 1);
    CHECK(f.result("event.read", json::object(), "eve")["events"].size() == 1);
    // A conflict is a dead letter of the event's user, not of the service.
    service = f.request("event.publish",
                        events({event("2", {{"user_id", "eve"}, {"other", "content"}})}));
    service.caller.may_name_users = true;
    f.turn({service});
    CHECK(json::parse(f.last.replies[0].body)["error"]["data"]["reason"] == "conflict");
    CHECK(f.result("dead_letter.list", json::object(), "eve")["total"] == 1);
    CHECK(f.result("dead_letter.list", json::object())["total"] == 0);
}

TEST_CASE("publish: the key outlives the event, until dedup.ttl after it came") {
    daemon::Settings settings;
    settings.retention_events = 24h;
    settings.dedup_ttl = 24h * 3;
    EngineFixture f(settings);
    f.result("event.publish", events({event("1"), event("2")}));
    f.result("task.add", {{"summary", "own"}});
    f.clock.advance(20h);
    f.pass(25h - 20h + 1h);
    CHECK(f.count("SELECT count(*) FROM event") == 0);
    CHECK(f.count("SELECT count(*) FROM seen") == 2);  // nobody else can use a key of taskd's own
    f.boot();
    const auto repeat = f.result("event.publish", events({event("1")}))["events"][0];
    CHECK(repeat == json{{"id", "1"},
                         {"source", "/ci"},
                         {"type", "build.done"},
                         {"userseq", 1},
                         {"duplicate", true}});
    CHECK(f.reason("event.publish", events({event("2", 5)})) == "conflict");
    // Numbers go on where they were.
    CHECK(f.result("event.publish", events({event("3")}))["events"][0]["userseq"] == 4);
    const auto page = f.result("event.read", json::object());
    CHECK(page["oldest"] == 4);
    CHECK(page["head"] == 4);
    f.pass(24h * 3);
    CHECK(f.count("SELECT count(*) FROM event_key WHERE seq < 4") == 0);
    CHECK(f.result("event.publish", events({event("1")}))["published"] == 1);
}

TEST_CASE("publish: past retention.max_bytes the oldest events go") {
    daemon::Settings settings;
    settings.retention_max_bytes = 100'000;
    EngineFixture f(settings);
    const std::string text(1000, 'x');
    for (int i = 0; i < 200; ++i)
        f.result("event.publish", events({event(std::to_string(i), text)}));
    const auto page = f.result("event.read", {{"limit", 1000}});
    CHECK(page["head"] == 200);
    CHECK(page["oldest"].get<int>() > 110);
    CHECK(page["events"].size() > 70);
    CHECK(page["events"][0]["userseq"] == page["oldest"]);
    CHECK(f.result("event.publish", events({event("5", text)}))["duplicates"] == 1);
}

TEST_CASE("publish: quotas are named when they are met") {
    daemon::Settings settings;
    settings.quotas = {2, 10, 10'000, 1};
    EngineFixture f(settings);
    std::vector<json> many;
    for (int i = 0; i < 100; ++i) many.push_back(event(std::to_string(i), i));
    many.resize(20);
    f.result("event.publish", events(many));
    const auto message = [&](const std::string& method, const json& params) {
        const auto error = f.call(method, params)["error"];
        CHECK(error["data"]["reason"] == "resource_exhausted");
        return error["message"].get<std::string>();
    };
    f.result("event.publish", events(std::vector<json>(80, event("x"))));  // ten seconds' worth
    CHECK(message("event.publish", events({event("y")})).rfind("quota.events_per_second", 0) == 0);
    CHECK(f.call("event.publish", events({event("y")}), "bob").contains("result"));
    f.clock.advance(1s);
    many.clear();
    for (int i = 0; i < 10; ++i)
        many.push_back(event("z" + std::to_string(i), std::string(2000, 'z')));
    CHECK(message("event.publish", events(many)).find("quota.event_bytes") != std::string::npos);
    f.result("consumer.create", {{"name", "one"}});
    CHECK(message("consumer.create", {{"name", "two"}}).rfind("quota.consumers", 0) == 0);
    f.result("task.add", {{"summary", "1"}});
    f.result("task.add", {{"summary", "2"}});
    CHECK(message("task.add", {{"summary", "3"}}).rfind("quota.tasks", 0) == 0);
}

TEST_CASE("a handler runs once for an event, in the transaction that stores it") {
    Handled f;
    f.result("event.publish", events({event("1")}));
    CHECK(f.runs == 1);
    CHECK(f.effects() == 1);
    f.result("event.publish", events({event("1")}));
    CHECK(f.runs == 1);
    CHECK(f.count("SELECT count(*) FROM inbox WHERE state = 'done'") == 2);
    auto imported = events({event("2")});
    imported["imported"] = true;
    f.result("event.publish", imported);
    CHECK(f.runs == 1);
}

TEST_CASE("a handler that fails is undone, tried again later, and the others go on") {
    Handled f;
    f.failures = 2;
    f.result("event.publish", events({event("1")}));
    CHECK(f.runs == 1);
    CHECK(f.effects() == 0);
    CHECK(f.count("SELECT count(*) FROM event") == 1);
    CHECK(f.count("SELECT count(*) FROM inbox WHERE state = 'done' AND handler = 'other'") == 1);
    f.pass(2s);
    CHECK(f.runs == 2);
    f.boot_with_handlers();
    f.pass(5s);
    CHECK(f.runs == 3);
    CHECK(f.effects() == 1);
    f.pass(1h);
    CHECK(f.runs == 3);
    CHECK(f.count("SELECT count(*) FROM timer WHERE kind = 'handler'") == 0);
}

TEST_CASE("a handler that fails for good leaves a dead letter, whose retry runs it alone") {
    Handled f;
    f.failures = 10;
    f.result("event.publish", events({event("1")}));
    for (int i = 0; i < 20; ++i) f.pass(10min);
    CHECK(f.runs == 10);
    auto letters = f.result("dead_letter.list", {{"origin", "handler"}})["dead_letters"];
    REQUIRE(letters.size() == 1);
    CHECK(letters[0]["name"] == "counts");
    CHECK(letters[0]["attempts"] == 10);
    CHECK(letters[0]["reason"] == "not today");
    CHECK(letters[0]["event"]["userseq"] == 1);
    CHECK(f.result("dead_letter.retry", {{"ids", {letters[0]["id"]}}})["count"] == 1);
    f.pass(0s);
    CHECK(f.runs == 11);
    CHECK(f.effects() == 1);
    CHECK(f.count("SELECT count(*) FROM inbox WHERE state = 'done'") == 2);
    CHECK(f.result("dead_letter.list", json::object())["total"] == 0);
    // What can never succeed is not tried again.
    f.failures = 1;
    f.reason = core::Reason::invalid_argument;
    f.result("event.publish", events({event("2")}));
    CHECK(f.runs == 12);
    CHECK(f.result("dead_letter.list", json::object())["total"] == 1);
}

TEST_CASE("task.requested adds a task, once for each event") {
    EngineFixture f;
    auto request = event(
        "1",
        {{"event_id", "e"}, {"payload", {{"summary", "Water plants"}, {"due", "tomorrow 9am"}}}});
    request["type"] = "task.requested";
    for (int i = 0; i < 3; ++i) f.result("event.publish", events({request}));
    const auto tasks = f.result("task.list", json::object());
    REQUIRE(tasks["total"] == 1);
    CHECK(tasks["tasks"][0]["summary"] == "Water plants");
    request["data"]["payload"]["due"] = "the day after never";
    request["data"]["event_id"] = "f";
    f.result("event.publish", events({request}));
    const auto letters = f.result("dead_letter.list", json::object())["dead_letters"];
    REQUIRE(letters.size() == 1);
    CHECK(letters[0]["name"] == "task_requested");
    CHECK(f.result("task.list", json::object())["total"] == 1);
}
