// SPDX-License-Identifier: Apache-2.0
// Nobody learns from any method what another user has, nor that they have it. Each method there is
// gets ada's ids from bob, in a world where they exist and in one where they don't: the replies are
// the same, and what is ada's stays as it is.
#include "daemon/dispatcher.h"
#include "tests/support/engine_fixture.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <regex>
#include <set>

using namespace taskd;
using namespace std::chrono_literals;
using nlohmann::json;
using test::EngineFixture;

namespace {

/// What ada has, as another user would name it.
struct Ids {
    std::string fired = "1";  ///< a task whose reminder has gone off
    std::string done = "2";
    std::string deleted = "3";
    std::string blocked = "4";
    std::string occurrence = "5";  ///< the open task of a series
    std::string paused_series;
    std::string task_id;
    std::string series;
    std::string token;
    std::string letter;  ///< a dead letter of the consumer adas-group
    std::string call;    ///< a durable one
    std::string dead;    ///< a test of a channel that failed
    json lease;          ///< of an event that adas-group has in flight
    std::int64_t event = 0;
    std::int64_t fence = 0;  ///< of a run that is hers
};

constexpr const char* paused_number = "6";

json published(const std::string& id, const json& data) {
    return {{"specversion", "1.0"},
            {"id", id},
            {"source", "/adas-source"},
            {"type", "adas.type"},
            {"data", data}};
}

json run_of(const std::string& holder) {
    return {
        {"key", "adas-run"}, {"command", {"true"}}, {"holder", holder}, {"lease_ms", 86'400'000}};
}

/// Ada's things, of each kind one at least.
Ids fill(EngineFixture& f) {
    Ids ids;
    f.result("user.set", {{"zone", "Europe/Berlin"}, {"email", "ada@example.org"}});
    f.result("channel.set", {{"name", "bell"}, {"argv", {"/bin/true"}}, {"is_default", true}});
    const auto add = [&](const char* summary, json more) {
        more["summary"] = summary;
        more["tz"] = "Europe/Berlin";
        more["idempotency_key"] = std::string("key-of-") + summary;
        return f.result("task.add", more);
    };
    ids.task_id = add("adas-tea", {{"at", "in 1 hour"},
                                   {"remind", {"0"}},
                                   {"project", "adas-project"},
                                   {"tags", {"adas-tag"}}})["task"]["id"];
    add("adas-done", json::object());
    f.result("task.complete", {{"task", ids.done}});
    add("adas-deleted", json::object());
    f.result("task.delete", {{"task", ids.deleted}});
    add("adas-blocked", {{"depends_on", {ids.fired}}});
    ids.series = add("adas-series", {{"every", "day"},
                                     {"at", "18:00"},
                                     {"command", {{"argv", {"adas-program"}}}}})["series"]["id"];
    ids.paused_series = add("adas-paused", {{"every", "week"}})["series"]["id"];
    f.result("series.pause", {{"series", ids.paused_series}});
    ids.token = f.result("admin.token_create", {{"name", "adas-token"}})["id"];
    ids.dead = f.result("channel.test", {{"name", "bell"}})["id"];
    const auto begun = f.last.jobs;
    for (const auto& job : begun)
        if (job.delivery.str() == ids.dead)
            f.turn({}, {{job.user, job.delivery, {false, false, "exit 1", ""}}});
    f.result("expectation.set",
             {{"name", "adas-backup"}, {"every", "day"}, {"by", "03:00"}, {"tz", "UTC"}});
    f.result("rule.set", {{"name", "adas-rule"},
                          {"types", {"adas.nothing"}},
                          {"action", "notify"},
                          {"text", "adas-text"}});
    ids.call = f.result("dapr.invoke", {{"app", "adas-app"}, {"path", "x"}})["id"];
    f.result("event.publish", {{"events", {published("adas-event", 1)}}});
    f.result("consumer.create",
             {{"name", "adas-group"}, {"from", "oldest"}, {"lease_ms", 86'400'000}});
    const auto leased =
        f.result("consumer.fetch",
                 {{"name", "adas-group"}, {"member", "adas-member"}, {"limit", 2}})["events"];
    const auto item = [](const json& lease) {
        return json{{"userseq", lease["event"]["userseq"]}, {"fence", lease["fence"]}};
    };
    f.result("consumer.nack",
             {{"name", "adas-group"}, {"items", {item(leased[0])}}, {"action", "dead"}});
    ids.letter = f.result("dead_letter.list", json::object())["dead_letters"][0]["id"];
    ids.lease = item(leased[1]);
    const auto run = f.result("run.claim", run_of("adas-holder"));
    ids.fence = run["run"]["fence"];
    return ids;
}

/// One way in which bob tries a method. Ada can do the very same, unless it says otherwise: a
/// request that fails for its own sake would prove nothing.
struct Attempt {
    json params;
    bool works_for_ada = true;
};

using Attempts = std::vector<Attempt>;

/// Every task by number, id and the start of its id.
Attempts on_task(const Ids& ids, const std::string& number, json more = json::object()) {
    Attempts attempts;
    more["task"] = number;
    attempts.push_back({more});
    more["task"] = ids.task_id;
    attempts.push_back({more, number == ids.fired});
    more["task"] = ids.task_id.substr(0, 13);
    attempts.push_back({more, number == ids.fired});
    return attempts;
}

Attempts on_series(const std::string& id, const std::string& number, json more = json::object()) {
    const auto named = [&](const std::string& series) {
        json params = more;
        params["series"] = series;
        return params;
    };
    return {{named(id)}, {named(id.substr(0, 13)), false}, {named(number)}};
}

std::map<std::string, Attempts> attempts(const Ids& ids) {
    const Attempts plain{{json::object()}};
    const Attempts operators{{{{"path", "/nonexistent/copy.db"}}, false}};
    return {
        {"task.add",
         {{{{"summary", "b"}}},
          {{{"summary", "b"}, {"depends_on", {ids.fired}}}},
          {{{"summary", "b"}, {"depends_on", {ids.task_id}}}},
          {{{"summary", "b"}, {"at", "in 1 hour"}, {"remind", {"0"}}, {"channels", {"bell"}}}},
          // Ada used this key, for another request.
          {{{"summary", "b"}, {"idempotency_key", "key-of-adas-tea"}}, false},
          {{{"summary", "b"}, {"user_id", "ada"}}}}},
        {"task.get", on_task(ids, ids.fired)},
        {"task.explain", on_task(ids, ids.fired)},
        {"task.list",
         {{json::object()},
          {{{"status", "all"}}, false},
          {{{"project", "adas-project"}}},
          {{{"tags", {"adas-tag"}}}},
          {{{"user_id", "ada"}}}}},
        {"task.update", on_task(ids, ids.fired, {{"summary", "changed"}, {"if_revision", 1}})},
        {"task.start", on_task(ids, ids.fired)},
        {"task.complete", on_task(ids, ids.fired)},
        {"task.cancel", on_task(ids, ids.fired)},
        {"task.reopen", on_task(ids, ids.done)},
        {"task.delete", on_task(ids, ids.fired)},
        {"task.restore", on_task(ids, ids.deleted)},
        {"task.facets", plain},
        {"agenda.get", plain},
        {"series.list", {{json::object()}, {{{"ended", true}}}}},
        {"series.get", on_series(ids.series, ids.occurrence)},
        {"series.preview", on_series(ids.series, ids.occurrence)},
        {"series.pause", on_series(ids.series, ids.occurrence)},
        {"series.resume", on_series(ids.paused_series, paused_number)},
        {"series.end", on_series(ids.series, ids.occurrence)},
        {"series.update", on_series(ids.series, ids.occurrence, {{"summary", "changed"}})},
        {"series.split",
         on_series(ids.series, ids.occurrence, {{"recurrence_id", "2026-11-26T18:00:00"}})},
        {"series.skip", on_series(ids.series, ids.occurrence)},
        {"series.move", on_series(ids.series, ids.occurrence, {{"to", "23:00"}})},
        {"reminder.snooze", on_task(ids, ids.fired, {{"until", "20m"}})},
        {"reminder.acknowledge", on_task(ids, ids.fired)},
        {"channel.set", {{{{"name", "bell"}, {"argv", {"/bin/false"}}}}}},
        {"channel.list", plain},
        // A near name is only suggested to those whose channel it is.
        {"channel.remove", {{{{"name", "bell"}}}, {{{"name", "bel"}}, false}}},
        {"channel.test", {{{{"name", "bell"}}}, {{{"name", "bel"}}, false}}},
        {"reminder.defaults", plain},
        {"reminder.default_set",
         {{{{"scope", "user"}, {"remind", {"10m"}}}},
          {{{"scope", "tag"}, {"name", "adas-tag"}, {"remind", {"10m"}}, {"channels", {"bell"}}},
           false}}},
        {"delivery.retry", {{{{"delivery", ids.dead}}}}},
        {"delivery.list", {{json::object()}, {{{"failed", true}}}, {{{"task", ids.fired}}}}},
        {"delivery.get", {{{{"delivery", ids.call}}}}},
        {"dapr.invoke", {{{{"app", "adas-app"}, {"path", "x"}}}}},
        {"dapr.publish", {{{{"pubsub", "bus"}, {"topic", "t"}, {"body", "{}"}}}}},
        {"dapr.breaker", {{{{"app", "bobs-app"}}}}},
        {"event.read", {{json::object()}, {{{"after", ids.event}}}, {{{"after", ids.event - 1}}}}},
        {"event.list", {{json::object()}, {{{"before", ids.event}}}}},
        {"event.publish",
         {{{{"events", {published("bobs-event", 1)}}}},
          {{{"events", {published("adas-event", 1)}}}},
          // Ada's event of that key has other content.
          {{{"events", {published("adas-event", 2)}}}, false},
          {{{"events", {published("new", {{"user_id", "ada"}})}}}},
          {{{"events", {published("adas-event", {{"user_id", "ada"}})}}, {"each", true}}}}},
        {"consumer.create",
         {{{{"name", "new"}}}, {{{"name", "adas-group"}, {"types", {"a"}}}, false}}},
        {"consumer.fetch",
         {{{{"name", "adas-group"}, {"member", "adas-member"}, {"holding", json::array()}}},
          {{{"name", "adas-grou"}, {"member", "m"}}, false}}},
        {"consumer.ack", {{{{"name", "adas-group"}, {"items", {ids.lease}}}}}},
        {"consumer.nack", {{{{"name", "adas-group"}, {"items", {ids.lease}}, {"action", "dead"}}}}},
        {"consumer.extend", {{{{"name", "adas-group"}, {"items", {ids.lease}}}}}},
        {"consumer.reset", {{{{"name", "adas-group"}, {"to", "now"}}}}},
        {"consumer.list", plain},
        {"consumer.remove", {{{{"name", "adas-group"}}}}},
        {"dead_letter.list",
         {{json::object()}, {{{"ids", {ids.letter}}}}, {{{"name", "adas-group"}}}}},
        {"dead_letter.retry", {{{{"ids", {ids.letter}}}}, {{{"name", "adas-group"}}}}},
        {"dead_letter.drop", {{{{"ids", {ids.letter}}}}, {{{"all", true}}}}},
        {"command.runs", {{json::object()}, {{{"task", ids.occurrence}}}, {{{"failed", true}}}}},
        {"command.trigger", {{{{"task", ids.occurrence}}}}},
        {"command.backfill",
         {{{{"series", ids.occurrence},
            {"from", "2026-11-01"},
            {"to", "2026-11-02"},
            {"tz", "UTC"}}}}},
        {"expectation.set",
         {{{{"name", "adas-backup"}, {"every", "day"}, {"by", "04:00"}, {"tz", "UTC"}}, false}}},
        {"expectation.ping", {{{{"name", "adas-backup"}}}}},
        {"expectation.list", {{json::object()}, {{{"name", "adas-backup"}}}}},
        {"expectation.remove", {{{{"name", "adas-backup"}}}}},
        {"rule.set",
         {{{{"name", "adas-rule"},
            {"types", {"adas.type"}},
            {"action", "notify"},
            {"text", "bobs"}},
           false}}},
        {"rule.pause", {{{{"name", "adas-rule"}}}}},
        {"rule.resume", {{{{"name", "adas-rule"}}, false}}},
        {"rule.remove", {{{{"name", "adas-rule"}}}}},
        {"rule.list", plain},
        {"run.claim", {{run_of("adas-holder")}, {run_of("bobs-holder")}}},
        {"run.extend", {{{{"key", "adas-run"}, {"fence", ids.fence}}}}},
        {"run.finish", {{{{"key", "adas-run"}, {"fence", ids.fence}, {"status", 1}}}}},
        {"run.get", {{{{"key", "adas-run"}}}}},
        {"run.list", plain},
        {"run.forget",
         {{{{"key", "adas-run"}, {"fence", ids.fence}}}, {{{"key", "adas-run"}}, false}}},
        {"bus.endpoint", plain},
        {"user.get", plain},
        {"user.set", {{{{"quiet_hours", "22:00-07:00"}}}}},
        {"admin.health", plain},
        {"gap.list", plain},
        {"admin.config", operators},
        {"admin.backup", operators},
        {"admin.shutdown", operators},
        {"admin.stats", operators},
        {"admin.token_create", {{{{"name", "adas-token"}}, false}, {{{"name", "new"}}}}},
        {"admin.token_list", plain},
        {"admin.token_revoke",
         {{{{"id", ids.token}}}, {{{"id", "adas-token"}}}, {{{"id", "adas-toke"}}, false}}},
    };
}

/// All rows that are the user's, in all tables.
std::vector<std::string> rows_of(const EngineFixture& f, const std::string& user) {
    SQLite::Database reader(f.directory.path() + "/taskd.db", SQLite::OPEN_READONLY);
    std::vector<std::string> rows;
    SQLite::Statement tables(
        reader,
        "SELECT m.name, group_concat('quote(' || c.name || ')', '||'',''||') FROM sqlite_schema m "
        "JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND EXISTS (SELECT 1 FROM "
        "pragma_table_info(m.name) u WHERE u.name = 'user_id') GROUP BY m.name");
    while (tables.executeStep()) {
        const std::string table = tables.getColumn(0).getString();
        SQLite::Statement all(reader, "SELECT " + tables.getColumn(1).getString() + " FROM " +
                                          table + " WHERE user_id = ? ORDER BY 1");
        all.bind(1, user);
        while (all.executeStep()) rows.push_back(table + ": " + all.getColumn(0).getString());
    }
    return rows;
}

/// A reply without what is new in every run: ids that it makes, and a token's secret.
std::string masked(const std::string& reply) {
    static const std::regex id("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");
    static const std::regex secret("\"secret\":\"[^\"]*\"");
    return std::regex_replace(std::regex_replace(reply, id, "<id>"), secret, "<secret>");
}

struct World {
    EngineFixture f;
    Ids ids;

    explicit World(bool has_ada) {
        if (has_ada) ids = fill(f);
        f.pass(61min);  // the reminder goes off, and is under way to the bell
        if (has_ada) ids.event = f.result("event.read", json::object())["head"];
    }
};

}  // namespace

TEST_CASE("two users: the table names every method there is") {
    std::set<std::string> named;
    for (const auto& [method, ways] : attempts({})) {
        CHECK_FALSE(ways.empty());
        named.insert(method);
    }
    const auto methods = daemon::method_names();
    CHECK(named == std::set<std::string>(methods.begin(), methods.end()));
}

TEST_CASE("two users: another's id is an id that does not exist, for every method") {
    const Ids ids = World(true).ids;
    // The ids are the same in each world: they come from the seed.
    for (const auto& [method, ways] : attempts(ids)) {
        for (const auto& [params, works_for_ada] : ways) {
            CAPTURE(method, params.dump());
            World full(true);
            World empty(false);
            REQUIRE(full.ids.task_id == ids.task_id);
            const auto before = rows_of(full.f, "ada");
            REQUIRE(before.size() > 30);

            const auto reply = full.f.call(method, params, "bob");
            CHECK(masked(reply.dump()) == masked(empty.f.call(method, params, "bob").dump()));
            for (const auto& publication : full.f.last.publications)
                CHECK(publication.user.str() == "bob");
            CHECK(rows_of(full.f, "ada") == before);

            const auto own = full.f.call(method, params, "ada");
            CAPTURE(own.dump());
            if (works_for_ada) CHECK(own.contains("result"));
        }
    }
}

TEST_CASE("two users: a poll of one is not answered by the events of the other") {
    World world(true);
    world.f.turn({world.f.request("event.read", {{"wait_ms", 20'000}}, "bob")});
    CHECK(world.f.last.replies.empty());
    world.f.result("task.add", {{"summary", "adas-own"}});
    CHECK(world.f.last.replies.size() == 1);  // ada's own; bob's poll waits on
    CHECK(world.f.engine->polls_parked() == 1);
    const auto dismissed = world.f.engine->dismiss_polls_of(core::UserId{"ada"});
    CHECK(dismissed.empty());
    const auto of_bob = world.f.engine->dismiss_polls_of(core::UserId{"bob"});
    REQUIRE(of_bob.size() == 1);
    CHECK(json::parse(of_bob[0].body)["error"]["data"]["reason"] == "permission_denied");
    CHECK(world.f.engine->polls_parked() == 0);
}
