// SPDX-License-Identifier: Apache-2.0
#include "daemon/lock_file.h"
#include "daemon/store/maintenance.h"
#include "tests/support/engine_fixture.h"

#include <fstream>
#include <sys/wait.h>
#include <unistd.h>

using namespace taskd;
using nlohmann::json;
using test::EngineFixture;

namespace {

std::string pragma(daemon::Database& database, const char* name) {
    daemon::Query row(database, name);
    REQUIRE(row.step());
    return row.text(0);
}

}  // namespace

TEST_CASE("the store keeps what is acknowledged: WAL, full sync, foreign keys, no mmap") {
    EngineFixture taskd;
    CHECK(pragma(*taskd.database, "PRAGMA journal_mode") == "wal");
    CHECK(pragma(*taskd.database, "PRAGMA synchronous") == "2");
    CHECK(pragma(*taskd.database, "PRAGMA foreign_keys") == "1");
    CHECK(pragma(*taskd.database, "PRAGMA mmap_size") == "0");
    CHECK(taskd.count("SELECT count(*) FROM sqlite_master WHERE type = 'table' "
                      "AND name NOT LIKE 'sqlite_%' AND sql NOT LIKE '%STRICT%'") == 0);
}

TEST_CASE("a file of a newer version is refused and left as it is") {
    EngineFixture taskd;
    daemon::Query(*taskd.database, "UPDATE meta SET value = '99' WHERE key = 'schema_version'")
        .run();
    const auto migrated = daemon::migrate(*taskd.database, taskd.random);
    REQUIRE_FALSE(migrated.has_value());
    CHECK(migrated.error().message.find("newer taskd (schema 99, this one knows 16)") !=
          std::string::npos);
}

TEST_CASE("a store of the first step keeps its series, with what was decided in order") {
    test::TempDir directory;
    test::SeededRandom random{1};
    daemon::Database database(directory.path() + "/taskd.db");
    database.execute_script(daemon::schema_steps().front().sql);
    database.execute_script(
        "INSERT INTO meta VALUES ('schema_version', '1'), ('store_id', 'x');"
        "INSERT INTO series VALUES ('ada', 'abcd', '{\"summary\":\"Tea\"}', "
        "'2026-11-24T09:30:00', 0, 'UTC', 'FREQ=DAILY', 1, NULL, 0, NULL, '', 1);"
        "INSERT INTO occurrence VALUES "
        "('ada', 'abcd', '2026-11-24T09:30:00', '2026-11-26T09:30:00', 3, 'skipped', 'catch_up', "
        "NULL), ('ada', 'abcd', '2026-11-27T09:30:00', '2026-11-27T09:30:00', 1, 'created', NULL, "
        "'t');");
    REQUIRE(daemon::migrate(database, random).has_value());

    daemon::StoreContext context{database, random, "test"};
    const core::UserId ada{"ada"};
    database.begin();
    {
        daemon::UnitOfWork unit(context, core::Timestamp{}, ada, "");
        const auto series = unit.find_series(ada, core::SeriesId{"abcd"});
        REQUIRE(series);
        CHECK(series->content.summary == "Tea");
        CHECK(series->rdates.empty());
        const auto schedule = core::schedule_of(*series);
        REQUIRE(schedule);
        const auto last = unit.last_decided(ada, series->id);
        REQUIRE(last);
        CHECK(core::format(*last) == "2026-11-27T09:30:00");
        daemon::Query row(database, "SELECT position FROM occurrence WHERE recurrence_id = ?",
                          core::format(*last));
        REQUIRE(row.step());
        CHECK(row.integer(0) == schedule->slot(*last).position);
    }
    database.rollback();
    CHECK(std::ifstream(database.path() + ".before-002_series_policies.sql").good());
    CHECK_FALSE(std::ifstream(database.path() + ".before-003_events.sql").good());
}

TEST_CASE("a new store has no copy of what it was before") {
    test::TempDir directory;
    test::SeededRandom random{1};
    daemon::Database database(directory.path() + "/taskd.db");
    REQUIRE(daemon::migrate(database, random).has_value());
    for (const auto& step : daemon::schema_steps())
        CHECK_FALSE(std::ifstream(database.path() + ".before-" + step.name).good());
}

TEST_CASE("a store of the third step knows the keys of its events, and of those that are gone") {
    test::TempDir directory;
    test::SeededRandom random{1};
    daemon::Database database(directory.path() + "/taskd.db");
    for (int step = 0; step < 3; ++step)
        database.execute_script(daemon::schema_steps()[static_cast<std::size_t>(step)].sql);
    const std::string rows =
        "INSERT INTO meta VALUES ('schema_version', '3'), ('store_id', 'x');"
        "INSERT INTO event VALUES (7, 'ada', 2, 600, 'b', 'b', '/ci', 'built', '', 0, 0, NULL, '', "
        "NULL, NULL);"
        "INSERT INTO seen VALUES ('ada', '/ci', 'a', 'a', 'built', 1, '" +
        core::content_digest("built", "", "") + "', 1000);";
    database.execute_script(rows.c_str());
    REQUIRE(daemon::migrate(database, random).has_value());

    daemon::StoreContext context{database, random, "test"};
    core::AcceptedEvent event;
    event.user = core::UserId{"ada"};
    event.source = "/ci";
    event.type = "built";
    database.begin();
    {
        daemon::UnitOfWork unit(context, core::Timestamp{}, event.user, "");
        const auto publish = [&](const char* key) {
            event.id = event.dedup_key = key;
            return unit.publish(event);
        };
        CHECK(publish("a").as == daemon::Stored::As::duplicate);
        CHECK(publish("a").user_seq == 1);
        CHECK(publish("b").user_seq == 2);
        const auto fresh = publish("c");
        CHECK(fresh.as == daemon::Stored::As::fresh);
        CHECK(fresh.user_seq == 3);
        event.subject = "other";
        CHECK(publish("a").as == daemon::Stored::As::conflict);
        CHECK(publish("b").as == daemon::Stored::As::conflict);
        CHECK(publish("c").as == daemon::Stored::As::conflict);
    }
    database.rollback();
}

TEST_CASE(
    "a store of the third step keeps where its reminders are, its dead letters and deliveries") {
    test::TempDir directory;
    test::SeededRandom random{1};
    daemon::Database database(directory.path() + "/taskd.db");
    for (int step = 0; step < 3; ++step)
        database.execute_script(daemon::schema_steps()[static_cast<std::size_t>(step)].sql);
    database.execute_script(
        "INSERT INTO meta VALUES ('schema_version', '3'), ('store_id', 'x');"
        "INSERT INTO series (user_id, id, content, dtstart, is_date, tzid, rrule, created, paused, "
        "ended_by_user, ended, pause_note, revision) VALUES ('ada', 'abcd', "
        "'{\"summary\":\"Tea\"}', '2026-11-24T09:30:00', 0, 'UTC', 'FREQ=DAILY', 1, NULL, 0, NULL, "
        "'', 1);"
        "INSERT INTO reminder (user_id, id, series_id, before_ms, channels, grace_ms, fired, "
        "firing, "
        "fired_slot, next_slot, next_ms) VALUES ('ada', 'r', 'abcd', 0, '[]', 86400000, 0, 1, "
        "'2026-11-25T09:30:00', '2026-11-26T09:30:00', 1795685400000);"
        "INSERT INTO delivery VALUES ('ada', 'd1', 'r', 't', '2026-11-25T09:30:00', 'bell', 2, 9, "
        "'dead', 3, 4, NULL, 6, 'exit 1', 'out');"
        "INSERT INTO channel VALUES ('ada', 'bell', 'exec', '[\"true\",\"x\"]', 5000, 1);"
        "INSERT INTO dead_letter VALUES ('ada', 'd', 'publish', '', 3, 't', '{}', 'why', 1, 5);");
    REQUIRE(daemon::migrate(database, random).has_value());

    daemon::StoreContext context{database, random, "test"};
    const core::UserId ada{"ada"};
    database.begin();
    {
        daemon::UnitOfWork unit(context, core::Timestamp{}, ada, "");
        const auto reminder = unit.find_reminder(ada, core::ReminderId{"r"});
        REQUIRE(reminder);
        CHECK(reminder->passed == reminder->fired_slot);
        CHECK(reminder->from == reminder->next_slot);
        CHECK(reminder->moved.empty());
        const auto schedule = core::schedule_of(*unit.find_series(ada, core::SeriesId{"abcd"}));
        REQUIRE(schedule);
        // Armed anew from an earlier slot, it does not go back behind what it went off for.
        const auto again = core::armed(*reminder, *schedule, schedule->slots.first_slot());
        CHECK(again->next_slot == reminder->next_slot);
        CHECK(unit.find_dead_letters(ada, "d").size() == 1);
        const auto channel = unit.default_channel(ada);
        REQUIRE(channel);
        CHECK(channel->name == "bell");
        CHECK(channel->kind == core::ChannelKind::exec);
        CHECK(channel->argv == std::vector<std::string>{"true", "x"});
        CHECK(channel->timeout == std::chrono::seconds{5});
        CHECK(channel->disabled.empty());
        CHECK_FALSE(channel->has_secret);
        CHECK(reminder->anchor == core::ReminderAnchor::due);
        CHECK(reminder->nag == std::chrono::seconds{0});
        CHECK_FALSE(reminder->nag_at);
        const auto delivery = unit.find_delivery(ada, core::DeliveryId{"d1"});
        REQUIRE(delivery);
        CHECK(delivery->reminder == reminder->id);
        CHECK(delivery->task.str() == "t");
        CHECK(delivery->channel == "bell");
        CHECK(delivery->firing == 2);
        CHECK(delivery->event_user_seq == 9);
        CHECK(delivery->state == core::DeliveryState::dead);
        CHECK(delivery->attempts == 3);
        CHECK(delivery->result == "exit 1");
        CHECK(delivery->output == "out");
        CHECK(delivery->finished == core::Timestamp{std::chrono::milliseconds{6}});
        CHECK_FALSE(delivery->call);
        CHECK(reminder->firing_high == 2);
    }
    database.rollback();
}

TEST_CASE("the keys of events: undone with their unit, written when many, found after a start") {
    EngineFixture f;
    daemon::Database& database = *f.database;
    database.event_keys.in_memory_max = 4;
    const auto events = [](int from, int to) {
        json list = json::array();
        for (int i = from; i < to; ++i)
            list.push_back({{"specversion", "1.0"},
                            {"id", std::to_string(i)},
                            {"source", "/ci"},
                            {"type", "built"}});
        return json{{"events", std::move(list)}};
    };
    // The last of them is refused, and none of them is there.
    json bad = events(0, 3);
    bad["events"].push_back({{"specversion", "1.0"}, {"id", "x"}, {"source", "/ci"}});
    CHECK(f.reason("event.publish", bad) == "invalid_argument");
    CHECK(f.result("event.publish", events(0, 3))["published"] == 3);
    CHECK(f.count("SELECT count(*) FROM event_key") == 0);
    CHECK(f.result("event.publish", events(0, 6))["published"] == 3);
    CHECK(f.count("SELECT count(*) FROM event_key") == 6);
    CHECK(f.result("event.publish", events(0, 9))["duplicates"] == 6);
    CHECK(f.count("SELECT count(*) FROM event_key") == 6);
    f.boot();
    CHECK(f.result("event.publish", events(0, 9))["duplicates"] == 9);
}

TEST_CASE("another program's database is not taken over") {
    test::TempDir directory;
    test::SeededRandom random{1};
    daemon::Database database(directory.path() + "/other.db");
    database.execute_script("CREATE TABLE notes (text)");
    const auto migrated = daemon::migrate(database, random);
    REQUIRE_FALSE(migrated.has_value());
    CHECK(migrated.error().message.find("not one of taskd's") != std::string::npos);
}

TEST_CASE("a damaged file is a clear error, not a crash") {
    test::TempDir directory;
    const std::string path = directory.path() + "/taskd.db";
    std::ofstream(path) << std::string(8192, 'x');
    try {
        daemon::Database database(path);
        FAIL("opened garbage");
    } catch (const daemon::StoreFailure& failure) {
        CHECK(failure.error().reason == core::Reason::data_loss);
    }
    const std::atomic<bool> never{false};
    CHECK_FALSE(daemon::quick_check(path, never).empty());
}

TEST_CASE("quick_check reads a store that is being served") {
    EngineFixture taskd;
    taskd.result("task.add", {{"summary", "x"}});
    const std::atomic<bool> never{false};
    CHECK(daemon::quick_check(taskd.database->path(), never).empty());
}

TEST_CASE("quick_check gives up when it is told to") {
    EngineFixture taskd;
    {
        SQLite::Database writer(taskd.database->path(), SQLite::OPEN_READWRITE);
        writer.exec(
            "CREATE TABLE ballast (filling BLOB); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
            "SELECT i + 1 FROM n LIMIT 100000) INSERT INTO ballast SELECT i FROM n");
    }
    const std::atomic<bool> at_once{true};
    CHECK(daemon::quick_check(taskd.database->path(), at_once).find("interrupted") == 0);
}

TEST_CASE("a lock is held by one process, which the refusal names") {
    test::TempDir directory;
    const std::string path = directory.path() + "/lock";
    const auto lock = daemon::LockFile::take(path);
    REQUIRE(lock.has_value());
    const auto again = daemon::LockFile::take(path);
    REQUIRE_FALSE(again.has_value());
    CHECK(again.error().hint == std::to_string(getpid()));
    CHECK(again.error().message.find("pid " + std::to_string(getpid())) != std::string::npos);
}

TEST_CASE("a lock of a process that was killed is free") {
    test::TempDir directory;
    const std::string path = directory.path() + "/lock";
    const pid_t child = fork();
    if (child == 0) {
        const auto lock = daemon::LockFile::take(path);
        _exit(lock ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
    CHECK(daemon::LockFile::take(path).has_value());
}

TEST_CASE("numbers of tasks rise over restarts and are never given twice") {
    EngineFixture taskd;
    taskd.result("task.add", {{"summary", "a"}});
    daemon::Query(*taskd.database, "DELETE FROM task").run();
    taskd.boot();
    CHECK(taskd.result("task.add", {{"summary", "b"}})["task"]["number"] == 2);
}

TEST_CASE("a list is filtered by status, project, tags, text and due time, sorted and paged") {
    EngineFixture taskd;
    const auto add = [&](const json& params) { taskd.result("task.add", params); };
    add({{"summary", "Buy milk"}, {"project", "home"}, {"tags", {"shop"}}, {"at", "2027-01-03"}});
    add({{"summary", "Buy 100% wool"}, {"project", "home"}, {"priority", 1}, {"at", "2027-01-01"}});
    add({{"summary", "Call Bob"}, {"notes", "about MILK"}, {"tags", {"phone", "shop"}}});
    taskd.result("task.complete", {{"task", "3"}});
    add({{"summary", "Write"}, {"tags", {"phone"}}, {"at", "2027-01-02"}});
    const auto numbers = [&](const json& query) {
        std::vector<int> found;
        const auto page = taskd.result("task.list", query);
        for (const auto& task : page["tasks"]) found.push_back(task["number"].get<int>());
        return found;
    };
    using Numbers = std::vector<int>;
    CHECK(numbers(json::object()) == Numbers{2, 4, 1});
    CHECK(numbers({{"project", "home"}}) == Numbers{2, 1});
    CHECK(numbers({{"statuses", json::array()}, {"text", "milk"}}) == Numbers{1, 3});
    CHECK(numbers({{"text", "100%"}}) == Numbers{2});
    CHECK(numbers({{"text", "%"}}) == Numbers{2});
    CHECK(numbers({{"tags", {"shop"}}, {"statuses", json::array()}}) == Numbers{1, 3});
    CHECK(numbers({{"tags", {"shop", "phone"}}, {"statuses", {"completed"}}}) == Numbers{3});
    CHECK(numbers({{"due_from", "2027-01-02T00:00:00Z"}}) == Numbers{4, 1});
    CHECK(numbers({{"due_before", "2027-01-02T00:00:00Z"}}) == Numbers{2});
    CHECK(numbers({{"sort", "priority"}}) == Numbers{2, 4, 1});
    CHECK(numbers({{"sort", "number"}, {"limit", 1}, {"offset", 1}}) == Numbers{2});
    CHECK(taskd.result("task.list", {{"limit", 1}})["total"] == 3);
    CHECK(taskd.reason("task.list", {{"limit", 1001}}) == "invalid_argument");
    taskd.result("task.delete", {{"task", "4"}});
    CHECK(numbers({{"deleted", true}}) == Numbers{4});
    CHECK(numbers(json::object()) == Numbers{2, 1});
}
