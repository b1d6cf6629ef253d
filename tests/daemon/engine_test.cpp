// SPDX-License-Identifier: Apache-2.0
#include "tests/support/engine_fixture.h"

#include <set>

using namespace taskd;
using namespace std::chrono_literals;
using nlohmann::json;
using test::EngineFixture;
using test::Fault;

namespace {

const json stand_up{{"summary", "Stand-up"},
                    {"every", "weekday"},
                    {"at", "9:30"},
                    {"tz_default", "Europe/Berlin"},
                    {"remind", {"10m"}}};

json with_key(json params, const std::string& key) {
    params["idempotency_key"] = key;
    return params;
}

}  // namespace

TEST_CASE("a recurring task comes back with its next slot in the same reply") {
    EngineFixture taskd;
    const auto added = taskd.result("task.add", stand_up);
    CHECK(added["task"]["number"] == 1);
    CHECK(added["task"]["recurrence_id"] == "2026-11-24T09:30:00");
    CHECK(added["understood"] == "every weekday at 09:30, Europe/Berlin");
    CHECK(added["slots"].size() == 3);

    const auto done = taskd.result("task.complete", {{"task", "1"}});
    CHECK(done["task"]["status"] == "completed");
    CHECK(done["next"]["number"] == 2);
    CHECK(done["next"]["recurrence_id"] == "2026-11-25T09:30:00");
    CHECK(taskd.reason("task.complete", {{"task", "1"}}) == "failed_precondition");
}

TEST_CASE("slots that pass while an occurrence is open are skipped as one range when it is done") {
    EngineFixture taskd;
    taskd.result("task.add", stand_up);
    taskd.pass(24h *
               7);  // Tuesday to Tuesday: Wed, Thu, Fri, Mon pass; today's 9:30 is still ahead
    const auto done = taskd.result("task.complete", {{"task", "1"}});
    CHECK(done["skipped"][0]["from"] == "2026-11-25T09:30:00");
    CHECK(done["skipped"][0]["to"] == "2026-11-30T09:30:00");
    CHECK(done["skipped"][0]["count"] == 4);
    CHECK(done["skipped"][0]["reason"] == "catch_up");
    CHECK(done["next"]["recurrence_id"] == "2026-12-01T09:30:00");
    CHECK(taskd.count("SELECT count(*) FROM occurrence") == 3);
}

TEST_CASE("reopen takes an untouched successor away and is refused after it was changed") {
    EngineFixture taskd;
    taskd.result("task.add", stand_up);
    taskd.result("task.complete", {{"task", "1"}});
    CHECK(taskd.result("task.reopen", {{"task", "1"}})["removed"] == 2);
    CHECK(taskd.reason("task.restore", {{"task", "2"}}) == "failed_precondition");
    CHECK(taskd.result("task.complete", {{"task", "1"}})["next"]["number"] == 3);
    taskd.result("task.complete", {{"task", "3"}});
    CHECK(taskd.reason("task.reopen", {{"task", "1"}}) == "failed_precondition");
}

TEST_CASE("a series ends with its last slot, and goes on when that is reopened") {
    EngineFixture taskd;
    taskd.result("task.add",
                 {{"summary", "twice"}, {"every", "FREQ=DAILY;COUNT=2"}, {"at", "10:00"}});
    taskd.result("task.complete", {{"task", "1"}});
    CHECK(taskd.result("task.complete", {{"task", "2"}})["series_ended"] == true);
    CHECK(taskd.result("series.list", json::object())["total"] == 0);
    taskd.result("task.reopen", {{"task", "2"}});
    CHECK(taskd.result("series.list", json::object())["total"] == 1);
}

TEST_CASE("a reminder goes off at its time, with its delivery, and once") {
    EngineFixture taskd;
    taskd.result("channel.set", {{"name", "desk"}, {"argv", {"true"}}, {"is_default", true}});
    taskd.result("task.add", stand_up);
    CHECK(taskd.pass(19min).empty());
    CHECK(taskd.pass(1min) == std::vector<std::string>{"reminder.due"});
    REQUIRE(taskd.jobs.size() == 1);
    CHECK(taskd.count("SELECT count(*) FROM delivery WHERE state = 'running'") == 1);

    taskd.turn({}, {{taskd.jobs[0].user, taskd.jobs[0].delivery, {true, true, "exit 0", "hello"}}});
    REQUIRE(taskd.last.publications.size() == 1);
    CHECK(taskd.last.publications[0].event.type == "delivery.succeeded");
    const auto shown = taskd.result("task.get", {{"task", "1"}})["deliveries"][0];
    CHECK(shown["state"] == "succeeded");
    CHECK(shown["output"] == "hello");
    // The next slot's reminder is tomorrow's, although today's task is still open.
    CHECK(taskd.pass(23h).empty());
    CHECK(taskd.pass(1h) == std::vector<std::string>{"reminder.due"});
}

TEST_CASE("a failing delivery is tried again with backoff and ends dead, with its event") {
    EngineFixture taskd;
    taskd.result("channel.set", {{"name", "desk"}, {"argv", {"false"}}, {"is_default", true}});
    taskd.result("task.add", {{"summary", "x"}, {"at", "in 1 minute"}, {"remind", {"0"}}});
    taskd.pass(1min);
    std::string id;
    for (int attempt = 1; attempt <= 3; ++attempt) {
        CAPTURE(attempt);
        REQUIRE(taskd.jobs.size() == 1);
        const auto job = taskd.jobs[0];
        if (id.empty()) id = job.delivery.str();
        CHECK(job.delivery.str() == id);  // the key that the far end knows it by
        taskd.jobs.clear();
        taskd.turn({}, {{job.user, job.delivery, {false, true, "exit 1", ""}}});
        if (attempt < 3) taskd.pass(10min);
    }
    CHECK(taskd.last.publications.at(0).event.type == "delivery.failed");
    CHECK(taskd.result("delivery.list", json::object())["deliveries"][0]["state"] == "dead");
    CHECK(taskd.pass(24h).empty());
}

TEST_CASE("reminders missed while off go off once, marked late; past the grace they are missed") {
    EngineFixture taskd;
    taskd.result("task.add", stand_up);
    taskd.crash();
    SECTION("an hour") {
        CHECK(taskd.pass(1h) == std::vector<std::string>{"reminder.due"});
        CHECK(json::parse(taskd.last.publications[0].event.data)["payload"]["late_ms"] ==
              2'400'000);
    }
    SECTION("a week: the latest within its grace, and the others as one range") {
        CHECK(taskd.pass(24h * 7 + 1h) ==
              std::vector<std::string>{"reminder.missed", "reminder.due"});
        const auto events = taskd.result("event.read", {{"after", 0}})["events"];
        for (const auto& event : events)
            if (event["type"] == "reminder.missed")
                CHECK(event["data"]["payload"]["missed"]["count"] == 5);
    }
    SECTION("a clock that steps back fires nothing twice") {
        taskd.pass(1h);
        taskd.clock.set_now(taskd.clock.now() - 2h);
        CHECK(taskd.pass(3h).empty());
    }
}

TEST_CASE("what was being delivered when the process died is tried again under the same id") {
    EngineFixture taskd;
    taskd.result("channel.set", {{"name", "desk"}, {"argv", {"true"}}, {"is_default", true}});
    taskd.result("task.add", {{"summary", "x"}, {"at", "in 1 minute"}, {"remind", {"0"}}});
    taskd.pass(1min);
    REQUIRE(taskd.jobs.size() == 1);
    const auto id = taskd.jobs[0].delivery;
    taskd.jobs.clear();
    taskd.crash();
    taskd.pass(1min);
    REQUIRE(taskd.jobs.size() == 1);
    CHECK(taskd.jobs[0].delivery == id);
}

TEST_CASE("the same key and request: the same reply and no second effect") {
    EngineFixture taskd;
    const auto first = taskd.result("task.add", with_key(stand_up, "k1"));
    CHECK_FALSE(first.contains("replayed"));
    taskd.crash();
    // Another day and another machine's zone: still the same request.
    taskd.clock.advance(24h);
    json again = with_key(stand_up, "k1");
    again["tz_default"] = "America/New_York";
    again["deadline_ms"] = 5000;
    auto second = taskd.result("task.add", again);
    CHECK(second["replayed"] == true);
    second.erase("replayed");
    CHECK(second == first);
    CHECK(taskd.result("task.list", json::object())["total"] == 1);

    SECTION("another request under the key is a conflict") {
        json other = with_key(stand_up, "k1");
        other["summary"] = "Other";
        CHECK(taskd.reason("task.add", other) == "conflict");
        CHECK(taskd.reason("task.complete", with_key({{"task", "1"}}, "k1")) == "conflict");
    }
    SECTION("a key is one user's own") {
        CHECK_FALSE(taskd.result("task.add", with_key(stand_up, "k1"), "bob").contains("replayed"));
    }
    SECTION("refusals that stay true are remembered, others are not") {
        CHECK(taskd.reason("task.complete", with_key({{"task", "9"}}, "k2")) == "not_found");
        CHECK(taskd.count("SELECT count(*) FROM reply WHERE key = 'k2'") == 1);
        CHECK(taskd.reason("task.add", with_key({{"summary", ""}}, "k3")) == "invalid_argument");
        CHECK_FALSE(
            taskd.result("task.add", with_key({{"summary", "now"}}, "k3")).contains("replayed"));
    }
    SECTION("after its time the key is forgotten") {
        taskd.clock.advance(24h * 8);
        CHECK_FALSE(taskd.result("task.add", with_key(stand_up, "k1")).contains("replayed"));
    }
}

TEST_CASE("a refused request leaves nothing behind") {
    EngineFixture taskd;
    // The series and its event are written before the reminders are found wrong.
    CHECK(taskd.reason("task.add", {{"summary", "x"}, {"every", "day"}, {"remind", {"soon"}}}) ==
          "invalid_argument");
    for (const char* table : {"task", "series", "event", "change", "timer WHERE kind = 'reminder'"})
        CHECK(taskd.count(("SELECT count(*) FROM " + std::string(table)).c_str()) == 0);
}

TEST_CASE("users see their own rows only; an operator names others") {
    EngineFixture taskd;
    const std::string id = taskd.result("task.add", stand_up, "ada")["task"]["id"];
    for (const char* method :
         {"task.get", "task.complete", "task.delete", "task.reopen", "task.restore"})
        CHECK(taskd.reason(method, {{"task", id}}, "bob") == "not_found");
    CHECK(taskd.result("task.list", json::object(), "bob")["total"] == 0);
    CHECK(taskd.result("event.read", {{"after", 0}}, "bob")["head"] == 0);
    CHECK(taskd.reason("task.list", {{"user_id", "ada"}}, "bob") == "permission_denied");
    CHECK(taskd.reason("admin.shutdown", json::object(), "bob") == "permission_denied");
    CHECK(taskd.call("task.list", {{"user_id", "ada"}}, "root", true)["result"]["total"] == 1);
}

TEST_CASE("a long poll is answered by the turn that commits what it waits for") {
    EngineFixture taskd;
    taskd.turn({taskd.request(
        "event.read", {{"after", 0}, {"wait_ms", 5000}, {"types", {"task.*"}}}, "ada", false, 7)});
    CHECK(taskd.last.replies.empty());
    CHECK(taskd.engine->next_wait() == taskd.clock.monotonic() + 5s);
    taskd.result("channel.set", {{"name", "desk"}, {"argv", {"true"}}});  // no event
    taskd.turn({taskd.request("task.add", {{"summary", "x"}}, "bob", false, 8)});
    CHECK(taskd.last.replies.size() == 1);  // another user's event is nobody's business
    taskd.turn({taskd.request("task.add", {{"summary", "x"}}, "ada", false, 9)});
    REQUIRE(taskd.last.replies.size() == 2);
    CHECK(taskd.last.replies[1].peer.routing_id == "7");
    CHECK(json::parse(taskd.last.replies[1].body)["result"]["events"].size() == 1);

    SECTION("or by its deadline, empty") {
        taskd.turn({taskd.request("event.read", {{"after", 1}, {"wait_ms", 5000}})});
        taskd.clock.advance(5s);
        taskd.turn();
        REQUIRE(taskd.last.replies.size() == 1);
        CHECK(json::parse(taskd.last.replies[0].body)["result"]["events"].empty());
    }
}

TEST_CASE("long polls are bounded") {
    daemon::Settings settings;
    settings.polls_max = 2;
    EngineFixture taskd(settings);
    const auto poll = taskd.request("event.read", {{"after", 0}, {"wait_ms", 5000}});
    taskd.turn({poll, poll, poll});
    REQUIRE(taskd.last.replies.size() == 1);
    CHECK(json::parse(taskd.last.replies[0].body)["error"]["data"]["reason"] ==
          "resource_exhausted");
}

TEST_CASE("timers due at once are fired in bounded turns") {
    daemon::Settings settings;
    settings.turn_timers_max = 10;
    EngineFixture taskd(settings);
    for (int i = 0; i < 35; ++i)
        taskd.result("task.add", {{"summary", "x"}, {"at", "in 1 minute"}, {"remind", {"0"}}});
    taskd.clock.advance(1min);
    taskd.turn();
    CHECK(taskd.last.publications.size() == 10);
    CHECK(*taskd.engine->next_due() <= taskd.clock.now());
    CHECK(taskd.pass(0ms).size() == 25);
}

TEST_CASE("deliveries wait while all workers are busy, and other timers don't") {
    daemon::Settings settings;
    settings.outbound_max = 2;
    EngineFixture taskd(settings);
    taskd.result("channel.set", {{"name", "desk"}, {"argv", {"true"}}, {"is_default", true}});
    for (int i = 0; i < 5; ++i)
        taskd.result("task.add", {{"summary", "x"}, {"at", "in 1 minute"}, {"remind", {"0"}}});
    CHECK(taskd.pass(1min).size() == 5);
    REQUIRE(taskd.jobs.size() == 2);
    // Not due before a worker answers: the loop must not spin.
    CHECK(*taskd.engine->next_due() > taskd.clock.now());
    taskd.turn({}, {{taskd.jobs[0].user, taskd.jobs[0].delivery, {true, true, "exit 0", ""}}});
    taskd.pass(0ms);
    CHECK(taskd.jobs.size() == 3);
}

TEST_CASE("after an error of the disk a turn acknowledges nothing that is not there") {
    EngineFixture taskd;
    taskd.result("task.add", {{"summary", "before"}});
    // Wherever in the turn it strikes: what was answered as done is there, the rest is not.
    const auto fault = GENERATE(Fault::full, Fault::io_error, Fault::no_memory);
    const auto countdown = GENERATE(range(0, 24));
    CAPTURE(static_cast<int>(fault), countdown);
    taskd.disk.arm(fault,
                   static_cast<std::uint64_t>(countdown) * (fault == Fault::no_memory ? 7 : 1));
    std::vector<daemon::Request> requests;
    for (int i = 0; i < 4; ++i)
        requests.push_back(
            taskd.request("task.add", {{"summary", "t" + std::to_string(i)}}, "ada", false, i));
    taskd.turn(requests);
    taskd.disk.disarm();
    REQUIRE(taskd.last.replies.size() == 4);
    std::set<std::string> acknowledged{"before"};
    for (const auto& reply : taskd.last.replies) {
        const auto body = json::parse(reply.body);
        if (body.contains("result"))
            acknowledged.insert(body["result"]["task"]["summary"].get<std::string>());
        else
            CHECK((body["error"]["data"]["reason"] == "resource_exhausted" ||
                   body["error"]["data"]["reason"] == "unavailable"));
    }
    // Writing goes on without a restart.
    CHECK(taskd.result("task.add", {{"summary", "after"}})["task"]["summary"] == "after");
    acknowledged.insert("after");
    taskd.crash();
    std::set<std::string> stored;
    const auto page = taskd.result("task.list", json::object());
    for (const auto& task : page["tasks"]) stored.insert(task["summary"].get<std::string>());
    CHECK(stored == acknowledged);
    CHECK(taskd.result("event.read", {{"after", 0}})["head"] == stored.size());
}

TEST_CASE("a full disk refuses writes clearly while reads go on") {
    EngineFixture taskd;
    taskd.result("task.add", {{"summary", "before"}});
    std::vector<daemon::Request> requests{
        taskd.request("task.add", {{"summary", "x"}}, "ada", false, 1),
        taskd.request("task.list", json::object(), "ada", false, 2)};
    taskd.disk.arm(Fault::full, 0);
    taskd.turn({requests[0]});
    // The first failure makes the turn void; its request is run again alone, on a disk with room.
    CHECK(json::parse(taskd.last.replies[0].body).contains("result"));
    CHECK_FALSE(taskd.last.warnings.empty());
    taskd.turn({requests[1]});
    CHECK(json::parse(taskd.last.replies[0].body)["result"]["total"] == 2);
}

TEST_CASE("a failed sync ends everything: unknown to the callers, and the store is lost") {
    EngineFixture taskd;
    taskd.disk.arm(Fault::failed_sync, 0);
    taskd.turn({taskd.request("task.add", {{"summary", "x"}})});
    CHECK(taskd.last.store_lost);
    REQUIRE(taskd.last.replies.size() == 1);
    CHECK(json::parse(taskd.last.replies[0].body)["error"]["data"]["reason"] == "unknown");
}

TEST_CASE("retention removes old events as a prefix, and the numbers go on") {
    daemon::Settings settings;
    settings.retention_events = 48h;
    EngineFixture taskd(settings);
    taskd.result("task.add", {{"summary", "old"}});
    taskd.clock.advance(47h);
    taskd.result("task.add", {{"summary", "new"}});
    taskd.pass(2h);
    const auto page = taskd.result("event.read", {{"after", 0}});
    CHECK(page["head"] == 2);  // a number is never used again
    REQUIRE(page["events"].size() == 1);
    CHECK(page["events"][0]["userseq"] == 2);
    CHECK(page["oldest"] == 2);
    CHECK(taskd.count("SELECT count(*) FROM seen") == 0);  // nobody else publishes taskd's own

    SECTION("a jump of the clock of more than a day takes nothing away") {
        taskd.turn();
        taskd.clock.set_now(taskd.clock.now() + 24h * 30);
        taskd.pass(0ms);
        CHECK(taskd.result("event.read", {{"after", 0}})["events"].size() == 1);
    }
}

TEST_CASE("a change row keeps what a command replaced") {
    EngineFixture taskd;
    taskd.result("task.add", {{"summary", "x"}});
    taskd.result("task.complete", {{"task", "1"}});
    daemon::Query row(*taskd.database,
                      "SELECT command, before FROM change ORDER BY change_id DESC LIMIT 1");
    REQUIRE(row.step());
    CHECK(row.text(0) == "task.complete");
    const auto before = json::parse(row.text(1));
    CHECK(before[0][0] == "task");
    CHECK(before[0][2]["status"] == "needs-action");
}

TEST_CASE("hostile messages are refused, each with a reply that says why") {
    EngineFixture taskd;
    const auto answer = [&](const std::string& body) {
        taskd.turn(
            {{{0, "p", false}, {core::UserId{"ada"}, false}, body, taskd.clock.monotonic()}});
        REQUIRE(taskd.last.replies.size() == 1);
        return json::parse(taskd.last.replies[0].body);
    };
    for (const std::string& body :
         {std::string(), std::string("{"), std::string("null"), std::string("[]"),
          std::string("42"), std::string("\xff\xfe"),
          std::string("{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"x\"}"),
          std::string(200'000, '['),
          "{\"a\":" + std::string(1000, '[') + std::string(1000, ']') + "}",
          std::string("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}"),
          std::string("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"task.add\",\"params\":[1]}"),
          std::string(
              "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"task.add\",\"params\":{\"summary\":"
              "\"x\",\"priority\":1e400}}"),
          std::string(
              "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"task.add\",\"params\":{\"summary\":7}}"),
          std::string(
              "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"task.add\",\"params\":{\"summary\":\"x\","
              "\"deadline_ms\":-5}}")}) {
        CAPTURE(body.substr(0, 80));
        const auto reply = answer(body);
        CHECK(reply.contains("error"));
        CHECK_FALSE(reply["error"]["message"].get<std::string>().empty());
    }
    // Every truncation of a good request.
    const auto good = taskd.request("task.add", stand_up).body;
    for (std::size_t length = 0; length < good.size(); ++length)
        CHECK(answer(good.substr(0, length)).contains("error"));
    CHECK(answer(good).contains("result"));
    CHECK(taskd.count("SELECT count(*) FROM task") == 1);
}

TEST_CASE("a batch is answered as a list, a notification not at all") {
    EngineFixture taskd;
    taskd.turn({{{},
                 {core::UserId{"ada"}, false},
                 R"([{"jsonrpc":"2.0","id":1,"method":"task.add","params":{"summary":"a"}},)"
                 R"({"jsonrpc":"2.0","method":"task.add","params":{"summary":"b"}},)"
                 R"({"jsonrpc":"2.0","id":2,"method":"task.get","params":{"task":"2"}}])",
                 taskd.clock.monotonic()}});
    REQUIRE(taskd.last.replies.size() == 1);
    const auto replies = json::parse(taskd.last.replies[0].body);
    REQUIRE(replies.size() == 2);
    CHECK(replies[1]["result"]["task"]["summary"] == "b");
}

TEST_CASE("a long poll is woken by a write that stands behind it in the same turn") {
    EngineFixture taskd;
    taskd.turn({taskd.request("event.read", {{"after", 0}, {"wait_ms", 60'000}}, "ada", false, 1),
                taskd.request("task.add", {{"summary", "x"}}, "ada", false, 2)});
    CHECK(taskd.last.replies.size() == 2);
    CHECK_FALSE(taskd.engine->next_wait().has_value());
}

TEST_CASE("a request is the same whatever it holds beside what the method reads") {
    EngineFixture taskd;
    taskd.result("task.add", with_key({{"summary", "x"}}, "k"));
    CHECK(taskd.result("task.add", with_key({{"summary", "x"}, {"priority", 0}, {"new", 1}},
                                            "k"))["replayed"] == true);
    const auto refused = with_key({{"task", "9"}}, "k2");
    taskd.call("task.complete", refused);
    CHECK(taskd.call("task.complete", refused)["error"]["data"]["replayed"] == true);
}

TEST_CASE("long polls are told when taskd stops") {
    EngineFixture taskd;
    taskd.turn({taskd.request("event.read", {{"after", 0}, {"wait_ms", 60'000}})});
    const auto replies = taskd.engine->dismiss_polls();
    REQUIRE(replies.size() == 1);
    CHECK(json::parse(replies[0].body)["error"]["data"]["reason"] == "unavailable");
    CHECK(taskd.engine->dismiss_polls().empty());
}
