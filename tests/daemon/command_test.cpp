// SPDX-License-Identifier: Apache-2.0
// Commands that are run when a task's time comes: once for each slot, accounted for with a reason.
#include "core/command.h"

#include "tests/support/engine_fixture.h"

using namespace taskd;
using namespace std::chrono_literals;
using nlohmann::json;
using test::EngineFixture;

namespace {

const core::Outcome done{true, false, "exit 0", "made it\n", 1500ms};
const core::Outcome failed{false, true, "exit 3", "no disk\n", 20ms};

struct Commands : EngineFixture {
    explicit Commands(daemon::Settings wanted = {}) : EngineFixture(std::move(wanted)) {}

    /// A series at 10:00, or what `more` says.
    json add(const json& more = json::object(), const json& command = json::object()) {
        json run{{"argv", {"backup", "--all"}}, {"directory", "/srv"}};
        if (!command.is_null()) run.update(command);
        json params{{"summary", "backup"}, {"tz", "Europe/Berlin"}, {"command", run}};
        if (!more.contains("due")) params.update({{"every", "day"}, {"at", "10:00"}});
        if (!more.is_null()) params.update(more);
        return result("task.add", params);
    }
    /// What begins in this time.
    std::vector<daemon::Job> begun(std::chrono::milliseconds span = 0ms) {
        pass(span);
        return std::exchange(jobs, {});
    }
    void answer(const daemon::Job& job, const core::Outcome& outcome) {
        daemon::JobResult result{job.user, job.delivery, outcome, {}, {}};
        result.is_command = true;
        turn({}, {result});
        for (auto& more : last.jobs) jobs.push_back(more);
    }
    /// A request, and what begins in its own turn.
    json ask(const std::string& method, const json& params) {
        auto reply = result(method, params);
        for (auto& job : last.jobs) jobs.push_back(job);
        return reply;
    }
    json runs(json how = json::object()) { return result("command.runs", how)["runs"]; }
    json run(int index = 0) { return runs()[static_cast<std::size_t>(index)]; }
    json task(int number) { return result("task.get", {{"task", std::to_string(number)}})["task"]; }
    std::string status(int number) { return task(number)["status"]; }
    /// REASON COUNT of what was passed over.
    std::vector<std::string> skipped() {
        std::vector<std::string> list;
        const auto page = result(
            "event.read", {{"after", 0}, {"limit", 1000}, {"types", {"occurrence.skipped"}}});
        for (const auto& event : page["events"]) {
            const auto& run = event["data"]["payload"];
            list.push_back(run["reason"].get<std::string>() + " " + run["count"].dump());
        }
        return list;
    }
    static std::string variable(const daemon::Job& job, const std::string& name) {
        for (const auto& [key, value] : job.variables)
            if (key == name) return value;
        return "none";
    }
};

using Words = std::vector<std::string>;

std::string number_of(const daemon::Job& job) {
    return Commands::variable(job, "TASKD_TASK_NUMBER");
}

}  // namespace

TEST_CASE("command: a backfill is in order, and ends with its command") {
    Commands t;
    t.add({{"at", "2026-11-01 10:00"}, {"catch_up", "latest"}});
    t.jobs = t.last.jobs;
    auto jobs = t.begun();
    REQUIRE(jobs.size() == 1);  // of yesterday
    t.answer(jobs[0], done);
    t.result("command.backfill",
             {{"series", "1"}, {"from", "2026-11-02"}, {"to", "2026-11-06"}, {"tz", "UTC"}});
    for (const auto& job : t.last.jobs) t.jobs.push_back(job);
    t.pass(0ms);
    for (const auto* slot : {"2026-11-02T10:00:00", "2026-11-03T10:00:00"}) {
        jobs = t.begun();
        REQUIRE(jobs.size() == 1);
        CHECK(Commands::variable(jobs[0], "TASKD_RECURRENCE_ID") == slot);
        t.clock.advance(10ms);
        t.answer(jobs[0], done);  // whatever is due by then, the next one is next
    }
    jobs = t.begun();
    REQUIRE(jobs.size() == 1);
    t.result("task.update", {{"task", "2"}, {"command", {{"remove", true}}}});
    t.answer(jobs[0], done);
    CHECK(t.begun(1min).empty());
    CHECK(t.count("SELECT count(*) FROM delivery WHERE command_group IS NOT NULL AND finished IS "
                  "NULL") == 0);
}

TEST_CASE("command: it runs at its time, and success completes the occurrence") {
    Commands t;
    const auto added = t.add();
    CHECK(added["command"]["argv"] == json{"backup", "--all"});
    CHECK(t.begun(59min + 59s).empty());
    const auto jobs = t.begun(1s);
    REQUIRE(jobs.size() == 1);
    CHECK(jobs[0].command->argv == Words{"backup", "--all"});
    CHECK(jobs[0].command->directory == "/srv");
    CHECK(t.variable(jobs[0], "TASKD_RECURRENCE_ID") == "2026-11-24T10:00:00");
    CHECK(t.variable(jobs[0], "TASKD_ATTEMPT") == "1");
    CHECK(t.variable(jobs[0], "TASKD_TASK_NUMBER") == "1");
    CHECK(t.variable(jobs[0], "TASKD_WHY") == "slot");
    CHECK(t.status(1) == "in-process");
    CHECK(t.run()["state"] == "running");
    t.answer(jobs[0], done);
    CHECK(t.status(1) == "completed");
    CHECK(t.run()["state"] == "succeeded");
    CHECK(t.run()["planned"] == "2026-11-24T09:00:00.000Z");
    CHECK(t.run()["summary"] == "backup");
    CHECK(t.result("delivery.get", {{"delivery", t.run()["id"]}})["output"] == "made it\n");
    CHECK(t.task(2)["recurrence_id"] == "2026-11-25T10:00:00");
    CHECK(t.begun(24h).size() == 1);
    CHECK(t.skipped().empty());
}

TEST_CASE("command: failure is tried again as often as that is wanted, and then told") {
    Commands t;
    t.add({},
          {{"retry", {{"attempts_max", 2}, {"backoff_ms", 10'000}, {"backoff_max_ms", 10'000}}}});
    auto jobs = t.begun(1h);
    t.answer(jobs.at(0), failed);
    CHECK(t.status(1) == "in-process");
    CHECK(t.run()["state"] == "pending");
    jobs = t.begun(10s);
    REQUIRE(jobs.size() == 1);
    CHECK(t.variable(jobs[0], "TASKD_ATTEMPT") == "2");
    t.answer(jobs[0], failed);
    CHECK(t.run()["state"] == "dead");
    CHECK(t.run()["log"].size() == 2);
    CHECK(t.status(1) == "cancelled");
    CHECK(t.skipped() == Words{"failed 1"});
    CHECK(t.runs({{"failed", true}}).size() == 1);
    CHECK(t.status(2) == "needs-action");  // the next day has its own chance
    CHECK(t.result("dead_letter.list", json::object())["dead_letters"].empty());
    SECTION("and once more by hand, for itself") {
        t.ask("delivery.retry", {{"delivery", t.run()["id"]}});
        const auto again = t.begun();
        REQUIRE(again.size() == 1);
        t.answer(again[0], done);
        CHECK(t.run()["state"] == "succeeded");
        CHECK(t.status(1) == "cancelled");
    }
}

TEST_CASE("command: of what was missed the latest runs, and the rest is accounted for") {
    Commands t;
    t.add();
    t.crash();
    const auto jobs = t.begun(73h);  // three slots on
    REQUIRE(jobs.size() == 1);
    CHECK(t.variable(jobs[0], "TASKD_RECURRENCE_ID") == "2026-11-27T10:00:00");
    CHECK(t.skipped() == Words{"catch_up 1", "catch_up 2"});
    t.answer(jobs[0], done);
    CHECK(t.task(3)["recurrence_id"] == "2026-11-28T10:00:00");
}

TEST_CASE("command: the policies say what becomes of what was missed") {
    Commands t;
    SECTION("none") {
        t.add({{"catch_up", "skip"}});
        CHECK(t.begun(73h).empty());
        CHECK(t.task(2)["recurrence_id"] == "2026-11-28T10:00:00");
    }
    SECTION("late by a moment is not missed") {
        t.add({{"catch_up", "skip"}});
        CHECK(t.begun(1h + 59s).size() == 1);
    }
    SECTION("all, one after the other") {
        t.add({{"catch_up", "all"}});
        auto jobs = t.begun(73h);
        for (const char* day : {"24", "25", "26", "27"}) {
            REQUIRE(jobs.size() == 1);
            CHECK(t.variable(jobs[0], "TASKD_RECURRENCE_ID") ==
                  "2026-11-" + std::string(day) + "T10:00:00");
            t.answer(jobs[0], done);
            jobs = t.begun();
        }
        CHECK(jobs.empty());
    }
    SECTION("those younger than the window") {
        t.add({{"catch_up", "latest"}, {"window", "2h"}});
        CHECK(t.begun(1h + 2h + 1s).empty());
        CHECK(t.skipped() == Words{"window 1"});
    }
    SECTION("not after a time of day") {
        t.add(json::object(), {{"not_after", "12:00"}});
        CHECK(t.begun(1h + 2h + 1s).empty());
        CHECK(t.skipped() == Words{"not_after 1"});
        CHECK(t.begun(24h - 2h - 1s).size() == 1);
    }
    SECTION("side by side in a stack") {
        t.add({{"overlap", "stack"}});
        CHECK(t.begun(1h).size() == 1);
        CHECK(t.begun(24h).size() == 1);
    }
}

TEST_CASE("command: runs of a series do not overlap") {
    Commands t;
    t.add();
    const auto first = t.begun(1h);
    REQUIRE(first.size() == 1);
    CHECK(t.begun(48h).empty());
    t.ask("command.trigger", {{"task", "1"}});
    CHECK(t.begun().empty());
    CHECK(t.run()["result"] == "waits: the run before it is not over");
    t.answer(first[0], done);
    auto next = t.begun();
    REQUIRE(next.size() == 1);
    CHECK(t.variable(next[0], "TASKD_WHY") == "trigger");
    t.answer(next[0], done);
    next = t.begun();
    REQUIRE(next.size() == 1);
    CHECK(t.variable(next[0], "TASKD_RECURRENCE_ID") == "2026-11-26T10:00:00");
}

TEST_CASE("command: a group runs one at a time, and a user so many") {
    daemon::Settings settings;
    settings.commands_per_user = 2;
    Commands t(settings);
    const bool grouped = GENERATE(true, false);
    for (int i = 0; i < 4; ++i)
        t.add(json::object(), grouped ? json{{"group", "disk"}} : json::object());
    auto jobs = t.begun(1h);
    const std::size_t most = grouped ? 1 : 2;
    CHECK(jobs.size() == most);
    for (std::size_t ended = 0; ended < 4; ++ended) {
        REQUIRE_FALSE(jobs.empty());
        t.answer(jobs.front(), done);
        jobs.erase(jobs.begin());
        for (auto& more : t.begun()) jobs.push_back(more);
        CHECK(jobs.size() <= most);
    }
    CHECK(jobs.empty());
    CHECK(t.count("SELECT count(*) FROM task WHERE status = 'completed'") == 4);
}

TEST_CASE("command: no more begin than there is room for") {
    daemon::Settings settings;
    settings.commands_max = 3;
    Commands t(settings);
    for (int i = 0; i < 10; ++i) t.add();
    auto jobs = t.begun(1h);
    CHECK(jobs.size() == 3);
    CHECK(t.count("SELECT count(*) FROM task WHERE status = 'in-process'") == 3);
    CHECK_FALSE(t.engine->next_due() == t.clock.now());
    t.answer(jobs[0], done);
    CHECK(t.begun().size() == 1);
    CHECK(t.count("SELECT count(*) FROM task WHERE status = 'in-process'") == 3);
}

TEST_CASE("command: what ran when the machine died is recorded, and follows its policy") {
    Commands t;
    const int attempts = GENERATE(1, 2);
    t.add(
        json::object(),
        {{"retry", {{"attempts_max", attempts}, {"backoff_ms", 1000}, {"backoff_max_ms", 1000}}}});
    REQUIRE(t.begun(1h).size() == 1);
    t.crash();
    CHECK(t.run()["result"] == "interrupted: taskd stopped");
    CHECK(t.begun(1s).size() == static_cast<std::size_t>(attempts - 1));
    CHECK(t.status(1) == (attempts == 1 ? "cancelled" : "in-process"));
}

TEST_CASE("command: a crash between the turns loses none and repeats none") {
    Commands t;
    t.add();
    t.crash();
    const auto jobs = t.begun(1h);
    REQUIRE(jobs.size() == 1);
    t.answer(jobs[0], done);
    t.crash();
    CHECK(t.begun().empty());
    CHECK(t.status(1) == "completed");
    CHECK(t.runs().size() == 1);
}

TEST_CASE("command: a single task runs once, also late, and not while it is blocked") {
    Commands t;
    t.result("task.add", {{"summary", "first"}});
    t.add({{"due", "2026-11-24T10:00"}, {"depends_on", {"1"}}});
    CHECK(t.begun(5h).empty());
    t.ask("task.complete", {{"task", "1"}});
    const auto jobs = t.begun();
    REQUIRE(jobs.size() == 1);
    t.answer(jobs[0], done);
    CHECK(t.status(2) == "completed");
    CHECK(t.begun(48h).empty());
    SECTION("opened again it runs again") {
        t.ask("task.reopen", {{"task", "2"}});
        CHECK(t.begun().size() == 1);
    }
}

TEST_CASE("command: pause, end, cancel and edit are obeyed") {
    Commands t;
    t.add();
    SECTION("paused, and resumed later") {
        t.ask("series.pause", {{"series", "1"}});
        CHECK(t.begun(26h).empty());
        const auto resumed = t.ask("series.resume", {{"series", "1"}});
        CHECK(resumed["skipped"][0]["reason"] == "paused");
        CHECK(t.begun().empty());
        const auto jobs = t.begun(23h);
        REQUIRE(jobs.size() == 1);
        CHECK(t.variable(jobs[0], "TASKD_RECURRENCE_ID") == "2026-11-26T10:00:00");
    }
    SECTION("ended") {
        t.ask("series.end", {{"series", "1"}});
        CHECK(t.begun(48h).empty());
        CHECK(t.status(1) == "cancelled");
    }
    SECTION("another time") {
        t.ask("task.update", {{"task", "1"}, {"due", "11:30"}, {"tz", "Europe/Berlin"}});
        CHECK(t.begun(2h + 29min).empty());
        CHECK(t.begun(1min).size() == 1);
    }
    SECTION("a time behind that of the next slot") {
        t.ask("task.update", {{"task", "1"}, {"due", "2026-11-26T11:00"}, {"tz", "Europe/Berlin"}});
        const auto jobs = t.begun(50h);
        REQUIRE(jobs.size() == 1);
        CHECK(t.variable(jobs[0], "TASKD_RECURRENCE_ID") == "2026-11-24T10:00:00");
    }
    SECTION("another command") {
        t.ask("task.update", {{"task", "1"}, {"command", {{"argv", {"other"}}}}});
        const auto jobs = t.begun(1h);
        REQUIRE(jobs.size() == 1);
        CHECK(jobs[0].command->argv == Words{"other"});
        CHECK(jobs[0].command->directory == "/srv");
    }
    SECTION("none any more") {
        t.ask("task.update", {{"task", "1"}, {"command", {{"remove", true}}}});
        CHECK(t.begun(24h).empty());
        CHECK(t.status(1) == "needs-action");
    }
    SECTION("cancelled while it runs") {
        const auto jobs = t.begun(1h);
        t.ask("task.cancel", {{"task", "1"}});
        t.answer(jobs.at(0), {false, true, "stopped: its task was cancelled", ""});
        CHECK(t.run()["state"] == "suppressed");
        CHECK(t.begun(24h).size() == 1);
    }
    SECTION("deleted while it runs, and restored") {
        const auto jobs = t.begun(1h);
        t.ask("task.delete", {{"task", "1"}});
        t.answer(jobs.at(0), {false, true, "stopped: its task was cancelled", ""});
        t.ask("task.restore", {{"task", "1"}});
        const auto again = t.begun();
        REQUIRE(again.size() == 1);
        t.answer(again[0], done);
        CHECK(t.status(1) == "completed");
    }
    SECTION("started by hand ahead of its time") {
        t.ask("task.start", {{"task", "1"}});
        auto jobs = t.begun();
        REQUIRE(jobs.size() == 1);
        CHECK(t.variable(jobs[0], "TASKD_WHY") == "start");
        t.answer(jobs[0], done);
        CHECK(t.begun(24h).empty());
        CHECK(t.begun(1h).size() == 1);
    }
}

TEST_CASE("command: slots of the past are run in order, each with its own id") {
    Commands t;
    t.add();
    const auto jobs = t.begun(97h);
    REQUIRE(jobs.size() == 1);
    const auto reply = t.ask("command.backfill", {{"series", "1"},
                                                  {"from", "2026-11-24"},
                                                  {"to", "2026-11-26T12:00"},
                                                  {"tz", "Europe/Berlin"}});
    CHECK(reply["count"] == 3);
    t.answer(jobs[0], done);
    for (const char* day : {"24", "25", "26"}) {
        const auto next = t.begun(3ms);
        REQUIRE(next.size() == 1);
        CHECK(t.variable(next[0], "TASKD_RECURRENCE_ID") ==
              "2026-11-" + std::string(day) + "T10:00:00");
        CHECK(t.variable(next[0], "TASKD_WHY") == "backfill");
        t.answer(next[0], done);
    }
    CHECK(t.begun().empty());
    CHECK(t.task(3)["status"] == "needs-action");
}

TEST_CASE("command: daylight saving: each day has its run") {
    Commands t;
    t.clock.set_now(*core::parse_utc("2027-03-27T08:00:00Z"));
    t.turn();
    t.add({{"at", "2:30"}});  // 2027-03-28 has no 2:30
    const auto jobs = t.begun(17h + 30min);
    REQUIRE(jobs.size() == 1);
    CHECK(t.variable(jobs[0], "TASKD_PLANNED") == "2027-03-28T01:30:00.000Z");
    t.answer(jobs[0], done);
    CHECK(t.begun(23h - 1s).empty());
    CHECK(t.begun(1s).size() == 1);
}

TEST_CASE("command: after a night what is late begins within its jitter") {
    Commands t;
    for (int i = 0; i < 20; ++i) t.add(json::object(), {{"jitter_ms", 600'000}});
    t.crash();
    t.clock.advance(9h);
    CHECK(t.begun().size() < 10);
    std::size_t more = 0;
    for (int i = 0; i < 10; ++i) {
        for (const auto& job : t.begun(1min)) {
            ++more;
            t.answer(job, done);
        }
    }
    CHECK(more > 5);
}

TEST_CASE("command: only the programs that the administrator names") {
    daemon::Settings settings;
    settings.exec_allow = std::vector<std::string>{"/usr/bin/backup"};
    Commands t(settings);
    const json params{{"summary", "x"}, {"every", "day"}, {"at", "10:00"}, {"tz", "UTC"}};
    json bad = params;
    bad["command"] = {{"argv", {"sh", "-c", "id"}}};
    CHECK(t.reason("task.add", bad) == "permission_denied");
    CHECK(t.count("SELECT count(*) FROM task") == 0);
    CHECK(t.count("SELECT count(*) FROM command") == 0);
    json good = params;
    good["command"] = {{"argv", {"/usr/bin/backup"}}};
    t.result("task.add", good);
}

TEST_CASE("command: both halves of a series that is split have their runs") {
    Commands t;
    t.add();
    t.answer(t.begun(1h).at(0), done);
    // From a later slot on, and from the open one on, to a later time.
    const std::string from = GENERATE("2026-11-26T10:00:00", "2026-11-25T10:00:00");
    t.ask("series.split",
          {{"series", "1"}, {"recurrence_id", from}, {"at", "11:00"}, {"tz", "Europe/Berlin"}});
    std::size_t began = 0;
    for (int hour = 1; hour < 24 * 4; ++hour)
        for (const auto& job : t.begun(1h)) {
            ++began;
            t.answer(job, done);
        }
    CHECK(began == 3);
}

TEST_CASE("command: a task that is opened again is not closed by the run before") {
    Commands t;
    t.add({{"due", "2026-11-24T10:00"}});
    const auto jobs = t.begun(1h);
    const std::string close = GENERATE("task.cancel", "task.complete", "task.delete");
    t.ask(close, {{"task", "1"}});
    t.ask(close == "task.delete" ? "task.restore" : "task.reopen", {{"task", "1"}});
    CHECK(t.begun().empty());  // the one before is not over
    t.answer(jobs.at(0), {false, true, "stopped: its task was cancelled", ""});
    CHECK(t.status(1) == "in-process");
    const auto again = t.begun();
    REQUIRE(again.size() == 1);
    t.answer(again[0], done);
    CHECK(t.status(1) == "completed");
}

TEST_CASE("command: a jitter longer than the interval passes over nothing by itself") {
    Commands t;
    t.add({{"every", "10 minutes"}, {"at", ""}}, {{"jitter_ms", 3'600'000}});
    std::size_t began = 0;
    for (int minute = 0; minute < 180; ++minute)
        for (const auto& job : t.begun(1min)) {
            ++began;
            t.answer(job, done);
        }
    CHECK(began >= 2);
}

TEST_CASE("command: what is too late for a single task is told as a run that failed") {
    Commands t;
    t.add({{"due", "2026-11-24T10:00"}}, {{"not_after", "11:00"}});
    t.crash();
    CHECK(t.begun(3h).empty());
    CHECK(t.status(1) == "cancelled");
    CHECK(t.run()["state"] == "dead");
    CHECK(t.run()["result"] == "it was too late to begin");
}

TEST_CASE("command: another group does not let runs of a series overlap") {
    Commands t;
    t.add();
    const auto jobs = t.begun(1h);
    t.ask("task.update", {{"task", "1"}, {"command", {{"group", "disk"}}}});
    t.ask("command.trigger", {{"task", "1"}});
    CHECK(t.begun().empty());
    t.answer(jobs.at(0), done);
    CHECK(t.begun().size() == 1);
}

TEST_CASE("command: a new series begins with what is to come") {
    Commands t;
    const auto added = t.add({{"every", "day from 2026-11-01"}});
    CHECK(added["task"]["recurrence_id"] == "2026-11-24T10:00:00");
    t.add({{"every", "day"}, {"at", ""}});
    CHECK(t.begun().empty());
    const auto old = t.add({{"every", "10 minutes"}, {"at", "2000-01-01 00:05"}});
    CHECK(old["task"]["recurrence_id"] == "2026-11-24T09:05:00");
    CHECK(t.skipped().empty());
}

TEST_CASE("command: without a command nothing more is filled back, and the next in line begins") {
    Commands t;
    t.add();
    t.add(json::object(), {{"group", "disk"}});
    const auto jobs = t.begun(97h);
    REQUIRE(jobs.size() == 2);
    t.ask("command.backfill", {{"series", "1"}, {"from", "2026-11-24"}, {"to", "2026-11-27"}});
    CHECK(t.begun(10ms).empty());
    t.ask("task.update", {{"task", "1"}, {"command", {{"remove", true}}}});
    for (const auto& job : jobs) t.answer(job, done);
    CHECK(t.begun(10ms).empty());
    CHECK(t.count("SELECT count(*) FROM delivery WHERE finished IS NULL") == 0);
}

TEST_CASE("command: a run that is not needed any more lets the next in line begin") {
    Commands t;
    for (int i = 0; i < 3; ++i) t.add({{"due", "2026-11-24T10:00"}}, {{"group", "disk"}});
    const auto jobs = t.begun(1h);
    REQUIRE(jobs.size() == 1);
    // The end of the first gives the turn to one of the others, which is cancelled in that turn.
    t.answer(jobs[0], done);
    auto next = t.begun();
    REQUIRE(next.size() == 1);
    t.ask("task.cancel", {{"task", number_of(next[0])}});
    t.answer(next[0], {false, true, "stopped: its task was cancelled", ""});
    CHECK(t.begun().size() == 1);
}

TEST_CASE("command: what a program finds is the administrator's where they name the programs") {
    daemon::Settings settings;
    settings.exec_allow = std::vector<std::string>{"/usr/bin/backup"};
    Commands t(settings);
    const json params{{"summary", "x"}, {"every", "day"}, {"at", "10:00"}, {"tz", "UTC"}};
    for (const json& more :
         {json{{"environment", {"LD_PRELOAD=/tmp/x"}}}, json{{"directory", "/tmp"}}}) {
        json bad = params;
        bad["command"] = {{"argv", {"/usr/bin/backup"}}};
        bad["command"].update(more);
        CHECK(t.reason("task.add", bad) == "permission_denied");
    }
    json good = params;
    good["command"] = {{"argv", {"/usr/bin/backup"}},
                       {"environment_default", {"LD_PRELOAD=/tmp/x"}},
                       {"directory_default", "/tmp"}};
    t.result("task.add", good);
    const auto jobs = t.begun(2h);
    REQUIRE(jobs.size() == 1);
    CHECK(jobs[0].command->environment.empty());
    CHECK(jobs[0].command->directory == "/");
}

TEST_CASE("command: the same request from another machine is the same request") {
    Commands t;
    const auto from = [&](const char* path) {
        return t.result("task.add", {{"summary", "x"},
                                     {"every", "day"},
                                     {"at", "10:00"},
                                     {"tz_default", "UTC"},
                                     {"idempotency_key", "job"},
                                     {"command",
                                      {{"argv", {"a"}},
                                       {"environment", {"B=1"}},
                                       {"directory_default", path},
                                       {"environment_default", {std::string("PATH=") + path}}}}});
    };
    const auto first = from("/bin");
    CHECK(first["command"]["directory"] == "/bin");
    CHECK(first["command"]["environment"] == json{"B=1", "PATH=/bin"});
    const auto again = from("/usr/bin");
    CHECK(again["replayed"] == true);
    CHECK(again["command"] == first["command"]);
}

TEST_CASE("command: what is not accepted is refused by name") {
    Commands t;
    const auto field = [&](json command, json more = json::object()) {
        json params{{"summary", "x"}, {"every", "day"}, {"at", "10:00"}, {"tz", "UTC"}};
        params.update(more);
        params["command"] = std::move(command);
        const auto reply = t.call("task.add", params);
        CAPTURE(reply.dump());
        REQUIRE(reply.contains("error"));
        return reply["error"]["data"]["field"].get<std::string>();
    };
    CHECK(field(json::object()) == "command.argv");
    CHECK(field({{"argv", json::array()}}) == "command.argv");
    CHECK(field({{"argv", {std::string("a\0b", 3)}}}) == "command.argv");
    CHECK(field({{"argv", {"a"}}, {"directory", "home"}}) == "command.directory");
    CHECK(field({{"argv", {"a"}}, {"environment", {"NAME"}}}) == "command.environment");
    CHECK(field({{"argv", {"a"}}, {"environment", {"TASKD_X=1"}}}) == "command.environment");
    CHECK(field({{"argv", {"a"}}, {"time_limit_ms", 10}}) == "command.time_limit_ms");
    CHECK(field({{"argv", {"a"}}, {"retry", {{"attempts_max", 0}}}}) ==
          "command.retry.attempts_max");
    CHECK(field({{"argv", {"a"}}, {"not_after", "25:00"}}) == "command.not_after");
    CHECK(field({{"argv", {"a"}}, {"group", "two words"}}) == "command.group");
    CHECK(t.count("SELECT count(*) FROM series") == 0);
    CHECK(t.reason("task.add", {{"summary", "x"}, {"command", {{"argv", {"a"}}}}}) ==
          "invalid_argument");
    t.result("task.add", {{"summary", "plain"}});
    CHECK(t.reason("command.trigger", {{"task", "1"}}) == "failed_precondition");
}

TEST_CASE("command: the default channel hears of what did not run by itself, once in a row") {
    Commands t;
    t.result("channel.set", {{"name", "log"}, {"argv", {"true"}}, {"is_default", true}});
    const auto told = [&] {
        return t.count("SELECT count(*) FROM delivery WHERE channel = 'log'");
    };
    const auto begun = [&](std::chrono::milliseconds span = 0ms) {
        auto all = t.begun(span);
        std::erase_if(all, [](const daemon::Job& job) { return !job.command; });
        return all;
    };
    t.add(json::object(), {{"not_after", "10:30"}});
    SECTION("its first failure") {
        t.answer(begun(1h).at(0), failed);
        CHECK(told() == 1);
        t.pass(0ms);
        const auto to_log = std::exchange(t.jobs, {});
        REQUIRE(to_log.size() == 1);
        CHECK(t.variable(to_log[0], "TASKD_TITLE") == "Failed: backup");
        CHECK(t.variable(to_log[0], "TASKD_TASK_NUMBER") == "1");
        CHECK(t.result("admin.health", json::object())["deliveries_dead"] == 0);  // runs are none
        t.answer(begun(24h).at(0), failed);
        CHECK(told() == 1);
        t.answer(begun(24h).at(0), done);
        t.answer(begun(24h).at(0), failed);
        CHECK(told() == 2);
    }
    SECTION("too late, night after night") {
        for (int night = 0; night < 3; ++night) {
            begun(3h);
            begun(21h);
        }
        CHECK(t.run()["result"] == "it was too late to begin");
        CHECK(told() == 1);
    }
    SECTION("not what somebody runs by hand") {
        t.answer(begun(1h).at(0), done);
        t.ask("command.trigger", {{"task", "1"}});
        t.answer(begun().at(0), failed);
        t.ask("command.backfill",
              {{"series", "1"}, {"from", "9:00"}, {"to", "now"}, {"tz", "UTC"}});
        t.answer(begun().at(0), failed);
        CHECK(told() == 0);
        t.answer(begun(24h).at(0), failed);
        CHECK(told() == 1);
    }
}

TEST_CASE("command: what may not be expected is said when it is added") {
    Commands t;
    const auto warnings = t.add({{"at", ""}})["warnings"];
    REQUIRE(warnings.size() == 2);
    CHECK(warnings[0].get<std::string>().find("begins at 00:00") != std::string::npos);
    CHECK(warnings[1].get<std::string>().find("no default channel") != std::string::npos);
    t.result("channel.set", {{"name", "log"}, {"argv", {"true"}}, {"is_default", true}});
    CHECK_FALSE(t.add().contains("warnings"));
}

TEST_CASE("command: a stack catches up as it says, and latest is what it says by itself") {
    Commands t;
    t.add({{"overlap", "stack"}});
    t.begun(1h);
    t.turn();
    const auto jobs = t.begun(72h + 1h);
    REQUIRE(jobs.size() == 1);
    CHECK(t.variable(jobs[0], "TASKD_RECURRENCE_ID") == "2026-11-27T10:00:00");
    CHECK(t.skipped() == Words{"catch_up 1", "catch_up 1"});
    CHECK_FALSE(t.add({{"min_gap", "2 days"}}).empty());  // which goes with skip
}

TEST_CASE("command: nothing of a pause begins when it ends") {
    Commands t;
    SECTION("of today, which is not over for a series of days") {
        t.add({{"at", ""}});
        t.ask("series.pause", {{"series", "1"}});
        t.begun(72h);
        const auto resumed = t.ask("series.resume", {{"series", "1"}});
        CHECK(t.begun().empty());
        CHECK(resumed["next"]["recurrence_id"] == "2026-11-28T00:00:00");
        CHECK(t.skipped() == Words{"paused 1", "paused 1", "paused 1"});
        CHECK(t.begun(15h).size() == 1);
    }
    SECTION("and a series that ends in it ends once") {
        t.add({{"every", "day until 2026-11-26"}});
        t.ask("series.pause", {{"series", "1"}});
        t.begun(72h);
        t.ask("series.resume", {{"series", "1"}});
        CHECK(t.begun().empty());
        CHECK(t.count("SELECT count(*) FROM event WHERE type = 'series.ended'") == 1);
    }
    SECTION("but what waits for another task waits on") {
        t.add();
        t.ask("series.pause", {{"series", "1"}});
        const auto other = t.result("task.add", {{"summary", "disk"}})["task"]["number"].dump();
        t.ask("task.update", {{"task", "1"}, {"add_depends_on", {other}}});
        t.begun(26h);
        t.ask("series.resume", {{"series", "1"}});
        CHECK(t.status(1) == "needs-action");
        CHECK(t.begun().empty());
    }
}

TEST_CASE("command: one that is too late has not begun, and its task neither") {
    Commands t;
    t.add(json::object(), {{"not_after", "10:30"}});
    t.begun(3h);
    CHECK(t.run()["result"] == "it was too late to begin");
    CHECK(t.status(1) == "cancelled");
    CHECK(t.count("SELECT count(*) FROM event WHERE type = 'task.started'") == 0);
}
