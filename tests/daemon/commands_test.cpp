// SPDX-License-Identifier: Apache-2.0
// Editing, starting, cancelling, snoozing, pausing: the commands that change what is there.
#include "tests/support/engine_fixture.h"

using namespace taskd;
using namespace std::chrono_literals;
using nlohmann::json;
using test::EngineFixture;

namespace {

json series_of(const json& task) {
    return task["series_id"];
}

std::vector<std::string> types_of(EngineFixture& fixture) {
    std::vector<std::string> types;
    const auto page = fixture.result("event.read", {{"limit", 1000}});
    for (const auto& event : page["events"]) types.push_back(event["type"]);
    return types;
}

std::string last_type(EngineFixture& fixture) {
    return types_of(fixture).back();
}

}  // namespace

TEST_CASE("edit changes what is named and nothing else, and says so in one event") {
    EngineFixture f;
    f.result("task.add", {{"summary", "Pay"}, {"notes", "n"}, {"tags", {"a", "b"}}});
    const auto edited = f.result("task.update", {{"task", "1"},
                                                 {"summary", "Pay rent"},
                                                 {"remove_tags", {"a"}},
                                                 {"add_tags", {"c"}},
                                                 {"due", "tomorrow 9am"},
                                                 {"tz", "Europe/Berlin"}});
    CHECK(edited["task"]["summary"] == "Pay rent");
    CHECK(edited["task"]["notes"] == "n");
    CHECK(edited["task"]["tags"] == json({"b", "c"}));
    CHECK(edited["task"]["due"]["local"] == "2026-11-25T09:00:00");
    CHECK(edited["task"]["revision"] == 2);
    CHECK(last_type(f) == "task.updated");
    const auto same = f.result("task.update", {{"task", "1"}, {"summary", "Pay rent"}});
    CHECK(same["task"]["revision"] == 2);
    CHECK(same["warnings"].size() == 1);
    CHECK(types_of(f).size() == 2);
    CHECK(f.result("task.update", {{"task", "1"}, {"due", "none"}})["task"].contains("due") ==
          false);
}

TEST_CASE("an edit of what has changed meanwhile is refused") {
    EngineFixture f;
    f.result("task.add", {{"summary", "x"}});
    f.result("task.update", {{"task", "1"}, {"if_revision", 1}, {"priority", 2}});
    CHECK(f.reason("task.update", {{"task", "1"}, {"if_revision", 1}, {"priority", 3}}) ==
          "conflict");
    CHECK(f.reason("task.update", {{"task", "1"}, {"remove_tags", {"x"}}}) == "invalid_argument");
    CHECK(f.reason("task.update", {{"task", "1"}, {"priority", 10}}) == "invalid_argument");
    CHECK(f.reason("task.update", {{"task", "1"}, {"remind", {"10m"}}}) == "invalid_argument");
    CHECK(f.result("task.get", {{"task", "1"}})["task"]["priority"] == 2);
}

TEST_CASE("a reminder that went off goes off again for a due time that was moved ahead") {
    EngineFixture f;
    f.result("task.add", {{"summary", "x"}, {"at", "in 10 minutes"}, {"remind", {"5m"}}});
    CHECK(f.pass(6min) == std::vector<std::string>{"reminder.due"});
    f.result("task.update", {{"task", "1"}, {"due", "in 1 hour"}});
    CHECK(f.pass(54min).empty());
    CHECK(f.pass(2min) == std::vector<std::string>{"reminder.due"});
    // Moved so that its time has passed, it stays silent.
    f.result("task.update", {{"task", "1"}, {"due", "in 1 minute"}});
    CHECK(f.pass(10min).empty());
}

TEST_CASE("a slot's reminders are the series'; its time can be moved") {
    EngineFixture f;
    f.result("task.add", {{"summary", "s"}, {"every", "day"}, {"at", "9:30"}, {"remind", {"10m"}}});
    CHECK(f.reason("task.update", {{"task", "1"}, {"due", "none"}}) == "failed_precondition");
    const auto edited = f.result("task.update", {{"task", "1"}, {"remind", {"5m"}}});
    CHECK(edited["reminders"][0].contains("series_id"));
    CHECK(f.result("task.update", {{"task", "1"}, {"summary", "t"}})["task"]["summary"] == "t");
    CHECK(f.result("task.complete", {{"task", "1"}})["next"]["summary"] == "s");
}

TEST_CASE("start and cancel follow the life of a task") {
    EngineFixture f;
    f.result("task.add", {{"summary", "x"}});
    CHECK(f.result("task.start", {{"task", "1"}})["task"]["status"] == "in-process");
    CHECK(last_type(f) == "task.started");
    CHECK(f.reason("task.start", {{"task", "1"}}) == "failed_precondition");
    CHECK(f.result("task.cancel", {{"task", "1"}})["task"]["status"] == "cancelled");
    CHECK(last_type(f) == "task.cancelled");
    for (const char* method : {"task.start", "task.cancel", "task.complete"})
        CHECK(f.reason(method, {{"task", "1"}}) == "failed_precondition");
    CHECK(f.result("task.reopen", {{"task", "1"}})["task"]["status"] == "needs-action");
}

TEST_CASE("cancelling an occurrence skips its slot and the series goes on") {
    EngineFixture f;
    f.result("task.add", {{"summary", "s"}, {"every", "day"}, {"at", "9:30"}, {"tz", "UTC"}});
    const auto closed = f.result("task.cancel", {{"task", "1"}});
    CHECK(closed["next"]["number"] == 2);
    const auto shown = f.result("series.get", {{"series", "1"}});
    CHECK(shown["occurrences"][1]["reason"] == "cancelled");
    CHECK(shown["occurrences"][1]["state"] == "skipped");
    CHECK(f.result("task.reopen", {{"task", "1"}})["removed"] == 2);
    CHECK(f.result("series.get", {{"series", "1"}})["occurrences"].size() == 1);
}

TEST_CASE("a snoozed reminder goes off again for the same slot, and acknowledging ends it") {
    EngineFixture f;
    f.result("channel.set", {{"name", "desk"}, {"argv", {"true"}}, {"is_default", true}});
    f.result(
        "task.add",
        {{"summary", "s"}, {"every", "day"}, {"at", "9:30"}, {"tz", "UTC"}, {"remind", {"0"}}});
    CHECK(f.reason("reminder.acknowledge", {{"task", "1"}}) == "failed_precondition");
    f.pass(91min);
    const auto snoozed = f.result("reminder.snooze", {{"task", "1"}, {"until", "20m"}});
    CHECK(snoozed["reminder"]["snoozed_until"] == "2026-11-24T09:51:00.000Z");
    CHECK(f.pass(20min) == std::vector<std::string>{"reminder.due"});
    const auto due = f.result("event.read", {{"types", {"reminder.due"}}})["events"];
    REQUIRE(due.size() == 2);
    CHECK(due[1]["data"]["payload"]["firing"] == 2);
    CHECK(due[1]["data"]["payload"]["recurrence_id"] == due[0]["data"]["payload"]["recurrence_id"]);
    CHECK(due[1]["data"]["payload"]["late_ms"] == 0);
    CHECK(f.result("delivery.list", json::object())["deliveries"].size() == 2);

    f.result("reminder.snooze", {{"task", "1"}, {"until", "until tomorrow"}, {"tz", "UTC"}});
    const auto seen = f.result("reminder.acknowledge", {{"task", "1"}});
    CHECK(seen["reminder"]["next"] == "2026-11-25T09:30:00.000Z");
    CHECK_FALSE(seen["reminder"].contains("snoozed_until"));
    CHECK(f.reason("reminder.acknowledge", {{"task", "1"}}) == "failed_precondition");
    CHECK(f.pass(24h) == std::vector<std::string>{"reminder.due"});
}

TEST_CASE("a snooze after an occurrence is done is for the one that came from its completion") {
    for (const bool acknowledged : {false, true}) {
        EngineFixture f;
        f.result("task.add", {{"summary", "s"},
                              {"every", "2 days after completion"},
                              {"at", "9:30"},
                              {"tz", "UTC"},
                              {"remind", {"0"}}});
        f.pass(91min);
        f.result("task.complete", {{"task", "1"}});
        const auto snoozed = f.result("reminder.snooze", {{"task", "2"}, {"until", "72h"}});
        CHECK(snoozed["reminder"]["next_slot"] == "2026-11-26T09:30:00");
        if (acknowledged) {
            const auto seen = f.result("reminder.acknowledge", {{"task", "2"}});
            CHECK(seen["reminder"]["next"] == "2026-11-26T09:30:00.000Z");
            CHECK(f.pass(48h) == std::vector<std::string>{"reminder.due"});
        } else {
            CHECK(f.pass(71h) == std::vector<std::string>{});
            CHECK(f.pass(1h) == std::vector<std::string>{"reminder.due"});
        }
        const auto due = f.result("event.read", {{"types", {"reminder.due"}}})["events"];
        CHECK(due.back()["data"]["payload"]["recurrence_id"] == "2026-11-26T09:30:00");
        CHECK(due.back()["data"]["payload"]["firing"] == 1);
    }
}

TEST_CASE("snooze says what is wrong with it") {
    EngineFixture f;
    f.result("task.add", {{"summary", "x"}});
    CHECK(f.reason("reminder.snooze", {{"task", "1"}, {"until", "20m"}}) == "failed_precondition");
    f.result("task.add", {{"summary", "y"}, {"at", "in 1 hour"}, {"remind", {"0"}}});
    CHECK(f.reason("reminder.snooze", {{"task", "2"}, {"until", "someday"}}) == "invalid_argument");
    CHECK(f.reason("reminder.snooze", {{"task", "2"}, {"until", "2020-01-01"}}) ==
          "invalid_argument");
    f.result("task.complete", {{"task", "2"}});
    CHECK(f.reason("reminder.snooze", {{"task", "2"}, {"until", "20m"}}) == "failed_precondition");
}

TEST_CASE("a task whose due time was taken away after a snooze still reminds, without a due time") {
    EngineFixture f;
    f.result("task.add", {{"summary", "x"}, {"at", "in 1 minute"}, {"remind", {"0"}}});
    f.pass(2min);
    f.result("task.update", {{"task", "1"}, {"due", "none"}});
    f.result("reminder.snooze", {{"task", "1"}, {"until", "20m"}});
    CHECK(f.pass(21min) == std::vector<std::string>{"reminder.due"});
}

TEST_CASE("a paused series makes nothing and is silent; resumed, it accounts for what passed") {
    EngineFixture f;
    const auto added = f.result(
        "task.add",
        {{"summary", "s"}, {"every", "day"}, {"at", "9:30"}, {"tz", "UTC"}, {"remind", {"0"}}});
    const std::string id = series_of(added["task"]);
    const auto paused = f.result("series.pause", {{"series", "1"}, {"note", "holiday"}});
    CHECK(paused["series"]["pause_note"] == "holiday");
    CHECK(f.reason("series.pause", {{"series", id}}) == "failed_precondition");
    CHECK(f.pass(72h).empty());
    // Its open task can be done, and nothing follows; what passed before the pause is catch_up.
    const auto closed = f.result("task.complete", {{"task", "1"}});
    CHECK(closed["series_paused"] == true);
    CHECK_FALSE(closed.contains("next"));
    CHECK(f.pass(24h).empty());
    const auto resumed = f.result("series.resume", {{"series", id.substr(0, 8)}});
    CHECK(resumed["skipped"][0]["reason"] == "paused");
    CHECK(resumed["skipped"][0]["count"] == 3);
    CHECK(resumed["next"]["due"]["at"] == "2026-11-28T09:30:00.000Z");
    CHECK(f.reason("series.resume", {{"series", id}}) == "failed_precondition");
    CHECK(f.pass(2h) == std::vector<std::string>{"reminder.due"});
}

TEST_CASE("a resumed series doesn't remind of a slot that was closed ahead of its time") {
    EngineFixture f;
    f.result(
        "task.add",
        {{"summary", "s"}, {"every", "day"}, {"at", "9:30"}, {"tz", "UTC"}, {"remind", {"0"}}});
    f.result("task.complete", {{"task", "1"}});  // today's, before 9:30
    f.result("series.pause", {{"series", "1"}});
    f.result("series.resume", {{"series", "1"}});
    CHECK(f.pass(12h).empty());
    CHECK(f.pass(24h) == std::vector<std::string>{"reminder.due"});
}

TEST_CASE("an ended series keeps its open task and makes no other, also when it is reopened") {
    EngineFixture f;
    f.result(
        "task.add",
        {{"summary", "s"}, {"every", "day"}, {"at", "9:30"}, {"tz", "UTC"}, {"remind", {"0"}}});
    const auto ended = f.result("series.end", {{"series", "1"}});
    CHECK(ended["series"]["ended_by_user"] == true);
    CHECK(f.reason("series.end", {{"series", "1"}}) == "failed_precondition");
    CHECK(f.pass(2h) == std::vector<std::string>{"reminder.due"});
    CHECK(f.pass(72h).empty());
    CHECK(f.result("task.complete", {{"task", "1"}})["series_ended"] == true);
    f.result("task.reopen", {{"task", "1"}});
    CHECK(f.result("series.get", {{"series", "1"}})["series"].contains("ended"));
    CHECK_FALSE(f.result("task.complete", {{"task", "1"}}).contains("next"));
    CHECK(f.pass(72h).empty());
}

TEST_CASE("dependencies: blocked until done, no circle, gone with the task") {
    EngineFixture f;
    f.result("task.add", {{"summary", "draft"}});
    f.result("task.add", {{"summary", "final"}, {"depends_on", {"1"}}, {"at", "in 2 hours"}});
    f.result("task.add", {{"summary", "other"}, {"at", "in 3 hours"}});
    CHECK(f.reason("task.update", {{"task", "1"}, {"add_depends_on", {"2"}}}) ==
          "invalid_argument");
    CHECK(f.reason("task.update", {{"task", "1"}, {"add_depends_on", {"1"}}}) ==
          "invalid_argument");
    CHECK(f.reason("task.add", {{"summary", "x"}, {"depends_on", {"9"}}}) == "not_found");
    CHECK(f.reason("task.add", {{"summary", "x"}, {"every", "day"}, {"depends_on", {"1"}}}) ==
          "invalid_argument");
    CHECK(f.result("task.list", json::object())["blocked"] == json({2}));
    CHECK(f.result("task.list", {{"blocked", true}})["tasks"].size() == 1);
    CHECK(f.result("task.list", {{"blocked", false}})["total"] == 2);
    CHECK(f.result("agenda.get", json::object())["tasks"][0]["number"] == 3);
    CHECK(f.result("task.get", {{"task", "1"}})["dependents"][0]["number"] == 2);
    CHECK(f.result("task.get", {{"task", "2"}})["dependencies"][0]["number"] == 1);
    CHECK(f.result("task.start", {{"task", "2"}})["warnings"].size() == 1);
    const auto closed = f.result("task.complete", {{"task", "1"}});
    CHECK(closed["unblocked"] == json({2}));
    CHECK(f.result("agenda.get", json::object())["tasks"][0]["number"] == 2);
    f.result("task.update", {{"task", "2"}, {"remove_depends_on", {"1"}}});
    CHECK(f.reason("task.update", {{"task", "2"}, {"remove_depends_on", {"1"}}}) ==
          "invalid_argument");
}

TEST_CASE("a task waits for 32 others at most") {
    EngineFixture f;
    json all = json::array();
    for (int i = 1; i <= 33; ++i) {
        f.result("task.add", {{"summary", "x"}});
        all.push_back(std::to_string(i));
    }
    CHECK(f.reason("task.add", {{"summary", "y"}, {"depends_on", all}}) == "invalid_argument");
    all.erase(32);
    CHECK(f.result("task.add", {{"summary", "y"}, {"depends_on", all}})["task"]["depends_on"]
              .size() == 32);
}

TEST_CASE("the agenda is what comes next, and counts what is overdue") {
    EngineFixture f;
    f.result("task.add", {{"summary", "late"}, {"at", "in 1 minute"}});
    f.result("task.add", {{"summary", "soon"}, {"at", "in 1 hour"}});
    f.pass(5min);
    const auto agenda = f.result("agenda.get", {{"limit", 5}});
    CHECK(agenda["overdue"] == 1);
    REQUIRE(agenda["tasks"].size() == 1);
    CHECK(agenda["tasks"][0]["summary"] == "soon");
    CHECK(f.reason("agenda.get", {{"limit", 0}}) == "invalid_argument");
}

TEST_CASE("settings: checked, normalised, taken back; the zone is what words are read in") {
    EngineFixture f;
    CHECK(f.result("user.get", json::object())["zone"] == "");
    const auto set = f.result("user.set", {{"zone", "Asia/Tokyo"}, {"email", "ada@example.org"}});
    CHECK(set["zone"] == "Asia/Tokyo");
    CHECK(f.result("task.add", {{"summary", "x"},
                                {"at", "tomorrow 9am"},
                                {"tz_default", "Europe/Berlin"}})["task"]["due"]["tzid"] ==
          "Asia/Tokyo");
    for (const json& wrong : {json{{"zone", "Mars/Olympus"}}, json{{"email", "nobody"}},
                              json{{"email", "a@b\r\nBcc: c@d"}}, json{{"quiet_hours", "22"}},
                              json{{"quiet_hours", "25:00-7"}}, json{{"quiet_hours", "7-7"}}})
        CHECK(f.reason("user.set", wrong) == "invalid_argument");
    CHECK(f.result("user.set", {{"quiet_hours", "22-7:30"}})["quiet_hours"] == "22:00-07:30");
    CHECK(f.result("user.set", {{"email", ""}})["email"] == "");
    CHECK(f.result("user.get", json::object(), "bob")["zone"] == "");
}

TEST_CASE("in quiet hours the reminder is an event at once, and its delivery waits") {
    EngineFixture f;
    f.result("channel.set", {{"name", "desk"}, {"argv", {"true"}}, {"is_default", true}});
    f.result("user.set", {{"quiet_hours", "9:00-12:00"}, {"tz_default", "Europe/Berlin"}});
    f.result("task.add", {{"summary", "x"}, {"at", "in 1 hour"}, {"remind", {"0"}}});
    CHECK(f.pass(1h) == std::vector<std::string>{"reminder.due"});
    CHECK(f.jobs.empty());
    f.pass(119min);
    CHECK(f.jobs.empty());
    f.pass(2min);
    CHECK(f.jobs.size() == 1);
}

TEST_CASE("retention leaves a deleted task that another one names, so that no task changes by it") {
    EngineFixture f;
    f.result("task.add", {{"summary", "first"}});
    f.result("task.add", {{"summary", "second"}, {"depends_on", {"1"}}});
    f.result("task.add", {{"summary", "third"}});
    f.result("task.delete", {{"task", "1"}});
    f.result("task.delete", {{"task", "3"}});
    f.pass(24h * 40);
    CHECK(f.count("SELECT count(*) FROM task") == 2);
    CHECK(f.result("task.get", {{"task", "2"}})["task"]["depends_on"].size() == 1);
    f.result("task.update", {{"task", "2"}, {"remove_depends_on", {"1"}}});
    f.pass(2h);
    CHECK(f.count("SELECT count(*) FROM task") == 1);
}

TEST_CASE("a page of tasks with long notes ends early and says that there are more") {
    EngineFixture f;
    for (int i = 0; i < 40; ++i)
        f.result("task.add", {{"summary", "x"}, {"notes", std::string(60'000, 'n')}});
    const auto page = f.result("task.list", {{"limit", 1000}});
    CHECK(page["tasks"].size() == 18);  // the first past 1 MiB is the last
    CHECK(page["total"] == 40);
    const auto rest = f.result("task.list", {{"limit", 1000}, {"offset", 36}});
    CHECK(rest["tasks"].size() == 4);
    CHECK(rest["total"] == 40);
}

TEST_CASE("a long poll is not woken by what came before it in the same turn") {
    EngineFixture f;
    f.turn({f.request("task.add", {{"summary", "before"}}, "ada", false, 1),
            f.request("event.read", {{"after", 1}, {"wait_ms", 60'000}}, "ada", false, 2)});
    CHECK(f.last.replies.size() == 1);
    f.turn({f.request("task.add", {{"summary", "news"}}, "ada", false, 3)});
    REQUIRE(f.last.replies.size() == 2);
    CHECK(json::parse(f.last.replies[1].body)["result"]["events"].size() == 1);
}
