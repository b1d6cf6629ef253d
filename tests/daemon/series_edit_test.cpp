// SPDX-License-Identifier: Apache-2.0
// Series that are changed while they run: all of one, its slots from one on, and its end.
#include "tests/support/engine_fixture.h"

#include <algorithm>

using namespace taskd;
using namespace std::chrono_literals;
using nlohmann::json;
using test::EngineFixture;

namespace {

using Types = std::vector<std::string>;

/// A daily series at 9:30 UTC; the fixture's clock says 08:00.
json add(EngineFixture& f, json more = {}) {
    json params{{"summary", "s"}, {"every", "day"}, {"at", "9:30"}, {"tz", "UTC"}};
    params.update(more.is_null() ? json::object() : more);
    return f.result("task.add", params);
}

std::string due(const json& task) {
    return task["due"]["at"];
}

json show(EngineFixture& f, const std::string& series = "1") {
    return f.result("series.get", {{"series", series}});
}

std::string next_due(EngineFixture& f) {
    return show(f)["series"]["next"]["at"];
}

/// The slots for which reminders went off, in order.
std::vector<std::string> reminded(EngineFixture& f) {
    std::vector<std::string> slots;
    const auto page = f.result("event.read", {{"types", {"reminder.due"}}, {"limit", 1000}});
    for (const auto& event : page["events"])
        slots.push_back(event["data"]["payload"]["recurrence_id"]);
    return slots;
}

/// Lets time pass with the daemon running; the types of what happened.
Types live(EngineFixture& f, std::chrono::milliseconds span) {
    const auto end = f.clock.now() + span;
    Types types;
    for (auto due = f.engine->next_due(); due && *due <= end; due = f.engine->next_due()) {
        const auto some = f.pass(std::max(*due - f.clock.now(), 0ms));
        types.insert(types.end(), some.begin(), some.end());
    }
    f.clock.advance(end - f.clock.now());
    return types;
}

/// No slot of any series became two tasks (P5).
void check_unique(EngineFixture& f) {
    CHECK(f.count("SELECT count(*) FROM (SELECT 1 FROM task WHERE deleted IS NULL AND series_id IS "
                  "NOT NULL GROUP BY series_id, recurrence_id HAVING count(*) > 1)") == 0);
}

}  // namespace

TEST_CASE("another time of day moves the open task that is still ahead, and its reminder") {
    EngineFixture f;
    add(f, {{"remind", {"10m"}}});
    const auto changed = f.result("series.update", {{"series", "1"}, {"at", "18:00"}});
    REQUIRE(changed["tasks"].size() == 1);
    CHECK(due(changed["tasks"][0]) == "2026-11-24T18:00:00.000Z");
    CHECK(changed["tasks"][0]["revision"] == 2);
    CHECK(changed["understood"] == "every day at 18:00, UTC");
    CHECK(live(f, 9h + 49min).empty());
    CHECK(live(f, 1min) == Types{"reminder.due"});
    CHECK(due(f.result("task.complete", {{"task", "1"}})["next"]) == "2026-11-25T18:00:00.000Z");
}

TEST_CASE("an open task that is due already keeps its slot; the new rule holds from the next") {
    EngineFixture f;
    add(f);
    live(f, 50h);  // Thursday 10:00: today's slot is behind Tuesday's open one
    const auto changed =
        f.result("series.update", {{"series", "1"}, {"every", "friday at 11:00"}, {"tz", "UTC"}});
    CHECK_FALSE(changed.contains("tasks"));
    const auto rows = show(f)["occurrences"];
    CHECK(rows[0]["reason"] == "superseded");
    CHECK(rows[0]["count"] == 2);
    CHECK(due(f.result("task.get", {{"task", "1"}})["task"]) == "2026-11-24T09:30:00.000Z");
    CHECK(due(f.result("task.complete", {{"task", "1"}})["next"]) == "2026-11-27T11:00:00.000Z");
}

TEST_CASE("a rule in other words keeps the time of day, and takes over after what is done") {
    EngineFixture f;
    add(f);
    f.result("task.complete", {{"task", "1"}});  // today's, ahead of its time
    const auto changed = f.result("series.update", {{"series", "1"}, {"every", "weekday"}});
    CHECK(changed["understood"] == "every weekday at 09:30, UTC");
    CHECK(next_due(f) == "2026-11-25T09:30:00.000Z");
    // Today was done: a later time of day doesn't bring it again.
    const auto later =
        f.result("series.update", {{"series", "1"}, {"every", "day"}, {"at", "20:00"}});
    CHECK(due(later["tasks"][0]) == "2026-11-25T20:00:00.000Z");
}

TEST_CASE("a slot that was done ahead of its time is not made again by a rule that has it too") {
    EngineFixture f;
    add(f);
    f.result("task.complete", {{"task", "1"}});
    f.result("task.complete", {{"task", "2"}});  // tomorrow's too
    f.result("series.update", {{"series", "1"}, {"every", "day at 10:00"}});
    f.result("series.update", {{"series", "1"}, {"every", "day at 9:30"}});
    for (int number = 3; number < 8; ++number)
        f.result("task.complete", {{"task", std::to_string(number)}});
    check_unique(f);
}

TEST_CASE("another zone moves the slots though their local times stay") {
    EngineFixture f;
    add(f, {{"remind", {"0"}}});
    const auto changed = f.result("series.update", {{"series", "1"}, {"tz", "America/New_York"}});
    CHECK(changed["series"]["tzid"] == "America/New_York");
    REQUIRE(changed["tasks"].size() == 1);
    CHECK(due(changed["tasks"][0]) == "2026-11-24T14:30:00.000Z");
    CHECK(live(f, 6h + 29min).empty());
    CHECK(live(f, 1min) == Types{"reminder.due"});
}

TEST_CASE("a rule that says its times takes no other; a day is no time of day") {
    EngineFixture f;
    f.result("task.add", {{"summary", "pill"}, {"every", "day at 8 and 20"}, {"tz", "UTC"}});
    const auto refused = f.call("series.update", {{"series", "1"}, {"at", "9:30"}});
    CHECK(refused["error"]["data"]["field"] == "at");
    add(f);
    CHECK(f.call("series.update",
                 {{"series", "2"}, {"at", "tomorrow 9am"}})["error"]["data"]["field"] == "at");
    CHECK(f.call("series.update",
                 {{"series", "2"}, {"every", "blue moon"}})["error"]["data"]["field"] == "every");
    CHECK(f.call("series.update", {{"series", "2"}, {"window", "3d"}})["error"]["data"]["field"] ==
          "window");
    CHECK(f.reason("series.update", {{"series", "9"}, {"at", "9:00"}}) == "not_found");
    CHECK(show(f, "2")["series"]["revision"] == 1);
}

TEST_CASE("what the tasks say is changed in the series and in its open ones") {
    EngineFixture f;
    add(f, {{"tags", {"home", "slow"}}, {"overlap", "stack"}});
    live(f, 26h);  // three are open, the last is tomorrow's
    f.result("task.update", {{"task", "1"}, {"remove_tags", {"slow"}}});
    const auto changed = f.result("series.update", {{"series", "1"},
                                                    {"summary", "Water"},
                                                    {"priority", 2},
                                                    {"remove_tags", {"slow"}},
                                                    {"add_tags", {"plants"}}});
    CHECK(changed["series"]["summary"] == "Water");
    REQUIRE(changed["tasks"].size() == 3);
    for (const auto& task : changed["tasks"]) {
        CHECK(task["summary"] == "Water");
        CHECK(task["priority"] == 2);
        CHECK(task["tags"] == json({"home", "plants"}));
    }
    CHECK(f.reason("series.update", {{"series", "1"}, {"remove_tags", {"none"}}}) ==
          "invalid_argument");
    const auto same = f.result("series.update", {{"series", "1"}, {"summary", "Water"}});
    CHECK(same["warnings"].size() == 1);
    CHECK(same["series"]["revision"] == changed["series"]["revision"]);
}

TEST_CASE("from one at a time to a stack: what passed is caught up with, and slots make tasks") {
    EngineFixture f;
    add(f);
    live(f, 50h);  // Thursday 10:00; Tuesday's is open
    f.result("series.update", {{"series", "1"}, {"overlap", "stack"}, {"catch_up", "all"}});
    live(f, 1s);
    CHECK(f.result("task.list", json::object())["total"] == 4);  // Tuesday .. Friday
    live(f, 24h);
    CHECK(f.result("task.list", json::object())["total"] == 5);
    check_unique(f);
}

TEST_CASE("from a stack to one at a time: open tasks stay, and there is always a next one") {
    EngineFixture f;
    add(f, {{"overlap", "stack"}, {"remind", {"0"}}});
    live(f, 26h);  // Wednesday 10:00: open are Tuesday's, Wednesday's and Thursday's
    REQUIRE(f.result("task.list", json::object())["total"] == 3);
    SECTION("the newest is open") {
        const auto changed = f.result("series.update", {{"series", "1"}, {"overlap", "one"}});
        CHECK_FALSE(changed.contains("next"));
        live(f, 72h);
        CHECK(f.result("task.list", json::object())["total"] == 3);
        CHECK_FALSE(f.result("task.complete", {{"task", "1"}}).contains("next"));
        CHECK(f.result("task.complete", {{"task", "3"}})["next"]["number"] == 4);
    }
    SECTION("the newest was done ahead of its time") {
        f.result("task.complete", {{"task", "3"}});
        const auto before = reminded(f).size();
        const auto changed = f.result("series.update", {{"series", "1"}, {"overlap", "one"}});
        CHECK(due(changed["next"]) == "2026-11-27T09:30:00.000Z");
        CHECK(live(f, 24h).empty());  // Thursday's was done
        CHECK(reminded(f).size() == before);
        CHECK(live(f, 24h) == Types{"reminder.due"});
        CHECK(f.result("task.complete", {{"task", "4"}})["next"]["number"] == 5);
    }
    SECTION("back to a stack") {
        f.result("series.update", {{"series", "1"}, {"overlap", "one"}});
        f.result("series.update",
                 {{"series", "1"}, {"overlap", "default"}, {"anchor", "schedule"}});
        f.result("series.update", {{"series", "1"}, {"overlap", "stack"}});
        live(f, 48h);
        CHECK(f.result("task.list", json::object())["total"] == 5);
        CHECK(reminded(f).size() == 4);
    }
    check_unique(f);
}

TEST_CASE("a stack whose newest is done doesn't remind of it because a policy changes") {
    EngineFixture f;
    add(f, {{"overlap", "stack"}, {"remind", {"0"}}});
    f.result("task.complete", {{"task", "1"}});  // today's, before 9:30
    f.result("series.update", {{"series", "1"}, {"catch_up", "latest"}});
    live(f, 12h);
    CHECK(reminded(f).empty());
    live(f, 24h);
    CHECK(reminded(f) == std::vector<std::string>{"2026-11-25T09:30:00"});
}

TEST_CASE("a shift that is set later moves the open task off a day off") {
    EngineFixture f;
    add(f, {{"every", "saturday"}});
    REQUIRE(due(f.result("task.get", {{"task", "1"}})["task"]) == "2026-11-28T09:30:00.000Z");
    SECTION("to the next working day") {
        const auto changed = f.result("series.update", {{"series", "1"}, {"shift", "next"}});
        REQUIRE(changed["tasks"].size() == 1);
        CHECK(due(changed["tasks"][0]) == "2026-11-30T09:30:00.000Z");
        CHECK(changed["tasks"][0]["recurrence_id"] == "2026-11-28T09:30:00");
        const auto back = f.result("series.update", {{"series", "1"}, {"shift", "default"}});
        CHECK(due(back["tasks"][0]) == "2026-11-28T09:30:00.000Z");
    }
    SECTION("away") {
        f.result("series.update", {{"series", "1"}, {"every", "day"}, {"shift", "skip"}});
        f.result("user.set", {{"holidays", {"2026-11-26"}}});
        f.result("task.complete", {{"task", "1"}});
        const auto next = f.result("task.complete", {{"task", "2"}})["next"];
        CHECK(due(next) == "2026-11-27T09:30:00.000Z");
        CHECK(show(f)["occurrences"][1]["reason"] == "shift");
    }
}

TEST_CASE("completion and schedule may follow each other") {
    EngineFixture f;
    add(f);
    const auto changed = f.result(
        "series.update", {{"series", "1"}, {"every", "3 days after completion"}, {"tz", "UTC"}});
    CHECK(show(f)["policies"][0]["value"] == "completion");
    CHECK(show(f)["policies"][0]["origin"] == "changed");
    live(f, 48h);
    const auto open = show(f)["series"]["open_task"].dump();
    const auto next = f.result("task.complete", {{"task", open}})["next"];
    CHECK(due(next).substr(0, 10) == "2026-11-29");
    f.result("series.update", {{"series", "1"}, {"anchor", "schedule"}, {"every", "day"}});
    live(f, 96h);
    CHECK(f.result("task.complete", {{"task", show(f)["series"]["open_task"].dump()}})
              .contains("next"));
    check_unique(f);
}

TEST_CASE("a split gives the slots from one on to a new series, and both know of each other") {
    EngineFixture f;
    const auto added = add(f, {{"remind", {"10m"}}});
    const std::string first = added["task"]["series_id"];
    live(f, 2h);
    f.result("task.complete", {{"task", "1"}});  // Tuesday's; Wednesday's is open
    SECTION("at the open one") {
        const auto split =
            f.result("series.split", {{"series", "1"}, {"at", "18:00"}, {"summary", "evening"}});
        const std::string second = split["series"]["id"];
        CHECK(split["series"]["predecessor"] == first);
        REQUIRE(split["tasks"].size() == 1);
        CHECK(split["tasks"][0]["series_id"] == second);
        CHECK(split["tasks"][0]["summary"] == "evening");
        CHECK(due(split["tasks"][0]) == "2026-11-25T18:00:00.000Z");
        const auto old = show(f, first);
        CHECK(old["series"]["successor"] == second);
        CHECK(old["series"].contains("ended"));
        CHECK(old["occurrences"].size() == 1);  // the history stays
        live(f, 48h);
        CHECK(reminded(f) ==
              std::vector<std::string>{"2026-11-24T09:30:00", "2026-11-25T18:00:00"});
        CHECK(due(f.result("task.complete", {{"task", "2"}})["next"]) ==
              "2026-11-26T18:00:00.000Z");
        CHECK(f.reason("series.split", {{"series", first}}) == "failed_precondition");
    }
    SECTION("ahead: the first goes on until there") {
        const auto split = f.result(
            "series.split",
            {{"series", "1"}, {"recurrence_id", "2026-11-27T09:30:00"}, {"every", "friday"}});
        CHECK(due(split["next"]) == "2026-11-27T09:30:00.000Z");
        CHECK(due(f.result("task.complete", {{"task", "2"}})["next"]) ==
              "2026-11-26T09:30:00.000Z");
        CHECK(f.result("task.complete", {{"task", "4"}})["series_ended"] == true);
        live(f, 7 * 24h + 22h);
        CHECK(reminded(f) ==
              std::vector<std::string>{"2026-11-24T09:30:00", "2026-11-27T09:30:00"});
    }
    SECTION("with the words' own day") {
        CHECK(f.call("series.split",
                     {{"series", "1"},
                      {"recurrence_id", "2026-12-04T09:30:00"},
                      {"every", "day starting tomorrow"}})["error"]["data"]["field"] == "every");
        const auto split = f.result(
            "series.split",
            {{"series", "1"}, {"recurrence_id", "2026-12-04T09:30:00"}, {"every", "monday"}});
        CHECK(due(split["next"]) == "2026-12-07T09:30:00.000Z");
    }
    SECTION("refused") {
        CHECK(
            f.reason("series.split", {{"series", "1"}, {"recurrence_id", "2026-11-24T09:30:00"}}) ==
            "failed_precondition");
        CHECK(
            f.reason("series.split", {{"series", "1"}, {"recurrence_id", "2026-11-27T09:31:00"}}) ==
            "invalid_argument");
        f.result("task.add", {{"summary", "x"}, {"every", "day"}, {"tz", "UTC"}});
        CHECK(
            f.reason("series.split", {{"series", "3"}, {"recurrence_id", "2026-11-24T00:00:00"}}) ==
            "failed_precondition");
    }
    check_unique(f);
}

TEST_CASE("a series that was just added is split ahead, with its reminders") {
    EngineFixture f;
    add(f, {{"remind", {"0"}}, {"overlap", "stack"}});
    f.result("series.split",
             {{"series", "1"}, {"recurrence_id", "2026-11-26T09:30:00"}, {"at", "12:00"}});
    live(f, 74h);
    CHECK(reminded(f) == std::vector<std::string>{"2026-11-24T09:30:00", "2026-11-25T09:30:00",
                                                  "2026-11-26T12:00:00"});
    // The new series had its first task at once; then its slots and the old ones' made theirs.
    CHECK(f.result("task.list", json::object())["total"] == 4);
    check_unique(f);
}

TEST_CASE("an overdue open task that is split off keeps its time unless that is changed") {
    EngineFixture f;
    add(f);
    live(f, 2h);
    f.result("task.complete", {{"task", "1"}});
    live(f, 48h);
    const auto split =
        f.result("series.split",
                 {{"series", "1"}, {"recurrence_id", "2026-11-25T09:30:00"}, {"summary", "late"}});
    CHECK(due(split["tasks"][0]) == "2026-11-25T09:30:00.000Z");
    CHECK(due(f.result("task.complete", {{"task", "2"}})["next"]) == "2026-11-27T09:30:00.000Z");
}

TEST_CASE("COUNT is shared between the two parts of a split series") {
    EngineFixture f;
    add(f, {{"every", "day for 5 times"}});
    f.result("series.split", {{"series", "1"}, {"recurrence_id", "2026-11-26T09:30:00"}});
    live(f, 200h);
    std::size_t made = 0;
    for (int number = 1; number < 6; ++number)
        made += f.call("task.complete", {{"task", std::to_string(number)}}).contains("result");
    const auto list = f.result("series.list", {{"ended", true}})["series"];
    REQUIRE(list.size() == 2);
    for (const auto& series : list) CHECK(series.contains("ended"));
}

TEST_CASE("a series ends after so many more, or on a day") {
    EngineFixture f;
    add(f, {{"remind", {"0"}}});
    SECTION("the open one is the first of them") {
        const auto changed = f.result("series.end", {{"series", "1"}, {"count", 2}});
        CHECK(changed["understood"] == "every day at 09:30, until 2026-11-25, UTC");
        CHECK(f.result("task.complete", {{"task", "1"}})["next"]["number"] == 2);
        CHECK(f.result("task.complete", {{"task", "2"}})["series_ended"] == true);
    }
    SECTION("one: the open one is the last, and it reminds") {
        f.result("series.end", {{"series", "1"}, {"count", 1}});
        CHECK(live(f, 48h) == Types{"reminder.due"});
        CHECK(f.result("task.complete", {{"task", "1"}})["series_ended"] == true);
    }
    SECTION("on a day, and longer again") {
        f.result("series.end", {{"series", "1"}, {"until", "2026-11-24"}});
        CHECK(live(f, 26h) == Types{"reminder.due"});
        f.result("series.end", {{"series", "1"}, {"until", "sunday"}});
        CHECK(live(f, 24h) == Types{"reminder.due"});
        CHECK(due(f.result("task.complete", {{"task", "1"}})["next"]) ==
              "2026-11-27T09:30:00.000Z");
    }
    SECTION("a stack") {
        f.result("series.update", {{"series", "1"}, {"overlap", "stack"}});
        f.result("series.end", {{"series", "1"}, {"count", 3}});
        live(f, 200h);
        CHECK(f.result("task.list", json::object())["total"] == 3);
        CHECK(show(f)["series"].contains("ended"));
        CHECK(reminded(f).size() == 3);
    }
    SECTION("counted from completion") {
        f.result("series.update", {{"series", "1"}, {"every", "2 days after completion"}});
        f.result("series.end", {{"series", "1"}, {"count", 2}});
        CHECK(f.result("task.complete", {{"task", "1"}})["next"]["number"] == 2);
        CHECK(f.result("task.complete", {{"task", "2"}})["series_ended"] == true);
    }
    SECTION("refused") {
        CHECK(f.reason("series.end", {{"series", "1"}, {"count", 1}, {"until", "friday"}}) ==
              "invalid_argument");
        CHECK(f.reason("series.end", {{"series", "1"}, {"count", -1}}) == "invalid_argument");
        CHECK(f.reason("series.end", {{"series", "1"}, {"count", 10001}}) == "invalid_argument");
        CHECK(f.reason("series.end", {{"series", "1"}, {"until", "2026-11-23"}}) ==
              "invalid_argument");
        CHECK(f.reason("series.end", {{"series", "1"}, {"until", "someday"}}) ==
              "invalid_argument");
    }
    check_unique(f);
}

TEST_CASE("edit --due of one occurrence moves its slot, and the series stays as it is") {
    EngineFixture f;
    add(f, {{"remind", {"0"}}});
    f.result("task.update", {{"task", "1"}, {"due", "2026-11-24 15:00"}, {"tz", "UTC"}});
    const auto shown = show(f);
    CHECK(shown["occurrences"][0]["state"] == "moved");
    CHECK(shown["slots"][0]["at"] == "2026-11-24T15:00:00.000Z");
    CHECK(shown["slots"][1]["at"] == "2026-11-25T09:30:00.000Z");
    CHECK(live(f, 6h + 59min).empty());
    CHECK(live(f, 1min) == Types{"reminder.due"});
    CHECK(due(f.result("task.complete", {{"task", "1"}})["next"]) == "2026-11-25T09:30:00.000Z");
}

TEST_CASE("a snooze outlives an edit of the series") {
    EngineFixture f;
    add(f, {{"remind", {"0"}}});
    live(f, 91min);
    f.result("reminder.snooze", {{"task", "1"}, {"until", "4h"}});
    f.result("series.update", {{"series", "1"}, {"at", "18:00"}});
    CHECK(live(f, 4h) == Types{"reminder.due"});
    CHECK(reminded(f).back() == "2026-11-24T09:30:00");
}

TEST_CASE("a paused series can be changed; it stays silent until it is resumed") {
    EngineFixture f;
    add(f, {{"remind", {"0"}}, {"overlap", "stack"}});
    f.result("series.pause", {{"series", "1"}});
    f.result("task.complete", {{"task", "1"}});
    f.result("series.update", {{"series", "1"}, {"overlap", "one"}, {"at", "10:00"}});
    CHECK(live(f, 72h).empty());
    const auto resumed = f.result("series.resume", {{"series", "1"}});
    CHECK(due(resumed["next"]) == "2026-11-27T10:00:00.000Z");
    CHECK(live(f, 4h) == Types{"reminder.due"});
    check_unique(f);
}
