// SPDX-License-Identifier: Apache-2.0
// When taskd was not awake, and what that explains.
#include "tests/support/engine_fixture.h"

using namespace taskd;
using namespace std::chrono_literals;
using nlohmann::json;
using test::EngineFixture;

namespace {

struct Sleeper : EngineFixture {
    /// FROM TO of each, to the minute of the clock in Berlin's winter, the newest first.
    std::vector<std::string> gaps(const json& params = json::object()) {
        std::vector<std::string> list;
        const auto page = result("gap.list", params);
        for (const auto& gap : page["gaps"])
            list.push_back(gap["from"].get<std::string>().substr(5, 11) + " " +
                           gap["to"].get<std::string>().substr(5, 11));
        return list;
    }
    std::string why(const std::string& when = "") {
        std::string text;
        json params{{"task", "1"}};
        if (!when.empty()) params["when"] = when;
        const auto told = result("task.explain", params);
        for (const auto& because : told["because"])
            if (because["about"] == "gap") text += because["text"].get<std::string>();
        return text;
    }
    void add() {
        result("task.add", {{"summary", "backup"},
                            {"every", "day"},
                            {"at", "10:00"},
                            {"tz", "Europe/Berlin"},
                            {"command", {{"argv", {"true"}}}}});
    }
};

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("gap: a start after a long time, or a timer that was slept through") {
    Sleeper t;
    CHECK(t.gaps().empty());
    t.add();
    SECTION("it did not run") {
        t.pass(10min);  // nothing is due, so nobody knows of it
        t.clock.advance(50h);
        t.crash();
        CHECK(t.gaps() == Words{"11-24T08:00 11-26T10:10"});
        CHECK(t.why() ==
              "taskd was off or its machine slept then, from Tue 2026-11-24 09:00 until "
              "Thu 2026-11-26 11:10");
        CHECK(t.why("2026-11-26") == t.why());  // what passed at 10:00, an hour ago
        CHECK(t.why("2026-11-27").empty());
    }
    SECTION("it was stopped, and started much later") {
        t.pass(10min);
        t.engine->stop(t.clock.now());
        t.clock.advance(30s);
        t.crash();
        CHECK(t.gaps().empty());  // a restart is none
        t.engine->stop(t.clock.now());
        t.clock.advance(5h);
        t.crash();
        CHECK(t.gaps() == Words{"11-24T08:10 11-24T13:10"});
    }
    SECTION("the clock was set forward") {
        t.clock.set_now(t.clock.now() + 5h);
        t.pass(0ms);
        CHECK(t.gaps().empty());
    }
    SECTION("it slept") {
        t.pass(10min);
        t.turn();
        t.pass(5h);
        CHECK(t.gaps() == Words{"11-24T08:10 11-24T13:10"});
        t.pass(1h);
        CHECK(t.gaps({{"since", "2026-11-24T13:11:00Z"}}).empty());
        CHECK(t.gaps({{"since", "2026-11-24T13:10:00Z"}}).size() == 1);
        CHECK_FALSE(t.why().empty());
    }
    SECTION("a long wait for what is not due yet is none") {
        t.pass(1h);
        CHECK(t.gaps().empty());
    }
    SECTION("a short one is none") {
        t.clock.advance(30s);
        t.crash();
        CHECK(t.gaps().empty());
    }
    CHECK(t.reason("gap.list", {{"limit", 0}}) == "invalid_argument");
}

TEST_CASE("gap: the newest thousand are kept") {
    Sleeper t;
    for (int i = 0; i < 1001; ++i) {
        t.clock.advance(2min);
        t.database->begin();
        daemon::Maintenance(*t.database).note_gap({t.clock.now() - 1min, t.clock.now()});
        t.database->commit();
    }
    CHECK(t.count("SELECT count(*) FROM gap") == 1000);
    CHECK(t.result("gap.list", {{"limit", 1000}})["gaps"].size() == 1000);
}

TEST_CASE("gap: a time of day alone is that of the slot that has been") {
    Sleeper t;
    t.add();
    t.pass(3h);  // 12:00
    const auto slot = [&](const std::string& when) {
        return t.result("task.explain", {{"task", "1"}, {"when", when}})["recurrence_id"];
    };
    CHECK(slot("10:00") == "2026-11-24T10:00:00");
    CHECK(slot("tomorrow 10:00") == "2026-11-25T10:00:00");
    t.result("task.add",
             {{"summary", "at night"}, {"every", "day"}, {"at", "23:00"}, {"tz", "Europe/Berlin"}});
    // There was none yet, so it is the one to come.
    CHECK(t.result("task.explain", {{"task", "2"}, {"when", "23:00"}})["recurrence_id"] ==
          "2026-11-24T23:00:00");
    const auto filled =
        t.result("command.backfill",
                 {{"series", "1"}, {"from", "9:30"}, {"to", "10:30"}, {"tz", "Europe/Berlin"}});
    CHECK(filled["count"] == 1);
}

TEST_CASE("gap: what this very turn sets for a time that has passed was not slept through") {
    Sleeper t;
    t.result("task.add", {{"summary", "long"},
                          {"every", "30 minutes"},
                          {"tz", "UTC"},
                          {"command", {{"argv", {"true"}}}}});
    t.pass(1min);  // the next full minute
    const auto jobs = std::exchange(t.jobs, {});
    REQUIRE(jobs.size() == 1);
    t.clock.advance(59min);  // it runs past the next slot
    daemon::JobResult ended{jobs[0].user, jobs[0].delivery, {true, false, "exit 0", ""}, {}, {}};
    ended.is_command = true;
    t.turn({}, {ended});
    auto begun = t.last.jobs;
    t.pass(0ms);
    begun.insert(begun.end(), t.jobs.begin(), t.jobs.end());
    CHECK(t.gaps().empty());
    CHECK(begun.size() == 1);  // the slot in between, late
}
