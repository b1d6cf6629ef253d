// SPDX-License-Identifier: Apache-2.0
// Tokens and counters as the engine keeps them: who may make what, and what is on the disk.
#include "daemon/metrics.h"
#include "daemon/secret.h"
#include "tests/support/engine_fixture.h"

#include <fstream>
#include <iterator>

using namespace taskd;
using namespace std::chrono_literals;
using nlohmann::json;
using test::EngineFixture;

namespace {

/// Everything that the store's files hold.
std::string on_disk(const EngineFixture& taskd) {
    std::string all;
    for (const char* suffix : {"", "-wal"}) {
        std::ifstream file(taskd.directory.path() + "/taskd.db" + suffix, std::ios::binary);
        all.append(std::istreambuf_iterator<char>(file), {});
    }
    return all;
}

daemon::Request by_token(EngineFixture& taskd, const std::string& method, const json& params,
                         bool may_name_users) {
    auto request = taskd.request(method, params);
    request.caller.by_token = true;
    request.caller.may_name_users = may_name_users;
    return request;
}

std::string outcome(EngineFixture& taskd, const daemon::Request& request) {
    taskd.turn({request});
    const auto reply = json::parse(taskd.last.replies.at(0).body);
    return reply.contains("error") ? reply["error"]["data"]["reason"].get<std::string>() : "ok";
}

}  // namespace

TEST_CASE("token: the secret is in its reply, its hash in the table, and nothing else is kept") {
    EngineFixture taskd;
    const auto made =
        taskd.result("admin.token_create", {{"name", "ci"}, {"idempotency_key", "k"}});
    const std::string secret = made["secret"];
    CHECK(secret.rfind("taskd_", 0) == 0);
    CHECK(made["scope"] == "user");
    REQUIRE(taskd.last.token_changes.size() == 1);
    CHECK(taskd.last.token_changes[0].token.hash == daemon::sha256_hex(secret));
    CHECK_FALSE(taskd.last.token_changes[0].revoked);
    CHECK(on_disk(taskd).find(daemon::sha256_hex(secret)) != std::string::npos);
    CHECK(on_disk(taskd).find(secret) == std::string::npos);
    CHECK(on_disk(taskd).find(secret.substr(6)) == std::string::npos);

    // Who repeats the request learns what was made, and not the secret.
    const auto again =
        taskd.result("admin.token_create", {{"name", "ci"}, {"idempotency_key", "k"}});
    CHECK(again["replayed"] == true);
    CHECK(again["id"] == made["id"]);
    CHECK_FALSE(again.contains("secret"));
    CHECK(taskd.last.token_changes.empty());
    CHECK_FALSE(taskd.result("admin.token_list", {})["tokens"][0].contains("secret"));
}

TEST_CASE("token: making and revoking leave a change each, without the hash") {
    EngineFixture taskd;
    const auto made = taskd.result("admin.token_create", {{"name", "ci"}});
    CHECK(taskd.count("SELECT count(*) FROM change WHERE command = 'admin.token_create'") == 1);
    CHECK(taskd.result("admin.token_revoke", {{"id", made["id"]}})["name"] == "ci");
    REQUIRE(taskd.last.token_changes.size() == 1);
    CHECK(taskd.last.token_changes[0].revoked);
    CHECK(taskd.count("SELECT count(*) FROM change WHERE command = 'admin.token_revoke'") == 1);
    CHECK(taskd.count("SELECT count(*) FROM change, token WHERE instr(before, hash)") == 0);
    CHECK(taskd.count("SELECT count(*) FROM token") == 0);
    CHECK(taskd.reason("admin.token_revoke", {{"id", made["id"]}}) == "not_found");
}

TEST_CASE("token: another user's is like none") {
    EngineFixture taskd;
    const auto made = taskd.result("admin.token_create", {{"name", "ci"}});
    CHECK(taskd.result("admin.token_list", {}, "bob")["tokens"].empty());
    CHECK(taskd.reason("admin.token_revoke", {{"id", made["id"]}}, "bob") == "not_found");
    CHECK(taskd.reason("admin.token_revoke", {{"id", "ci"}}, "bob") == "not_found");
    CHECK(taskd.result("admin.token_create", {{"name", "ci"}}, "bob")["name"] == "ci");
    CHECK(taskd.reason("admin.token_create", {{"name", "ci"}}) == "conflict");
    CHECK(taskd.result("admin.token_revoke", {{"id", "ci"}})["id"] == made["id"]);
}

TEST_CASE("token: names, scopes and lifetimes are checked at their bounds") {
    EngineFixture taskd;
    const auto reason = [&](const json& params) {
        const auto reply = taskd.call("admin.token_create", params, "ada", true);
        return reply.contains("error") ? reply["error"]["data"]["reason"].get<std::string>() : "ok";
    };
    CHECK(reason({{"name", std::string(64, 'x')}}) == "ok");
    CHECK(reason({{"name", std::string(65, 'x')}}) == "invalid_argument");
    for (const char* name : {"", "two words", "a,b", "\"", "a\nb"})
        CHECK(reason({{"name", name}}) == "invalid_argument");
    CHECK(reason({{"name", "s"}, {"scope", "admin"}}) == "invalid_argument");
    CHECK(reason({{"name", "s"}, {"scope", "service"}}) == "ok");
    CHECK(reason({{"name", "t"}, {"ttl_ms", 1000}}) == "ok");
    CHECK(reason({{"name", "u"}, {"ttl_ms", 999}}) == "invalid_argument");
    CHECK(reason({{"name", "u"}, {"ttl_ms", -1}}) == "invalid_argument");
    CHECK(reason({{"name", "u"}, {"ttl_ms", 316'224'000'000}}) == "ok");
    CHECK(reason({{"name", "v"}, {"ttl_ms", 316'224'000'001}}) == "invalid_argument");
}

TEST_CASE("token: there are 64 of a user, and expired ones take no place") {
    EngineFixture taskd;
    for (std::int64_t i = 0; i < daemon::tokens_max; ++i)
        taskd.result("admin.token_create", {{"name", "t" + std::to_string(i)}, {"ttl_ms", 60'000}});
    CHECK(taskd.reason("admin.token_create", {{"name", "more"}}) == "resource_exhausted");
    CHECK(taskd.result("admin.token_create", {{"name", "more"}}, "bob")["name"] == "more");
    taskd.clock.advance(60s);
    CHECK(taskd.result("admin.token_list", {})["tokens"].empty());
    CHECK(taskd.engine->tokens(taskd.clock.now()).size() == 1);
    CHECK(taskd.result("admin.token_create", {{"name", "t1"}})["name"] == "t1");
    CHECK(taskd.count("SELECT count(*) FROM token") == 66);
    taskd.pass(1h);  // retention takes them
    CHECK(taskd.count("SELECT count(*) FROM token") == 2);
}

TEST_CASE("token: only operators make service tokens, and tokens make none") {
    EngineFixture taskd;
    CHECK(taskd.reason("admin.token_create", {{"name", "s"}, {"scope", "service"}}) ==
          "permission_denied");
    for (const bool is_service : {false, true}) {
        CHECK(outcome(taskd, by_token(taskd, "admin.token_create", {{"name", "t"}}, is_service)) ==
              "permission_denied");
        CHECK(outcome(taskd, by_token(taskd, "admin.token_list", json::object(), is_service)) ==
              "ok");
    }
}

TEST_CASE("token: a service may name users, and is no operator") {
    EngineFixture taskd;
    const json for_bob{{"summary", "s"}, {"user_id", "bob"}};
    CHECK(outcome(taskd, by_token(taskd, "task.add", for_bob, true)) == "ok");
    CHECK(taskd.result("task.list", {}, "bob")["total"] == 1);
    CHECK(outcome(taskd, by_token(taskd, "task.add", for_bob, false)) == "permission_denied");
    for (const char* method : {"admin.shutdown", "admin.stats"})
        CHECK(outcome(taskd, by_token(taskd, method, json::object(), true)) == "permission_denied");
}

TEST_CASE("a request whose sender wants an end gets one where JSON-RPC has no reply") {
    EngineFixture taskd;
    auto request = taskd.request("task.add", {{"summary", "s"}});
    auto body = json::parse(request.body);
    body.erase("id");
    request.body = body.dump();
    taskd.turn({request});
    CHECK(taskd.last.replies.empty());
    request.peer.wants_end = true;
    taskd.turn({request});
    REQUIRE(taskd.last.replies.size() == 1);
    CHECK(taskd.last.replies[0].body.empty());
    // A parked poll is answered when its time comes, and not before.
    auto poll = taskd.request("event.read", {{"after", 2}, {"wait_ms", 1000}});
    poll.peer.wants_end = true;
    taskd.turn({poll});
    CHECK(taskd.last.replies.empty());
}

TEST_CASE("a store that takes no change says so, and is asked again until it does") {
    EngineFixture taskd;
    taskd.turn({taskd.request("task.list", {})});
    CHECK_FALSE(taskd.last.store_error.has_value());
    taskd.turn({taskd.request("task.add", {{"summary", "s"}})});
    CHECK(taskd.last.store_error == std::optional<std::string>(""));
    CHECK(taskd.last.figures.commits.size() == 1);

    taskd.disk.arm(test::Fault::full, 1);
    taskd.turn({taskd.request("task.add", {{"summary", "s"}})});
    REQUIRE(taskd.last.store_error.has_value());
    CHECK(taskd.last.store_error->find("disk is full") != std::string::npos);
    // Nobody writes any more; the engine asks by itself, and goes on serving reads.
    taskd.disk.arm(test::Fault::full, 1);
    for (int seconds = 0; seconds < 2; ++seconds) {
        REQUIRE(taskd.engine->next_wait().has_value());
        taskd.clock.advance(1s);
        CHECK(*taskd.engine->next_wait() <= taskd.clock.monotonic());
        CHECK(taskd.result("task.list", {}).contains("total"));
        // The first time it is refused again, the second time it is not.
        CHECK(taskd.last.store_error.has_value() == (seconds == 1));
    }
    CHECK(taskd.last.store_error == std::optional<std::string>(""));
    CHECK_FALSE(taskd.engine->next_wait().has_value());
}

TEST_CASE("metrics: what clients invent makes no series, times and outcomes are counted") {
    EngineFixture taskd;
    daemon::Metrics metrics(taskd.directory.path() + "/taskd.db");
    const auto count = [&](const daemon::Request& request) {
        taskd.turn({request});
        metrics.turn(taskd.last.figures, 1, 3ms);
    };
    for (int i = 0; i < 100; ++i) count(taskd.request("invented." + std::to_string(i), {}));
    count(taskd.request("task.get", {{"task", "99"}}));
    count(taskd.request("task.add", {{"summary", "s"}}));
    metrics.standing({7, 2, 3, 4, 5});
    metrics.standing({7, 2, 3, 4, 6});
    metrics.http("/health", 200);
    metrics.http_standing(9, 1);
    const auto text = metrics.text();
    for (const char* line :
         {"taskd_requests_total{method=\"unknown\",outcome=\"invalid_argument\"} 100",
          "taskd_requests_total{method=\"task.get\",outcome=\"not_found\"} 1",
          "taskd_requests_total{method=\"task.add\",outcome=\"ok\"} 1",
          "taskd_turn_requests_count 102", "taskd_turn_duration_seconds_bucket{le=\"0.005\"} 102",
          "taskd_turn_duration_seconds_bucket{le=\"0.0025\"} 0",
          "taskd_commit_duration_seconds_count 1", "taskd_polls_parked 7",
          "taskd_deliveries_running 2", "taskd_messages_refused_total 3",
          "taskd_replies_dropped_total 4", "taskd_bus_send_failures_total 6",
          "taskd_http_connections_open 9", "taskd_http_queue_length 1"}) {
        CAPTURE(line);
        CHECK(text.find(std::string(line) + "\n") != std::string::npos);
    }
    CHECK(text.find("invented") == std::string::npos);
    double store = 0;
    double resident = 0;
    for (const auto& sample : metrics.samples()) {
        if (sample.name == "taskd_store_size_bytes") store = sample.value;
        if (sample.name == "process_resident_memory_bytes") resident = sample.value;
    }
    CHECK(store > 10'000);
    CHECK(resident > 1'000'000);
}
