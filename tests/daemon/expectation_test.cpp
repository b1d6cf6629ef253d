// SPDX-License-Identifier: Apache-2.0
// What has to report at certain times: each ping counts for one slot, or for none, and each slot
// without one is told of.
#include "core/expectation.h"

#include "tests/support/engine_fixture.h"

using namespace taskd;
using namespace std::chrono_literals;
using nlohmann::json;
using test::EngineFixture;

namespace {

struct Expectations : EngineFixture {
    Expectations() {
        result(
            "channel.set",
            {{"name", "phone"}, {"kind", "exec"}, {"argv", {"/bin/true"}}, {"is_default", true}});
    }
    /// Daily by 10:00 of Berlin, with half an hour of grace; it is 09:00.
    json expect(const json& more = json::object()) {
        json params{{"name", "backup"},
                    {"every", "day"},
                    {"by", "10:00"},
                    {"grace", "30m"},
                    {"tz", "Europe/Berlin"}};
        params.update(more);
        return result("expectation.set", params);
    }
    json ping(const json& more = json::object()) {
        json params{{"name", "backup"}};
        params.update(more);
        return result("expectation.ping", params)["ping"];
    }
    /// OUTCOME SLOT of a ping.
    std::string heard(const json& more = json::object()) {
        const auto told = ping(more);
        const auto slot = told.contains("recurrence_id")
                              ? told["recurrence_id"].get<std::string>().substr(5, 8)
                              : "none";
        return told["outcome"].get<std::string>() + " " + slot;
    }
    json view() { return result("expectation.list", {{"name", "backup"}})["expectations"][0]; }
    json error(const std::string& method, const json& params) {
        auto reply = call(method, params);
        REQUIRE(reply.contains("error"));
        return reply["error"];
    }
    std::string state() { return view()["state"]; }
    /// The events of a type so far: how many.
    std::size_t told(const char* type) {
        return result("event.read", {{"after", 0}, {"limit", 1000}, {"types", {type}}})["events"]
            .size();
    }
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
};

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("expectation: a ping in time completes its slot, and nobody is told") {
    Expectations t;
    const auto saved = t.expect();
    CHECK(saved["expectation"]["state"] == "new");
    CHECK(saved["expectation"]["window_ms"] == 12 * 3'600'000);
    t.pass(30min);
    CHECK(t.heard() == "on_time 11-24T10");
    CHECK(t.state() == "up");
    t.pass(2h);
    CHECK(t.told("reminder.due") == 0);
    CHECK(t.told("task.completed") == 1);
    CHECK(t.view()["due"]["local"] == "2026-11-25T10:00:00");
}

TEST_CASE("expectation: without a ping the channel is told once the grace has passed") {
    Expectations t;
    t.expect();
    t.pass(1h + 29min + 59s);
    CHECK(t.told("reminder.due") == 0);
    CHECK(t.state() == "late");
    t.pass(1s);
    CHECK(t.told("reminder.due") == 1);
    t.pass(1s);
    CHECK(t.state() == "down");
    t.pass(24h);
    CHECK(t.told("reminder.due") == 2);  // the next one did not come either
}

TEST_CASE("expectation: late within its grace is late, and told of to nobody") {
    Expectations t;
    t.expect();
    t.pass(1h + 20min);
    const auto told = t.ping();
    CHECK(told["outcome"] == "late");
    CHECK(told["late_ms"] == 20 * 60'000);
    CHECK_FALSE(told.contains("recovered"));
    t.pass(1h);
    CHECK(t.told("reminder.due") == 0);
}

TEST_CASE("expectation: a second ping right after one does not stand for the next day") {
    Expectations t;
    t.expect();
    t.pass(50min);
    CHECK(t.heard() == "on_time 11-24T10");
    t.pass(5min);
    CHECK(t.heard() == "early none");
    t.pass(10min);
    CHECK(t.heard() == "early none");  // nor behind the slot's own time
    CHECK(t.view()["opens"] == "2026-11-24T21:00:00.000Z");
    t.pass(25h);
    CHECK(t.told("reminder.due") == 1);
}

TEST_CASE("expectation: after a missed slot the next ping counts where it falls") {
    SECTION("soon after, it is the missed one's, late") {
        Expectations t;
        t.expect();
        t.pass(6h);
        const auto told = t.ping();
        CHECK(told["outcome"] == "late");
        CHECK(told["recurrence_id"] == "2026-11-24T10:00:00");
        CHECK(told["recovered"] == true);
        CHECK(t.state() == "up");
        CHECK(t.skipped() == Words{});
        CHECK(t.view()["due"]["local"] == "2026-11-25T10:00:00");
    }
    SECTION("in the next one's time, it is that one's and the other was missed") {
        Expectations t;
        t.expect();
        t.pass(20h);
        const auto told = t.ping();
        CHECK(told["outcome"] == "on_time");
        CHECK(told["recurrence_id"] == "2026-11-25T10:00:00");
        CHECK(told["missed"] == 1);
        CHECK(t.skipped() == Words{"missed 1"});
        t.pass(24h);
        CHECK(t.told("reminder.due") == 1);
    }
    SECTION("several are passed over as a range") {
        Expectations t;
        t.expect();
        t.pass(5 * 24h + 70min);  // 10:10 on the 29th, within the grace
        const auto told = t.ping();
        CHECK(told["outcome"] == "late");
        CHECK(told["recurrence_id"] == "2026-11-29T10:00:00");
        CHECK(told["missed"] == 5);
        CHECK(t.skipped() == Words{"missed 1", "missed 4"});
        CHECK(t.view()["due"]["local"] == "2026-11-30T10:00:00");
    }
}

TEST_CASE("expectation: what begins in time belongs to that slot whenever it ends") {
    Expectations t;
    t.expect();
    t.pass(50min);
    CHECK(t.heard({{"kind", "start"}, {"run", "a"}}) == "started 11-24T10");
    t.pass(14h);  // 23:50: a ping without its run would be the next day's
    const auto told = t.ping({{"run", "a"}});
    CHECK(told["recurrence_id"] == "2026-11-24T10:00:00");
    CHECK(told["outcome"] == "late");
    CHECK(told["took_ms"] == 14 * 3'600'000);
    CHECK(t.heard({{"run", "b"}}) == "on_time 11-25T10");
    CHECK(t.view()["expectation"].is_null());
    CHECK_FALSE(t.view().contains("starts"));
}

TEST_CASE("expectation: an end whose slot was closed meanwhile counts for no other") {
    Expectations t;
    t.expect();
    t.ping({{"kind", "start"}, {"run", "slow"}});
    t.pass(20h);
    CHECK(t.heard() == "on_time 11-25T10");
    CHECK(t.heard({{"run", "slow"}}) == "late 11-24T10");
    CHECK(t.view()["due"]["local"] == "2026-11-26T10:00:00");
}

TEST_CASE("expectation: a failure is told at once, and the success after it") {
    Expectations t;
    t.expect();
    const auto deliveries = [&] { return t.count("SELECT count(*) FROM delivery"); };
    CHECK(t.heard({{"kind", "fail"}}) == "failed 11-24T10");
    CHECK(t.state() == "failed");
    CHECK(deliveries() == 1);
    t.ping({{"kind", "fail"}});
    CHECK(deliveries() == 1);  // the second in a row is no news
    const auto told = t.ping();
    CHECK(told["outcome"] == "on_time");
    CHECK(told["recovered"] == true);
    CHECK(deliveries() == 2);
    CHECK(t.state() == "up");
}

TEST_CASE("expectation: a failure lasts until a success, also one that counts for no slot") {
    Expectations t;
    t.expect();
    t.pass(50min);
    t.ping();
    t.pass(1h);
    CHECK(t.heard({{"kind", "fail"}}) == "failed none");
    CHECK(t.state() == "failed");
    const auto told = t.ping();
    CHECK(told["outcome"] == "early");
    CHECK(told["recovered"] == true);
    CHECK(t.state() == "up");
    CHECK(t.count("SELECT count(*) FROM delivery") == 2);
}

TEST_CASE("expectation: the end of a slot of the past does not end the silence of a later one") {
    Expectations t;
    t.expect();
    t.ping({{"kind", "start"}, {"run", "slow"}});
    t.pass(20h);
    t.ping();  // of the 25th
    t.pass(48h);
    CHECK(t.state() == "down");
    const auto told = t.ping({{"run", "slow"}});
    CHECK(told["recurrence_id"] == "2026-11-24T10:00:00");
    CHECK_FALSE(told.contains("recovered"));
    CHECK(t.state() == "down");
}

TEST_CASE("expectation: a start that never ended is not taken for a later one") {
    Expectations t;
    t.expect();
    t.ping({{"kind", "start"}});
    t.pass(20h);
    const auto told = t.ping();
    CHECK(told["recurrence_id"] == "2026-11-25T10:00:00");
    CHECK(told["outcome"] == "on_time");
    CHECK_FALSE(told.contains("took_ms"));
}

TEST_CASE("expectation: a run that began too early counts for none, whenever it ends") {
    Expectations t;
    t.expect();
    t.pass(50min);
    t.ping();
    t.pass(12h);  // 21:50; the next one begins to count at 22:00
    CHECK(t.heard({{"kind", "start"}, {"run", "a"}}) == "started none");
    t.pass(30min);
    CHECK(t.heard({{"run", "a"}}) == "early none");
}

TEST_CASE("expectation: a pause is no silence") {
    Expectations t;
    t.expect();
    t.pass(30min);
    const auto series = t.view()["series_id"];
    t.result("series.pause", {{"series", series}});
    t.pass(3 * 24h);
    t.result("series.resume", {{"series", series}});
    CHECK(t.state() == "new");
    CHECK(t.view()["due"]["local"] == "2026-11-27T10:00:00");
    CHECK_FALSE(t.ping().contains("missed"));
    CHECK(t.skipped() == Words{"paused 1", "paused 2"});
    CHECK(t.told("reminder.due") == 0);
}

TEST_CASE("expectation: what was skipped was not missed") {
    Expectations t;
    t.expect();
    const auto series = t.view()["series_id"];
    t.result("series.skip", {{"series", series}, {"recurrence_id", "2026-11-25T10:00:00"}});
    t.pass(72h + 50min);  // 09:50 on the 27th
    const auto told = t.ping();
    CHECK(told["recurrence_id"] == "2026-11-27T10:00:00");
    CHECK(told["missed"] == 2);
    CHECK(t.skipped() == Words{"missed 1", "user 1", "missed 1"});
}

TEST_CASE("expectation: ended, it alarms no more, and its name is free") {
    Expectations t;
    t.expect();
    t.result("series.end", {{"series", t.view()["series_id"]}});
    CHECK(t.result("task.list", json::object())["tasks"].empty());
    t.expect();
    t.pass(50min);
    t.ping();
    t.pass(2h);
    CHECK(t.told("reminder.due") == 0);
    CHECK(t.count("SELECT count(*) FROM expectation") == 1);
}

TEST_CASE("expectation: its window goes with a changed rule") {
    Expectations t;
    t.expect({{"every", "monday"}});
    CHECK(t.view()["window_ms"] == 84 * 3'600'000);
    t.result("series.update", {{"series", t.view()["series_id"]}, {"every", "day"}});
    CHECK(t.view()["window_ms"] == 12 * 3'600'000);
}

TEST_CASE("expectation: a start of before a change of the rule counts for what is open then") {
    Expectations t;
    t.expect();
    t.ping({{"kind", "start"}, {"run", "a"}});
    t.result("series.update", {{"series", t.view()["series_id"]}, {"at", "12:00"}});
    CHECK(t.heard({{"run", "a"}}) == "on_time 11-24T12");
    t.pass(6h);
    CHECK(t.told("reminder.due") == 0);
}

TEST_CASE("expectation: without --by each ping counts for the time in which it falls") {
    Expectations t;
    t.expect({{"every", "hour"}, {"by", ""}, {"grace", ""}});
    CHECK(t.view()["window_ms"] == 0);
    for (int hour = 0; hour < 5; ++hour) {
        t.pass(30min);
        CHECK(t.ping()["outcome"] == "on_time");
        t.pass(30min);
    }
    CHECK(t.told("reminder.due") == 0);
    t.pass(61min);
    CHECK(t.told("reminder.due") == 1);
}

TEST_CASE("expectation: paused, nothing is expected and nothing counts") {
    Expectations t;
    t.expect();
    const auto series = t.view()["series_id"];
    t.result("series.pause", {{"series", series}});
    CHECK(t.heard() == "paused none");
    t.pass(3 * 24h);
    CHECK(t.told("reminder.due") == 0);
    CHECK(t.state() == "paused");
    t.result("series.resume", {{"series", series}});
    t.pass(20h);
    CHECK(t.ping()["outcome"] == "on_time");
}

TEST_CASE("expectation: the same again changes nothing, another one is refused") {
    Expectations t;
    t.expect();
    CHECK(t.expect()["unchanged"] == true);
    CHECK(t.count("SELECT count(*) FROM series") == 1);
    const auto refused = t.error("expectation.set", {{"name", "backup"}, {"every", "hour"}});
    CHECK(refused["data"]["reason"] == "conflict");
    t.result("expectation.remove", {{"name", "backup"}});
    CHECK(t.result("task.list", json::object())["tasks"].empty());
    CHECK(t.error("expectation.ping", {{"name", "backup"}})["data"]["reason"] == "not_found");
    CHECK_FALSE(t.expect({{"every", "weekday"}}).contains("unchanged"));
}

TEST_CASE("expectation: what can't be is refused by its name") {
    Expectations t;
    const auto field = [&](const json& more) {
        json params{{"name", "x"}, {"every", "day"}, {"by", "10:00"}};
        params.update(more);
        return t.error("expectation.set", params)["data"]["field"].get<std::string>();
    };
    CHECK(field({{"name", ""}}) == "name");
    CHECK(field({{"name", "a b"}}) == "name");
    CHECK(field({{"name", "a\u0007"}}) == "name");
    CHECK(field({{"every", ""}}) == "every");
    CHECK(field({{"every", "sometimes"}}) == "every");
    CHECK(field({{"by", ""}}) == "by");
    CHECK(field({{"by", "late"}}) == "by");
    CHECK(field({{"grace", "-5m"}}) == "grace");
    CHECK(field({{"grace", "9999 days"}}) == "grace");
    CHECK(field({{"channels", {"nowhere"}}}) == "channels");
    CHECK(field({{"every", "3 days after completion"}}) == "anchor");
    CHECK(t.count("SELECT count(*) FROM series") == 0);
    t.expect();
    CHECK(t.error("series.move", {{"series", t.view()["series_id"]},
                                  {"to", "2026-11-26"}})["data"]["field"] == "to");
    CHECK(t.error("expectation.ping", {{"name", "backup"}, {"kind", "maybe"}})["data"]["field"] ==
          "kind");
    CHECK(t.error("expectation.ping",
                  {{"name", "backup"}, {"run", std::string(300, 'x')}})["data"]["field"] == "run");
    const auto series = t.view()["series_id"];
    CHECK(t.error("series.update", {{"series", series}, {"overlap", "stack"}})["data"]["field"] ==
          "overlap");
    CHECK(t.error("series.split", {{"series", series}, {"every", "hour"}})["data"]["field"] ==
          "series");
}

TEST_CASE("expectation: starts that never end are bounded") {
    Expectations t;
    t.expect();
    for (int i = 0; i < 50; ++i) t.ping({{"kind", "start"}, {"run", std::to_string(i)}});
    CHECK(t.view()["starts"].size() == core::ping_starts_max);
}

TEST_CASE("expectation: over a crash and three days off it is told of once, and goes on") {
    Expectations t;
    t.expect();
    t.pass(30min);
    t.ping();
    t.crash();
    t.clock.advance(3 * 24h);
    t.boot();
    t.pass(0ms);
    CHECK(t.told("reminder.due") == 1);  // of the newest; those before it are recorded as missed
    CHECK(t.told("reminder.missed") == 1);
    CHECK(t.state() == "down");
    t.pass(20h);
    CHECK(t.ping()["missed"] == 3);
}

TEST_CASE("expectation: a ping that counts for none hides none that did") {
    Expectations t;
    t.expect({{"by", "23:00"}});  // it is 09:00: too early by hours
    CHECK(t.heard() == "early none");
    CHECK(t.state() == "new");
    t.pass(14h);
    CHECK(t.heard().rfind("on_time", 0) == 0);
    CHECK(t.heard() == "early none");  // the same wrapper once more
    CHECK(t.state() == "up");
    CHECK(t.view()["last"]["outcome"] == "on_time");
    CHECK(t.ping({{"kind", "fail"}})["outcome"] == "failed");
    CHECK(t.state() == "failed");
    CHECK(t.ping()["recovered"] == true);  // it works again, whatever slot that is for
    CHECK(t.state() == "up");
}

TEST_CASE("expectation: who closes its task by hand is told what that means") {
    Expectations t;
    t.expect();
    const auto closed = t.result("task.complete", {{"task", "1"}});
    CHECK(closed["warnings"][0] ==
          "no ping of backup is waited for any more for Tue 2026-11-24 10:00");
    CHECK_FALSE(t.ping().contains("warnings"));
}
