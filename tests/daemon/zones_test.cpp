// SPDX-License-Identifier: Apache-2.0
// The zone's rules change under a store: what is pending moves, what went off stays so.
#include "core/time_zone.h"
#include "tests/support/engine_fixture.h"

#include <cstdlib>
#include <filesystem>

namespace taskd {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

/// A zone of our own, Test/Town, whose file is another zone's.
struct Town {
    test::TempDir directory;

    Town() {
        std::filesystem::create_directory(directory.path() + "/Test");
        ::setenv("TZDIR", directory.path().c_str(), 1);
    }
    ~Town() {
        ::unsetenv("TZDIR");
        core::TimeZone::reload();
    }
    void keeps_the_time_of(const std::string& zone) const {
        const std::string file = directory.path() + "/Test/Town";
        std::filesystem::remove(file);
        std::filesystem::copy_file("/usr/share/zoneinfo/" + zone, file);
        core::TimeZone::reload();
    }
};

std::int64_t reminder_next(test::EngineFixture& taskd, const std::string& kind) {
    return taskd.count(
        ("SELECT coalesce(max(next_ms), 0) FROM reminder WHERE " + kind + " IS NOT NULL").c_str());
}

TEST_CASE("after a change of tzdata pending times move to what was meant") {
    const Town town;
    town.keeps_the_time_of("UTC");
    test::EngineFixture taskd;  // 08:00Z
    const json at_noon{
        {"summary", "lunch"}, {"at", "12:00"}, {"tz", "Test/Town"}, {"remind", {"0"}}};
    const auto single = taskd.result("task.add", at_noon)["task"];
    auto daily = at_noon;
    daily["every"] = "day";
    const auto series = taskd.result("task.add", daily);
    const auto stacked = [&] {
        auto words = daily;
        words["overlap"] = "stack";
        return taskd.result("task.add", words);
    }();
    constexpr std::int64_t hour = 3'600'000;
    const auto before = reminder_next(taskd, "task_id");
    const auto made = taskd.count("SELECT max(next_ms) FROM series");
    CHECK(single["due"]["at"] == "2026-11-24T12:00:00.000Z");

    // The town moves its clock two hours ahead: noon comes two hours earlier.
    town.keeps_the_time_of("Africa/Johannesburg");
    SECTION("at a reload") {
        taskd.engine->renew_instants(taskd.clock.now());
        taskd.pass(0ms);
    }
    SECTION("at a start with another tzdata") {
        daemon::Query(*taskd.database, "UPDATE meta SET value = 'older' WHERE key = 'tzdata'")
            .run();
        taskd.crash();
        taskd.pass(0ms);
    }
    CHECK(taskd.count("SELECT count(*) FROM timer WHERE kind = 'zones'") == 0);
    CHECK(reminder_next(taskd, "task_id") == before - 2 * hour);
    CHECK(reminder_next(taskd, "series_id") == before - 2 * hour);
    CHECK(taskd.count("SELECT max(next_ms) FROM series") == made - 2 * hour);
    const auto moved = taskd.result("task.get", {{"task", single["id"]}})["task"];
    CHECK(moved["due"]["at"] == "2026-11-24T10:00:00.000Z");
    CHECK(moved["due"]["local"] == "2026-11-24T12:00:00");
    CHECK(taskd.last.publications.empty());
    const auto log = taskd.result("event.read", {{"after", 0}})["events"];
    int updates = 0;
    for (const auto& event : log) updates += event["type"] == "task.updated" ? 1 : 0;
    CHECK(updates == 3);

    CHECK(taskd.pass(119min).empty());
    const auto fired = taskd.pass(1min);
    CHECK(std::count(fired.begin(), fired.end(), "reminder.due") == 3);

    // What went off stays so, although noon is still to come by the rules before.
    town.keeps_the_time_of("UTC");
    taskd.engine->renew_instants(taskd.clock.now());
    const auto again = taskd.pass(3h);
    CHECK(std::count(again.begin(), again.end(), "reminder.due") == 0);
    CHECK(taskd.pass(23h).size() >= 2);  // tomorrow's
}

TEST_CASE("a change of tzdata that changes nothing writes nothing") {
    test::EngineFixture taskd;
    taskd.result("task.add", {{"summary", "x"}, {"every", "day at 9:30"}, {"remind", {"10m"}}});
    const auto events = taskd.count("SELECT count(*) FROM event");
    taskd.engine->renew_instants(taskd.clock.now());
    CHECK(taskd.pass(0ms).empty());
    CHECK(taskd.count("SELECT count(*) FROM event") == events);
}

TEST_CASE("many times are computed anew in batches, and a crash goes on between them") {
    const Town town;
    town.keeps_the_time_of("UTC");
    test::EngineFixture taskd;
    for (int i = 0; i < 700; ++i)
        taskd.result("task.add",
                     {{"summary", "x"}, {"due", "tomorrow 12:00"}, {"tz", "Test/Town"}});
    town.keeps_the_time_of("Africa/Johannesburg");
    taskd.engine->renew_instants(taskd.clock.now());
    taskd.turn();
    CHECK(taskd.count("SELECT count(*) FROM timer WHERE kind = 'zones'") == 1);
    taskd.crash();
    taskd.pass(0ms);
    CHECK(taskd.count("SELECT count(*) FROM timer WHERE kind = 'zones'") == 0);
    CHECK(taskd.count("SELECT count(DISTINCT due_ms) FROM task") == 1);
    CHECK(taskd.count("SELECT count(*) FROM task WHERE revision = 2") == 700);
}

}  // namespace
}  // namespace taskd
