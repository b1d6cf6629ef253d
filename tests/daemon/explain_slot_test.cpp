// SPDX-License-Identifier: Apache-2.0
// The story of one slot of a series: what became of it, or will.
#include "tests/support/engine_fixture.h"

using namespace taskd;
using namespace std::chrono_literals;
using nlohmann::json;
using test::EngineFixture;

namespace {

struct Slots : EngineFixture {
    json add(const json& more = json::object()) {
        json params{{"summary", "stand-up"},
                    {"every", "day"},
                    {"at", "10:00"},
                    {"tz", "Europe/Berlin"},
                    {"remind", {"10m"}}};
        params.update(more);
        return result("task.add", params);
    }
    json explain(const std::string& when, const std::string& task = "1") {
        return result("task.explain", {{"task", task}, {"when", when}});
    }
    /// The sentences of one kind.
    std::string about(const json& told, const std::string& kind) {
        std::string text;
        for (const auto& because : told["because"])
            if (because["about"] == kind) text += because["text"].get<std::string>() + "\n";
        return text;
    }
    bool says(const std::string& when, const std::string& kind, const std::string& part) {
        const auto told = explain(when);
        const auto text = about(told, kind);
        CAPTURE(told.dump());
        return text.find(part) != std::string::npos;
    }
    json refused(const std::string& when) {
        auto reply = call("task.explain", {{"task", "1"}, {"when", when}});
        CAPTURE(reply.dump());
        REQUIRE(reply.contains("error"));
        return reply["error"];
    }
};

}  // namespace

TEST_CASE("explain a slot: one that has a task is that task's story") {
    Slots t;
    t.add();
    const auto told = t.explain("today");
    CHECK(told["recurrence_id"] == "2026-11-24T10:00:00");
    CHECK(told["task"]["number"] == 1);
    t.pass(2h);
    t.result("task.complete", {{"task", "1"}});
    CHECK(t.explain("2026-11-24", "2")["task"]["number"] == 1);
    CHECK(t.explain("2026-11-24T10:00:00")["task"]["status"] == "completed");
}

TEST_CASE("explain a slot: one to come says when it gets its task, and when it reminds") {
    Slots t;
    t.add();
    CHECK(t.says("in 3 days", "future", "when task 1 is closed"));
    CHECK(t.says("in 3 days", "reminder", "Fri 2026-11-27 09:50"));
    CHECK(t.explain("in 3 days")["task"]["number"] == 0);
    t.result("series.pause", {{"series", "1"}});
    CHECK(t.says("in 3 days", "future", "paused"));
    t.result("series.resume", {{"series", "1"}});
    t.result("series.skip", {{"series", "1"}, {"recurrence_id", "2026-11-27T10:00:00"}});
    CHECK(t.says("2026-11-27", "future", "skipped by you"));
    t.result("series.move", {{"series", "1"},
                             {"recurrence_id", "2026-11-28T10:00:00"},
                             {"to", "2026-11-30 18:00"},
                             {"tz", "Europe/Berlin"}});
    CHECK(t.says("2026-11-28", "moved", "Mon 2026-11-30 18:00"));
    CHECK(t.says("2026-11-30 18:00", "moved", "Mon 2026-11-30 18:00"));
    CHECK(t.says("2026-11-30 10:00", "slot", "Mon 2026-11-30 10:00"));
}

TEST_CASE("explain a slot: one that was passed over says why, and with which others") {
    Slots t;
    t.add();
    t.pass(3 * 24h + 2h);  // 11:00 on the 27th
    CHECK(t.says("2026-11-26", "future", "decided when that is closed, by catch_up skip"));
    t.result("task.complete", {{"task", "1"}});
    CHECK(t.says("2026-11-26", "passed_over", "3 slots"));
    CHECK(t.says("2026-11-26", "passed_over", "catch_up skip makes up for none"));
    CHECK(t.explain("2026-11-28")["task"]["number"] == 2);
}

TEST_CASE("explain a slot: the hour that the clock skips or shows twice") {
    Slots t;
    t.add({{"at", "02:30"}});
    CHECK(t.says("2027-03-28", "clock", "the clock skips 02:30 that day, so it comes at 03:30"));
}

TEST_CASE("explain a slot: what can't be meant is refused") {
    Slots t;
    t.add({{"every", "monday"}});
    CHECK(t.refused("2026-11-25")["data"]["reason"] == "not_found");
    CHECK(t.refused("2026-11-25")["data"]["hint"] ==
          "the next one after it is Mon 2026-11-30 10:00");
    CHECK(t.refused("nonsense")["data"]["field"] == "when");
    t.result("task.add", {{"summary", "once"}});
    CHECK(t.call("task.explain", {{"task", "2"}, {"when", "today"}})["error"]["data"]["field"] ==
          "when");
    t.add({{"every", "4 hours"}, {"at", ""}});
    const auto several = t.call("task.explain", {{"task", "3"}, {"when", "tomorrow"}})["error"];
    CHECK(several["data"]["field"] == "when");
    CHECK(several["message"].get<std::string>().find("several slots") != std::string::npos);
}

TEST_CASE("explain a slot: stack, completion and ended series") {
    Slots t;
    t.add({{"overlap", "stack"}});
    CHECK(t.says("in 3 days", "future", "when the slot before it has its time"));
    t.result("series.end", {{"series", "1"}});
    CHECK(t.says("in 3 days", "future", "ended"));
    t.add({{"every", "3 days after completion"}});
    const auto number = t.result("task.list", json::object())["tasks"].size();
    CHECK(number == 2);
}
