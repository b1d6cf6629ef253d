// SPDX-License-Identifier: Apache-2.0
// Commands that are run once: one holder at a time, what ended is remembered, fences rise.
#include "tests/support/engine_fixture.h"

using namespace taskd;
using namespace std::chrono_literals;
using nlohmann::json;
using test::EngineFixture;

namespace {

struct Runs : EngineFixture {
    explicit Runs(daemon::Settings wanted = {}) : EngineFixture(std::move(wanted)) {}

    static json claim_of(const std::string& holder, json more = json::object()) {
        json params{{"key", "deploy"}, {"command", {"make", "all"}}, {"holder", holder}};
        params.update(more);
        return params;
    }
    json claim(const std::string& holder = "a", json more = json::object()) {
        return result("run.claim", claim_of(holder, std::move(more)));
    }
    json finish(const json& claimed, int status = 0, json more = json::object()) {
        json params{{"key", claimed["run"]["key"]},
                    {"fence", claimed["run"]["fence"]},
                    {"status", status},
                    {"took_ms", 1500}};
        params.update(more);
        return result("run.finish", params);
    }
    json extend(const json& claimed) {
        return result("run.extend", {{"key", "deploy"}, {"fence", claimed["run"]["fence"]}});
    }
    json get() { return result("run.get", {{"key", "deploy"}}); }
    std::vector<std::string> told() {
        std::vector<std::string> types;
        const auto page = result("event.read", {{"after", 0}, {"types", {"run.*"}}});
        for (const auto& event : page["events"]) types.push_back(event["type"]);
        return types;
    }
    std::int64_t timers() { return count("SELECT count(*) FROM timer WHERE kind = 'run'"); }
};

using Types = std::vector<std::string>;

}  // namespace

TEST_CASE("run: the first caller runs it, later ones get what became of it") {
    Runs t;
    const auto first = t.claim("a");
    CHECK(first["granted"] == true);
    CHECK(first["run"]["state"] == "running");
    CHECK(first["run"]["fence"] == 1);
    CHECK(first["head"] == 1);
    const auto again = t.claim("a");
    CHECK(again["granted"] == true);
    CHECK(again["run"] == first["run"]);
    const auto other = t.claim("b");
    CHECK(other["granted"] == false);
    CHECK(other["run"]["holder"] == "a");
    const json output{{{"stream", "stdout"}, {"data", "hello\n"}},
                      {{"stream", "stderr"}, {"data_base64", "/wA="}}};
    t.clock.advance(2s);
    const auto ended = t.finish(first, 3, {{"output", output}, {"output_bytes", 100}});
    CHECK(ended["state"] == "failed");
    CHECK(ended["finished"] == "2026-11-24T08:00:02.000Z");
    CHECK(ended["until"] == "2026-12-01T08:00:02.000Z");
    const auto replay = t.claim("c");
    CHECK(replay["granted"] == false);
    CHECK(replay["output"] == output);
    CHECK(replay["run"]["status"] == 3);
    CHECK(replay["run"]["took_ms"] == 1500);
    CHECK(replay["run"]["output_bytes"] == 100);
    CHECK(t.get()["output"] == output);
    CHECK(t.told() == Types{"run.started", "run.finished"});
}

TEST_CASE("run: a call that is sent twice does its work once") {
    Runs t;
    const auto first = t.claim();
    const auto ended = t.finish(first);
    t.clock.advance(1s);
    CHECK(t.finish(first, 7) == ended);
    CHECK(t.get()["run"]["state"] == "succeeded");
    CHECK(t.told() == Types{"run.started", "run.finished"});
}

TEST_CASE("run: a holder that dies loses its lease, and the next one's fence is higher") {
    Runs t;
    const auto first = t.claim("a", {{"lease_ms", 60'000}});
    CHECK(t.pass(59s).empty());
    CHECK(t.claim("b")["granted"] == false);
    CHECK(t.pass(1s) == Types{"run.abandoned"});
    CHECK(t.get()["run"]["state"] == "abandoned");
    const auto second = t.claim("b");
    CHECK(second["granted"] == true);
    CHECK(second["run"]["fence"] > first["run"]["fence"]);
    CHECK(second["run"]["holders"] == 2);
    // The first one comes back.
    const json late{{"key", "deploy"}, {"fence", first["run"]["fence"]}, {"status", 0}};
    CHECK(t.reason("run.finish", late) == "failed_precondition");
    CHECK(t.reason("run.extend", late) == "failed_precondition");
    CHECK(t.finish(second)["state"] == "succeeded");
    CHECK(t.told() == Types{"run.started", "run.abandoned", "run.started", "run.finished"});
}

TEST_CASE("run: a lease that is due is over also before its timer") {
    Runs t;
    t.claim("a", {{"lease_ms", 60'000}});
    t.clock.advance(60s);
    CHECK(t.claim("b")["granted"] == true);
    CHECK(t.told() == Types{"run.started", "run.abandoned", "run.started"});
    CHECK(t.timers() == 1);
}

TEST_CASE("run: a holder that lives keeps its lease, and gets it back while nobody has it") {
    Runs t;
    const auto first = t.claim("a", {{"lease_ms", 60'000}});
    for (int i = 0; i < 5; ++i) {
        CHECK(t.pass(40s).empty());
        t.extend(first);
    }
    CHECK(t.pass(1h) == Types{"run.abandoned"});
    CHECK(t.extend(first)["state"] == "running");
    CHECK(t.claim("b")["granted"] == false);
    CHECK(t.pass(1h) == Types{"run.abandoned"});
    CHECK(t.finish(first)["state"] == "succeeded");
    CHECK(t.told() ==
          Types{"run.started", "run.abandoned", "run.resumed", "run.abandoned", "run.finished"});
    const json again{{"key", "deploy"}, {"fence", first["run"]["fence"]}};
    CHECK(t.reason("run.extend", again) == "failed_precondition");
}

TEST_CASE("run: another command under the key is a conflict that shows both") {
    Runs t;
    const auto first = t.claim();
    const auto refused =
        t.call("run.claim", Runs::claim_of("b", {{"command", {"make", "all", "-k"}}}));
    CHECK(refused["error"]["data"]["reason"] == "conflict");
    CHECK(refused["error"]["message"] ==
          "command: \"deploy\" is the key of [\"make\",\"all\"], not of "
          "[\"make\",\"all\",\"-k\"]");
    t.finish(first);
    CHECK(t.reason("run.claim", Runs::claim_of("b", {{"command", {"make"}}})) == "conflict");
    CHECK(t.result("run.claim", Runs::claim_of("b", {{"command", {"make"}}}), "bob")["granted"] ==
          true);
}

TEST_CASE("run: a failure is run again where only a success is wanted") {
    Runs t;
    const auto first = t.claim();
    t.finish(first, 1, {{"output", {{{"stream", "stdout"}, {"data", "no"}}}}, {"output_bytes", 2}});
    CHECK(t.claim("b")["granted"] == false);
    const auto second = t.claim("b", {{"retry_failed", true}});
    CHECK(second["granted"] == true);
    CHECK(t.get()["output"].is_null());
    t.finish(second);
    CHECK(t.claim("c", {{"retry_failed", true}})["granted"] == false);
}

TEST_CASE("run: what has ended is forgotten after its time, or when that is asked") {
    Runs t;
    const auto first = t.claim("a", {{"ttl_ms", 3'600'000}});
    CHECK(t.reason("run.forget", {{"key", "deploy"}}) == "failed_precondition");
    t.finish(first);
    CHECK(t.pass(59min).empty());
    CHECK(t.pass(1min) == Types{"run.forgotten"});
    CHECK(t.reason("run.get", {{"key", "deploy"}}) == "not_found");
    CHECK(t.timers() == 0);
    const auto second = t.claim();
    CHECK(second["run"]["fence"] > first["run"]["fence"]);
    CHECK(second["run"]["holders"] == 1);
    // A holder that could not start its command gives it back.
    const json back{{"key", "deploy"}, {"fence", second["run"]["fence"]}};
    CHECK(t.result("run.forget", back)["state"] == "running");
    CHECK(t.reason("run.forget", back) == "not_found");
    CHECK(t.reason("run.finish", {{"key", "deploy"}, {"fence", 4}, {"status", 0}}) == "not_found");
    CHECK(t.count("SELECT runs + run_bytes FROM user") == 0);
}

TEST_CASE("run: leases and results outlive a crash") {
    Runs t;
    const auto first = t.claim("a", {{"lease_ms", 60'000}});
    t.crash();
    CHECK(t.claim("b")["granted"] == false);
    t.extend(first);
    t.finish(first, 5);
    t.crash();
    CHECK(t.claim("b")["run"]["status"] == 5);
}

TEST_CASE("run: nobody loses a lease because taskd was away") {
    Runs t;
    const auto first = t.claim("a", {{"lease_ms", 60'000}});
    t.clock.advance(1h);
    t.crash();
    CHECK(t.pass(0s).empty());
    CHECK(t.claim("b")["granted"] == false);
    t.extend(first);
    t.clock.advance(1h);
    t.crash();
    CHECK(t.pass(61s) == Types{"run.abandoned"});
}

TEST_CASE("run: a claim that is repeated begins its lease anew") {
    Runs t;
    t.claim("a", {{"lease_ms", 60'000}});
    t.clock.advance(40s);
    t.claim("a", {{"lease_ms", 60'000}});
    CHECK(t.pass(59s).empty());
    CHECK(t.pass(1s) == Types{"run.abandoned"});
}

TEST_CASE("run: a long command is whole for its holder and cut elsewhere") {
    Runs t;
    const json more{{"command", {"sh", "-c", std::string(100'000, 'x'), "last"}}};
    CHECK(t.claim("a", more)["run"]["command"] == more["command"]);
    CHECK(t.get()["run"]["command"] == more["command"]);
    const auto page = t.result("run.list", json::object());
    CHECK(page.dump().size() < 4000);
    const auto log = t.result("event.read", {{"after", 0}, {"types", {"run.*"}}});
    CHECK(log.dump().size() < 4000);
}

TEST_CASE("run: a key remembers no output a second time") {
    Runs t;
    t.finish(t.claim(), 0,
             {{"output", {{{"stream", "stdout"}, {"data", "hi"}}}}, {"output_bytes", 2}});
    CHECK(t.claim("b", {{"idempotency_key", "k"}})["output"].size() == 1);
    const auto again = t.claim("b", {{"idempotency_key", "k"}});
    CHECK(again["replayed"] == true);
    CHECK_FALSE(again.contains("output"));
}

TEST_CASE("run: a clock that is set back lengthens no lease") {
    Runs t;
    t.claim("a", {{"lease_ms", 60'000}});
    t.clock.set_now(t.clock.now() - 72h);
    t.turn();
    CHECK(t.pass(0s).empty());
    CHECK(t.pass(61s) == Types{"run.abandoned"});
    CHECK(t.get()["run"]["until"] == "2026-11-28T08:01:01.000Z");
}

TEST_CASE("run: the newest runs are listed, by state and beginning of the key") {
    Runs t;
    for (const auto* key : {"a-1", "a-2", "b-1", "a_1"}) {
        t.clock.advance(1s);
        t.claim("x", {{"key", key}});
    }
    t.finish(t.claim("x", {{"key", "a-1"}}), 9);
    const auto keys = [&](json params) {
        std::string all;
        const auto page = t.result("run.list", params);
        for (const auto& run : page["runs"]) all += run["key"].get<std::string>() + " ";
        return all;
    };
    CHECK(keys(json::object()) == "a_1 b-1 a-2 a-1 ");
    CHECK(keys({{"prefix", "a-"}}) == "a-2 a-1 ");
    CHECK(keys({{"state", "failed"}}) == "a-1 ");
    CHECK(keys({{"limit", 1}}) == "a_1 ");
    CHECK(t.reason("run.list", {{"limit", 0}}) == "invalid_argument");
    CHECK(t.reason("run.list", {{"state", "done"}}) == "invalid_argument");
}

TEST_CASE("run: what is not accepted is refused by name, and nothing is begun") {
    Runs t;
    const auto field = [&](const std::string& method, const json& params) {
        const auto reply = t.call(method, params);
        CAPTURE(reply.dump());
        REQUIRE(reply.contains("error"));
        return reply["error"]["data"].value("field", "");
    };
    for (const auto& [name, value] :
         std::vector<std::pair<std::string, json>>{{"key", ""},
                                                   {"key", std::string(256, 'k')},
                                                   {"key", "a\nb"},
                                                   {"holder", ""},
                                                   {"command", json::array()},
                                                   {"command", {""}},
                                                   {"command", {"x", std::string(128 * 1024, 'y')}},
                                                   {"command", "make"},
                                                   {"lease_ms", 0},
                                                   {"lease_ms", 86'400'001},
                                                   {"ttl_ms", -1}}) {
        CAPTURE(name, value.dump().substr(0, 40));
        CHECK(field("run.claim", Runs::claim_of("a", {{name, value}})) == name);
    }
    CHECK(t.told().empty());
    const auto first = t.claim();
    const auto refused = [&](const json& more) {
        json params{{"key", "deploy"}, {"fence", 1}, {"status", 0}};
        params.update(more);
        return field("run.finish", params);
    };
    CHECK(refused({{"status", 256}}) == "status");
    CHECK(refused({{"took_ms", -1}}) == "took_ms");
    const json part{{"stream", "stdout"}, {"data", "abc"}};
    CHECK(refused({{"output", {part}}, {"output_bytes", 2}}) == "output_bytes");
    CHECK(refused({{"output", {{{"stream", "stdin"}, {"data", ""}}}}}) == "stream");
    CHECK(refused({{"output", {{{"stream", "stdout"}}}}}) == "output");
    CHECK(refused({{"output", {{{"stream", "stdout"}, {"data_base64", "a"}}}}}) == "data_base64");
    const json large{{"stream", "stdout"}, {"data", std::string(1024 * 1024 + 1, 'x')}};
    CHECK(refused({{"output", {large}}, {"output_bytes", 1 << 21}}) == "output");
    CHECK(t.get()["run"]["state"] == "running");
    t.finish(first);
}

TEST_CASE("run: past a quota nothing new begins, and results go without their output") {
    daemon::Settings settings;
    settings.quotas.runs = 2;
    settings.quotas.run_bytes = 100;
    Runs t(settings);
    const auto first = t.claim("a", {{"key", "1"}});
    const auto second = t.claim("a", {{"key", "2"}});
    CHECK(t.reason("run.claim", Runs::claim_of("a", {{"key", "3"}})) == "resource_exhausted");
    CHECK(t.claim("a", {{"key", "1"}})["granted"] == true);
    const json part{{"stream", "stdout"}, {"data", std::string(60, 'x')}};
    const json with{{"output", {part}}, {"output_bytes", 60}};
    t.finish(first, 0, with);
    t.finish(second, 0, with);
    CHECK(t.result("run.get", {{"key", "1"}})["output"].size() == 1);
    CHECK(t.result("run.get", {{"key", "2"}})["output"].is_null());
    CHECK(t.result("run.get", {{"key", "2"}})["run"]["output_bytes"] == 60);
    t.result("run.forget", {{"key", "1"}});
    CHECK(t.count("SELECT runs FROM user") == 1);
    CHECK(t.count("SELECT run_bytes FROM user") == 0);
}
