// SPDX-License-Identifier: Apache-2.0
// Reminders on channels: what is sent, gathered, taken back and tried again. Workers are the test.
#include "tests/support/engine_fixture.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace taskd;
using namespace std::chrono_literals;
using nlohmann::json;
using test::EngineFixture;

namespace {

struct Deliveries : EngineFixture {
    Deliveries() : EngineFixture(wanted()) {
        result("user.set", {{"zone", "UTC"}, {"email", "ada@example.org"}});
    }

    static daemon::Settings wanted() {
        daemon::Settings settings;
        settings.has_mail_server = true;
        return settings;
    }

    void channel(json params) { result("channel.set", params); }
    /// The default channel.
    void mail(json more = json::object()) {
        more.update({{"name", "mail"}, {"kind", "email"}, {"is_default", true}});
        channel(more);
    }

    json add(const std::string& summary, json more = {{"at", "in 1 hour"}, {"remind", {"0m"}}}) {
        more["summary"] = summary;
        return result("task.add", more);
    }

    /// The jobs that are begun within `span`.
    std::vector<daemon::Job> begun(std::chrono::milliseconds span = 0ms) {
        jobs.clear();
        pass(span);
        return std::exchange(jobs, {});
    }

    void answer(const daemon::Job& job, core::Outcome outcome) {
        turn({}, {{job.user, job.delivery, std::move(outcome), {}, job.channel}});
    }

    json delivery(const std::string& id) { return result("delivery.get", {{"delivery", id}}); }
    json deliveries() { return result("delivery.list", {{"limit", 1000}})["deliveries"]; }
    std::size_t in_state(const std::string& state) {
        const auto all = deliveries();
        return static_cast<std::size_t>(std::count_if(
            all.begin(), all.end(), [&](const auto& one) { return one["state"] == state; }));
    }
    std::vector<json> events(const std::string& type) {
        std::vector<json> found;
        const auto page = result("event.read", {{"after", 0}, {"limit", 1000}, {"types", {type}}});
        for (const auto& event : page["events"]) found.push_back(event);
        return found;
    }
};

const core::Outcome kept{true, true, "250 kept", ""};
const core::Outcome later{false, true, "450 later", ""};
const core::Outcome refused{false, false, "550 no", ""};

}  // namespace

TEST_CASE_METHOD(Deliveries, "deliveries: a reminder is sent with what its task says") {
    mail();
    add("Pay rent", {{"at", "in 1 hour"},
                     {"remind", {"10m"}},
                     {"project", "home"},
                     {"notes", "see https://bank.example.org/pay now"},
                     {"priority", 1}});
    const auto sent = begun(50min);
    REQUIRE(sent.size() == 1);
    const auto& job = sent[0];
    CHECK(job.address == "ada@example.org");
    CHECK(job.notice.summary == "Pay rent");
    CHECK(job.notice.due == "Tue 2026-11-24 09:00");
    CHECK(job.notice.late.empty());
    CHECK(job.notice.url == "https://bank.example.org/pay");
    CHECK(job.notice.is_urgent);
    CHECK(job.notice.can_act);
    CHECK(job.notice.text.find("Project home") != std::string::npos);
}

TEST_CASE_METHOD(Deliveries, "deliveries: done, cancelled and deleted cancel what is pending") {
    mail();
    const std::string task = std::to_string(add("tea")["task"]["number"].get<int>());
    auto sent = begun(1h);
    REQUIRE(sent.size() == 1);
    answer(sent[0], later);
    REQUIRE(in_state("pending") == 1);
    const std::string method =
        GENERATE(values<std::string>({"task.complete", "task.cancel", "task.delete"}));
    result(method, {{"task", task}});
    CHECK(in_state("suppressed") == 1);
    CHECK(events("delivery.suppressed").size() == 1);
    CHECK(begun(48h).empty());
}

TEST_CASE_METHOD(Deliveries, "deliveries: a success that comes after a snooze is told as it was") {
    mail();
    const std::string task = std::to_string(add("tea")["task"]["number"].get<int>());
    auto sent = begun(1h);
    REQUIRE(sent.size() == 1);
    result("reminder.snooze", {{"task", task}, {"until", "20m"}});
    CHECK(in_state("running") == 1);
    SECTION("it was delivered") {
        answer(sent[0], kept);
        CHECK(in_state("succeeded") == 1);
    }
    SECTION("it was not, and is not tried again") {
        answer(sent[0], later);
        CHECK(in_state("suppressed") == 1);
    }
    SECTION("the process ended, and it is not tried again") {
        crash();
        CHECK(in_state("suppressed") == 1);
    }
    sent = begun(20min);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].notice.firing == "2");
}

TEST_CASE_METHOD(Deliveries, "deliveries: what is more than a channel's rate becomes a digest") {
    mail({{"rate", {{"max", 2}, {"per_ms", 60'000}}}});
    for (int i = 1; i <= 7; ++i) add("task " + std::to_string(i));
    auto sent = begun(1h);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].notice.summary == "7 reminders");
    CHECK(sent[0].notice.count == "7");
    CHECK(sent[0].notice.text.find("- 7: task 7, Tue 2026-11-24 09:00") != std::string::npos);
    CHECK(in_state("suppressed") == 7);
    for (const auto& one : deliveries())
        if (one["state"] == "suppressed") CHECK(one["digest_id"] == sent[0].delivery.str());
    REQUIRE(events("reminder.digest").size() == 1);
    answer(sent[0], kept);
    CHECK(in_state("succeeded") == 1);
    CHECK(begun(24h).empty());
}

TEST_CASE_METHOD(Deliveries, "deliveries: past its rate a channel waits for the window's end") {
    mail({{"rate", {{"max", 1}, {"per_ms", 60'000}}}});
    add("first", {{"at", "in 1 hour"}, {"remind", {"0m"}}});
    add("second", {{"at", "in 3610 seconds"}, {"remind", {"0m"}}});
    add("third", {{"at", "in 3620 seconds"}, {"remind", {"0m"}}});
    auto sent = begun(1h);
    REQUIRE(sent.size() == 1);
    answer(sent[0], kept);
    CHECK(begun(30s).empty());
    CHECK(in_state("pending") == 2);
    sent = begun(30s);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].notice.summary == "2 reminders");
    CHECK(in_state("suppressed") == 2);
}

TEST_CASE_METHOD(Deliveries, "deliveries: what has waited alone for its channel is no digest") {
    mail({{"rate", {{"max", 1}, {"per_ms", 60'000}}}});
    add("first", {{"at", "in 1 hour"}, {"remind", {"0m"}}});
    add("second", {{"at", "in 3610 seconds"}, {"remind", {"0m"}}});
    auto sent = begun(1h);
    REQUIRE(sent.size() == 1);
    answer(sent[0], kept);
    CHECK(begun(30s).empty());
    CHECK(deliveries()[0]["result"] == "waits: the rate of channel mail");
    sent = begun(30s);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].notice.summary == "second");
    CHECK(sent[0].notice.can_act);
}

struct SmallTurns : Deliveries {
    SmallTurns() {
        settings.turn_timers_max = 3;
        boot();
    }
};

TEST_CASE_METHOD(SmallTurns, "deliveries: one digest tells of a flood that takes many turns") {
    mail({{"rate", {{"max", 2}, {"per_ms", 60'000}}}});
    for (int i = 1; i <= 20; ++i) add("task " + std::to_string(i));
    const auto sent = begun(1h);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].notice.summary == "20 reminders");
}

TEST_CASE_METHOD(Deliveries, "deliveries: a digest goes on after a crash, with all it has") {
    mail({{"rate", {{"max", 1}, {"per_ms", 60'000}}}});
    for (int i = 1; i <= 3; ++i) add("task " + std::to_string(i));
    auto sent = begun(1h);
    REQUIRE(sent.size() == 1);
    crash();
    sent = begun(10min);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].notice.summary == "3 reminders");
    CHECK(events("reminder.digest").size() == 1);
}

TEST_CASE_METHOD(Deliveries, "deliveries: programs are sent each one, however many") {
    channel({{"name", "log"}, {"argv", {"true"}}, {"is_default", true}});
    for (int i = 1; i <= 7; ++i) add("task " + std::to_string(i));
    CHECK(begun(1h).size() == 7);
}

TEST_CASE_METHOD(Deliveries, "deliveries: a channel has a retry policy of its own") {
    mail({{"retry", {{"attempts_max", 2}, {"backoff_ms", 1000}, {"backoff_max_ms", 1000}}}});
    add("tea");
    auto sent = begun(1h);
    REQUIRE(sent.size() == 1);
    answer(sent[0], later);
    const auto again = begun(1s);
    REQUIRE(again.size() == 1);
    CHECK(again[0].delivery == sent[0].delivery);
    answer(again[0], later);
    CHECK(in_state("dead") == 1);
    CHECK(result("delivery.list", {{"failed", true}})["deliveries"].size() == 1);

    result("delivery.retry", {{"delivery", sent[0].delivery.str()}});
    const auto revived = last.jobs;
    REQUIRE(revived.size() == 1);
    CHECK(revived[0].delivery == sent[0].delivery);
    answer(revived[0], kept);
    CHECK(in_state("succeeded") == 1);
    CHECK(reason("delivery.retry", {{"delivery", sent[0].delivery.str()}}) ==
          "failed_precondition");
}

TEST_CASE_METHOD(Deliveries, "deliveries: a webhook that answers 410 is disabled") {
    channel({{"name", "hook"},
             {"kind", "webhook"},
             {"url", "https://example.org/h"},
             {"is_default", true}});
    add("one");
    auto sent = begun(1h);
    REQUIRE(sent.size() == 1);
    core::Outcome gone{false, false, "HTTP 410 Gone", ""};
    gone.status = 410;
    answer(sent[0], gone);
    CHECK(events("channel.disabled").size() == 1);
    CHECK(result("channel.list", json::object())["channels"][0].contains("disabled"));
    add("two");
    CHECK(begun(1h).empty());
    CHECK(in_state("dead") == 2);
    channel({{"name", "hook"}, {"kind", "webhook"}, {"url", "https://example.org/h"}});
    CHECK_FALSE(result("channel.list", json::object())["channels"][0].contains("disabled"));
}

TEST_CASE_METHOD(Deliveries, "deliveries: a secret is told to nobody but the worker") {
    json params{{"name", "hook"},
                {"kind", "webhook"},
                {"url", "https://example.org/h"},
                {"secret", "a-secret-of-sixteen-and-more"},
                {"is_default", true},
                {"idempotency_key", "k"}};
    const auto set = result("channel.set", params);
    CHECK(set["has_secret"] == true);
    CHECK(set.dump().find("a-secret") == std::string::npos);
    CHECK(result("channel.set", params).dump().find("a-secret") == std::string::npos);
    CHECK(result("channel.list", json::object()).dump().find("a-secret") == std::string::npos);
    add("one");
    const auto sent = begun(1h);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].secret == "a-secret-of-sixteen-and-more");
    CHECK(count("SELECT count(*) FROM change WHERE before LIKE '%a-secret%'") == 0);
    CHECK(count("SELECT count(*) FROM reply WHERE body LIKE '%a-secret%'") == 0);
    CHECK(count("SELECT count(*) FROM event WHERE data LIKE '%a-secret%'") == 0);
}

TEST_CASE_METHOD(Deliveries, "deliveries: a nag goes on until it is acknowledged") {
    channel({{"name", "log"}, {"argv", {"true"}}, {"is_default", true}});
    const std::string task = std::to_string(
        add("tea", {{"at", "in 1 hour"}, {"remind", {"0m"}}, {"nag", "5m"}})["task"]["number"]
            .get<int>());
    CHECK(begun(1h).size() == 1);
    CHECK(begun(5min).size() == 1);
    const auto sent = begun(5min);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].notice.firing == "3");
    CHECK(sent[0].notice.text.find("Reminder 3: nobody has acknowledged it yet.") == 0);
    CHECK(sent[0].notice.is_urgent);
    result("reminder.acknowledge", {{"task", task}});
    CHECK(begun(24h).empty());
}

TEST_CASE_METHOD(Deliveries, "deliveries: one acknowledgement ends the nag of all that went off") {
    channel({{"name", "log"}, {"argv", {"true"}}, {"is_default", true}});
    add("tea", {{"at", "in 1 hour"}, {"remind", {"20m", "10m", "0m"}}, {"nag", "5m"}});
    CHECK(begun(1h).size() >= 3);
    result("reminder.acknowledge", {{"task", "1"}});
    CHECK(begun(24h).empty());
    CHECK(reason("reminder.acknowledge", {{"task", "1"}}) == "failed_precondition");
}

TEST_CASE_METHOD(Deliveries, "deliveries: an escalation goes to its channel, once") {
    channel({{"name", "log"}, {"argv", {"true"}}, {"is_default", true}});
    channel({{"name", "phone"}, {"argv", {"true"}}});
    add("tea",
        {{"at", "in 1 hour"}, {"remind", {"0m"}}, {"escalate", "30m"}, {"escalate_to", {"phone"}}});
    const auto first = begun(1h);
    REQUIRE(first.size() == 1);
    CHECK(first[0].channel.name == "log");
    const auto second = begun(30min);
    REQUIRE(second.size() == 1);
    CHECK(second[0].channel.name == "phone");
    CHECK(begun(24h).empty());
}

TEST_CASE_METHOD(Deliveries, "deliveries: a reminder counts from start, a time, or what is done") {
    channel({{"name", "log"}, {"argv", {"true"}}, {"is_default", true}});
    SECTION("start") {
        add("tea", {{"start", "in 1 hour"}, {"remind", {"10m before start"}}});
        CHECK(begun(49min).empty());
        CHECK(begun(1min).size() == 1);
    }
    SECTION("a time") {
        add("tea", {{"remind", {"at 2026-11-24 10:30"}}});
        CHECK(begun(149min).empty());
        CHECK(begun(1min).size() == 1);
    }
    SECTION("the completion of what it depends on") {
        add("water", json::object());
        add("tea", {{"depends_on", {"1"}}, {"remind", {"5m after unblocked"}}});
        CHECK(begun(1h).empty());
        result("task.complete", {{"task", "1"}});
        CHECK(begun(4min).empty());
        SECTION("goes off") {
            CHECK(begun(1min).size() == 1);
        }
        SECTION("not while it is open again") {
            result("task.reopen", {{"task", "1"}});
            CHECK(begun(1h).empty());
            result("task.complete", {{"task", "1"}});
            CHECK(begun(5min).size() == 1);
        }
    }
    SECTION("what there is not is refused") {
        CHECK(reason("task.add", {{"summary", "x"}, {"remind", {"10m before start"}}}) ==
              "invalid_argument");
        CHECK(reason("task.add", {{"summary", "x"}, {"remind", {"when unblocked"}}}) ==
              "invalid_argument");
        CHECK(reason("task.add", {{"summary", "x"}, {"every", "day"}, {"remind", {"at start"}}}) ==
              "invalid_argument");
    }
}

TEST_CASE_METHOD(Deliveries, "deliveries: a due time that is moved reminds again") {
    channel({{"name", "log"}, {"argv", {"true"}}, {"is_default", true}});
    add("tea");
    CHECK(begun(1h).size() == 1);
    result("task.update", {{"task", "1"}, {"due", "in 1 hour"}});
    const auto again = begun(1h);
    REQUIRE(again.size() == 1);
    CHECK(again[0].notice.firing == "2");
}

TEST_CASE_METHOD(Deliveries, "deliveries: new tasks have reminders by themselves") {
    channel({{"name", "log"}, {"argv", {"true"}}, {"is_default", true}});
    const auto reminders = [&](json more) {
        more["at"] = "in 3 days";
        const auto made = add("x", more)["reminders"];
        std::vector<int> minutes;
        for (const auto& one : made) minutes.push_back(one["before_ms"].get<int>() / 60'000);
        return minutes;
    };
    result("reminder.default_set", {{"scope", "user"}, {"remind", {"10m"}}});
    result("reminder.default_set", {{"scope", "tag"}, {"name", "urgent"}, {"remind", {"20m"}}});
    result("reminder.default_set",
           {{"scope", "project"}, {"name", "taxes"}, {"remind", {"1d", "1h"}}});
    CHECK(reminders(json::object()) == std::vector<int>{10});
    CHECK(reminders({{"tags", {"urgent"}}}) == std::vector<int>{20});
    CHECK(reminders({{"tags", {"urgent"}}, {"project", "taxes"}}) == std::vector<int>{1440, 60});
    CHECK(reminders({{"remind", {"5m"}}}) == std::vector<int>{5});
    CHECK(reminders({{"remind", {"none"}}}).empty());
    CHECK(reminders({{"every", "day"}}) == std::vector<int>{10});
    CHECK_FALSE(result("task.add", {{"summary", "no time"}}).contains("reminders"));
    result("reminder.default_set", {{"scope", "tag"}, {"name", "quiet"}, {"remind", {"none"}}});
    CHECK(reminders({{"tags", {"quiet"}}}).empty());
    result("reminder.default_set", {{"scope", "user"}});
    CHECK(reminders(json::object()).empty());
}

TEST_CASE_METHOD(Deliveries, "deliveries: the agenda comes once a day, also after days off") {
    mail();
    add("tea", {{"at", "2026-11-26 18:00"}});
    result("user.set", {{"agenda", "07:30"}});
    CHECK(begun(23h).empty());  // 07:00 on the next day
    CHECK(begun(1h).empty());   // nothing is due on that day
    CHECK(events("agenda.due").size() == 1);
    auto sent = begun(24h);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].notice.summary == "Agenda: 1 task due today or overdue");
    answer(sent[0], kept);
    sent = begun(24h * 5);
    REQUIRE(sent.size() == 1);  // one, not five
    CHECK(sent[0].notice.text.find("- 1: tea, Thu 2026-11-26 18:00, overdue") != std::string::npos);
    result("user.set", {{"agenda", ""}});
    CHECK(begun(24h * 5).empty());
}

TEST_CASE_METHOD(Deliveries, "deliveries: explain tells the story of a reminder") {
    mail();
    add("tea", {{"at", "in 1 hour"}, {"remind", {"0m"}}, {"nag", "5m"}});
    auto sent = begun(1h);
    REQUIRE(sent.size() == 1);
    answer(sent[0], refused);
    std::string story;
    const auto explained = result("task.explain", {{"task", "1"}});
    for (const auto& one : explained["because"])
        story += one["about"].get<std::string>() + ": " + one["text"].get<std::string>() + "\n";
    CAPTURE(story);
    CHECK(story.find("reminder: at the time: went off on Tue 2026-11-24 09:00, not acknowledged") !=
          std::string::npos);
    CHECK(story.find("next on Tue 2026-11-24 09:05, as every 5m until somebody acknowledges it") !=
          std::string::npos);
    CHECK(story.find("delivery: mail: dead on Tue 2026-11-24 09:00 after 1 try: 550 no") !=
          std::string::npos);
}

TEST_CASE_METHOD(Deliveries, "deliveries: a test of a channel is one attempt") {
    channel({{"name", "mail"}, {"kind", "email"}});
    const std::string id = result("channel.test", {{"name", "mail"}})["id"];
    const auto sent = last.jobs;
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].notice.summary == "Test of channel mail");
    CHECK(sent[0].notice.text == "Reminders that go to this channel arrive.");
    answer(sent[0], later);
    CHECK(delivery(id)["state"] == "dead");
    CHECK(begun(24h).empty());
    CHECK(reason("channel.test", {{"name", "mial"}}) == "not_found");
}

TEST_CASE_METHOD(Deliveries, "deliveries: an answer is about whom it came from") {
    const auto hook = [&](const std::string& host) {
        channel({{"name", "hook"},
                 {"kind", "webhook"},
                 {"url", "https://" + host + "/h"},
                 {"rate", {{"max", 100}, {"per_ms", 1000}}},
                 {"is_default", true}});
    };
    hook("old.example.org");
    for (int i = 0; i < 10; ++i) add("task " + std::to_string(i));
    const auto sent = begun(1h);
    REQUIRE(sent.size() == 10);
    hook("new.example.org");
    SECTION("410 does not disable what is asked by now") {
        core::Outcome gone{false, false, "HTTP 410 Gone", ""};
        gone.status = 410;
        answer(sent[0], gone);
        CHECK(events("channel.disabled").empty());
        CHECK_FALSE(result("channel.list", json::object())["channels"][0].contains("disabled"));
    }
    SECTION("failures open the circuit of the one that failed") {
        core::Outcome broken{false, false, "HTTP 500", ""};
        broken.status = 500;
        broken.blames_callee = true;
        for (const auto& job : sent) answer(job, broken);
        add("one more", {{"at", "in 1 second"}, {"remind", {"0m"}}});
        CHECK(begun(1s).size() == 1);
        hook("old.example.org");
        add("and one", {{"at", "in 1 second"}, {"remind", {"0m"}}});
        CHECK(begun(1s).empty());
    }
}

TEST_CASE_METHOD(Deliveries, "deliveries: one broken hook does not hold back another one") {
    for (const char* name : {"broken", "good"})
        channel({{"name", name},
                 {"kind", "webhook"},
                 {"url", std::string("https://example.org/") + name},
                 {"rate", {{"max", 100}, {"per_ms", 1000}}}});
    for (int i = 0; i < 10; ++i)
        add("x", {{"at", "in 1 hour"}, {"remind", {"0m"}}, {"channels", {"broken"}}});
    core::Outcome broken{false, false, "HTTP 500", ""};
    broken.status = 500;
    broken.blames_callee = true;
    for (const auto& job : begun(1h)) answer(job, broken);
    add("y", {{"at", "in 1 second"}, {"remind", {"0m"}}, {"channels", {"broken", "good"}}});
    const auto sent = begun(1s);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].channel.name == "good");
    const auto waits = deliveries()[0]["channel"] == "broken" ? deliveries()[0] : deliveries()[1];
    CHECK(waits["result"] == "waits: the circuit of broken (example.org) is open");
}

TEST_CASE_METHOD(Deliveries, "deliveries: a test that succeeds enables a channel again") {
    channel({{"name", "hook"}, {"kind", "webhook"}, {"url", "https://example.org/h"}});
    core::Outcome gone{false, false, "HTTP 410 Gone", ""};
    gone.status = 410;
    const auto test = [&](const core::Outcome& outcome) {
        result("channel.test", {{"name", "hook"}});
        REQUIRE(last.jobs.size() == 1);
        answer(last.jobs[0], outcome);
        return result("channel.list", json::object())["channels"][0].contains("disabled");
    };
    CHECK(test(gone));
    CHECK(test(gone));
    CHECK(events("channel.disabled").size() == 1);
    CHECK_FALSE(test(kept));
}

TEST_CASE_METHOD(Deliveries, "deliveries: what quiet hours hold back goes by what they are now") {
    mail();
    result("user.set", {{"quiet_hours", "08:30-12:00"}});
    add("tea");
    CHECK(begun(1h).empty());  // 09:00
    CHECK(deliveries()[0]["result"] == "waits: quiet hours");
    SECTION("none") {
        result("user.set", {{"quiet_hours", ""}});
        CHECK(last.jobs.size() == 1);
        CHECK_FALSE(deliveries()[0].contains("result"));
    }
    SECTION("later ones") {
        result("user.set", {{"quiet_hours", "08:30-13:00"}});
        CHECK(begun(3h).empty());
        CHECK(begun(1h).size() == 1);
    }
    SECTION("another zone") {
        result("user.set", {{"zone", "Europe/Berlin"}});  // 10:00 there
        CHECK(begun(119min).empty());
        CHECK(begun(1min).size() == 1);
    }
    SECTION("nothing else is touched") {
        result("user.set", {{"email", "bob@example.org"}});
        CHECK(begun(179min).empty());
        CHECK(begun(1min).size() == 1);
    }
}

TEST_CASE_METHOD(Deliveries, "deliveries: what waits for its channel goes by a change of it") {
    const json slow{{"attempts_max", 5}, {"backoff_ms", 7'200'000}, {"backoff_max_ms", 7'200'000}};
    mail({{"rate", {{"max", 1}, {"per_ms", 3'600'000}}}, {"retry", slow}});
    add("first");
    add("second", {{"at", "in 3610 seconds"}, {"remind", {"0m"}}});
    auto sent = begun(1h);
    REQUIRE(sent.size() == 1);
    answer(sent[0], later);  // again in an hour at least
    CHECK(begun(1min).empty());
    REQUIRE(in_state("pending") == 2);
    SECTION("set") {
        mail({{"rate", {{"max", 0}, {"per_ms", 1000}}}, {"retry", slow}});
        CHECK(last.jobs.size() + begun(0ms).size() == 2);
    }
    SECTION("removed") {
        result("channel.remove", {{"name", "mail"}});
        pass(0ms);
        CHECK(in_state("dead") == 2);
    }
    SECTION("tested, and found to work") {
        result("channel.test", {{"name", "mail"}});
        REQUIRE(last.jobs.size() == 1);
        answer(last.jobs[0], kept);
        CHECK(begun(0ms).empty());
        // A test takes no place in the rate; what was tried before does.
        CHECK(begun(1h).size() == 1);
    }
}

TEST_CASE_METHOD(Deliveries, "deliveries: what waits is of the reminders that there are") {
    mail();
    result("user.set", {{"quiet_hours", "08:30-12:00"}});
    add("tea");
    CHECK(begun(1h).empty());
    REQUIRE(in_state("pending") == 1);
    SECTION("none any more") {
        result("task.update", {{"task", "1"}, {"remind", {"none"}}});
        CHECK(begun(48h).empty());
    }
    SECTION("for another time") {
        result("task.update", {{"task", "1"}, {"due", "2026-11-24 16:00"}});
        CHECK(begun(3h).empty());
        CHECK(begun(4h).size() == 1);
    }
    CHECK(in_state("suppressed") == 1);
}

TEST_CASE_METHOD(Deliveries, "deliveries: a digest that is tried again tells of nothing done") {
    mail({{"rate", {{"max", 1}, {"per_ms", 60'000}}}});
    add("one");
    add("two");
    auto sent = begun(1h);
    REQUIRE(sent.size() == 1);
    CHECK(result("delivery.list", {{"failed", true}, {"task", "1"}})["deliveries"].empty());
    SECTION("tried again by itself") {
        answer(sent[0], later);
        result("task.complete", {{"task", "1"}});
        result("task.complete", {{"task", "2"}});
        CHECK(begun(48h).empty());
        CHECK(in_state("suppressed") == 3);
    }
    SECTION("tried again by its user") {
        answer(sent[0], refused);
        const auto failed = result("delivery.list", {{"failed", true}, {"task", "1"}});
        REQUIRE(failed["deliveries"].size() == 1);
        CHECK(failed["deliveries"][0]["id"] == sent[0].delivery.str());
        result("task.complete", {{"task", "1"}});
        result("delivery.retry", {{"delivery", sent[0].delivery.str()}});
        CHECK(last.jobs.size() + begun(1min).size() == 1);  // the other one is open
    }
}

TEST_CASE_METHOD(Deliveries, "deliveries: a body that begins with a field is text") {
    const auto hook = [&](const std::string& kind, const std::string& body) {
        return json{
            {"name", "hook"}, {"kind", kind}, {"url", "https://example.org/topic"}, {"body", body}};
    };
    for (const char* body : {"{summary} is due", "[{project}] {summary}", " {summary}",
                             R"({"a": "{summary}"})", R"(["{summary}"])"})
        result("channel.set", hook("webhook", body));
    for (const char* body : {R"({"a": "{summary}")", R"({"n": {number}})"})
        CHECK(reason("channel.set", hook("webhook", body)) == "invalid_argument");
    result("channel.set", hook("ntfy", R"({"n": {number}})"));
}

TEST_CASE_METHOD(Deliveries, "deliveries: mail to an address that is not known any more") {
    mail();
    result("user.set", {{"email", ""}});
    add("tea");
    CHECK(begun(1h).empty());
    CHECK(deliveries()[0]["result"] ==
          "your own address is not known; taskctl config email ADDRESS");
}

TEST_CASE_METHOD(Deliveries, "deliveries: the default channel takes the place of removed ones") {
    mail();
    channel({{"name", "one"}, {"argv", {"true"}}});
    channel({{"name", "two"}, {"argv", {"true"}}});
    add("tea", {{"at", "in 1 hour"},
                {"remind", {"0m"}},
                {"channels", {"one", "two"}},
                {"escalate", "5m"},
                {"escalate_to", {"two"}}});
    const auto names = [&](std::chrono::milliseconds span) {
        std::vector<std::string> used;
        for (const auto& job : begun(span)) used.push_back(job.channel.name);
        std::sort(used.begin(), used.end());
        return used;
    };
    result("channel.remove", {{"name", "one"}});
    SECTION("not while one is left") {
        CHECK(names(1h) == std::vector<std::string>{"two"});
        CHECK(names(5min) == std::vector<std::string>{"two"});
    }
    SECTION("all") {
        result("channel.remove", {{"name", "two"}});
        CHECK(names(1h) == std::vector<std::string>{"mail"});
        CHECK(names(5min) == std::vector<std::string>{"mail"});
    }
    SECTION("all, and the default one too") {
        result("channel.remove", {{"name", "two"}});
        result("channel.remove", {{"name", "mail"}});
        CHECK(begun(1h).empty());
        CHECK(in_state("dead") == 2);
    }
}

TEST_CASE_METHOD(Deliveries, "deliveries: a channel stays the default until another one is") {
    mail();
    CHECK(result("channel.set", {{"name", "mail"}, {"kind", "email"}})["is_default"] == true);
    channel({{"name", "log"}, {"argv", {"true"}}, {"is_default", true}});
    CHECK_FALSE(
        result("channel.set", {{"name", "mail"}, {"kind", "email"}}).value("is_default", false));
}

TEST_CASE_METHOD(Deliveries, "deliveries: the failed ones of a task") {
    mail();
    add("one");
    add("two");
    for (const auto& job : begun(1h)) answer(job, refused);
    CHECK(result("delivery.list", {{"failed", true}})["deliveries"].size() == 2);
    CHECK(result("delivery.list", {{"failed", true}, {"task", "2"}})["deliveries"].size() == 1);
}

TEST_CASE_METHOD(Deliveries, "deliveries: an edit tells reminders otherwise") {
    mail();
    channel({{"name", "log"}, {"argv", {"true"}}});
    SECTION("those of a task") {
        add("tea");
    }
    SECTION("those of a series") {
        add("tea", {{"every", "day"}, {"at", "09:00"}, {"remind", {"0m"}}});
    }
    CHECK(reason("task.update", {{"task", "1"}, {"nag", "1s"}}) == "invalid_argument");
    result("task.update", {{"task", "1"}, {"nag", "5m"}});
    result("task.update", {{"task", "1"}, {"channels", {"log"}}});
    const auto sent = begun(1h);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].channel.name == "log");
    CHECK(begun(5min).size() == 1);
    // What it waits for already comes no later than by the new words.
    result("task.update", {{"task", "1"}, {"nag", "1m"}});
    CHECK(begun(1min).size() == 1);
    result("task.update", {{"task", "1"}, {"remind", json::array()}});
    CHECK(reason("task.update", {{"task", "1"}, {"nag", "5m"}}) == "failed_precondition");
}

TEST_CASE_METHOD(Deliveries, "deliveries: the reminders of a series can be others") {
    mail();
    add("tea", {{"every", "day"}, {"at", "10:00"}, {"remind", {"10m", "90m"}}});
    REQUIRE(begun(30min).size() == 1);  // 08:30
    const auto changed = result("task.update", {{"task", "1"}, {"remind", {"5m", "1h"}}});
    CHECK(changed["reminders"].size() == 2);
    CHECK(begun(30min).size() == 1);  // 09:00
    CHECK(begun(50min).empty());
    CHECK(begun(5min).size() == 1);    // 09:55
    CHECK(begun(23h + 4min).empty());  // until 08:59
    CHECK(begun(1min).size() == 1);
    CHECK(reason("task.update", {{"task", "1"}, {"remind", {"at start"}}}) == "invalid_argument");
    result("task.update", {{"task", "1"}, {"remind", {"none"}}});
    CHECK(begun(48h).empty());
    result("task.update", {{"task", "1"}, {"remind", {"10m"}}});
    CHECK(begun(24h).size() == 1);
}

TEST_CASE_METHOD(Deliveries, "deliveries: who adds a reminder that reaches nobody is told so") {
    const auto warnings = [&](json more = json::object()) {
        more["at"] = "in 3 days";
        if (!more.contains("remind")) more["remind"] = {"10m", "1h"};
        const auto added = add("x", more);
        return added.contains("warnings") ? added["warnings"] : json::array();
    };
    const std::string nobody = "reminders reach nobody yet: there is no default channel";
    REQUIRE(warnings().size() == 1);
    CHECK(warnings()[0].get<std::string>().find(nobody) == 0);
    CHECK(warnings({{"every", "day"}})[0].get<std::string>().find(nobody) == 0);
    CHECK(warnings({{"remind", {"none"}}}).empty());
    channel({{"name", "mail"}, {"kind", "email"}});
    CHECK(warnings().size() == 1);
    CHECK(warnings({{"channels", {"mail"}}}).empty());
    SECTION("not with a default channel") {
        mail();
        CHECK(warnings().empty());
    }
    SECTION("not while somebody reads the events") {
        result("consumer.create", {{"name", "screen"}});
        CHECK(warnings().empty());
    }
}

// Somebody's clock was wrong for a while, and what began by it must not wait for that time again.
struct SetBack : Deliveries {
    SetBack() {
        mail();
        clock.set_now(clock.now() + 72h);
        pass(0ms);
        last = {};
    }
    /// While the daemon runs, or not.
    void set_back(std::chrono::milliseconds span) {
        const bool runs = GENERATE(true, false);
        clock.set_now(clock.now() - span);
        if (!runs) crash();
        turn();  // the loop wakes when the clock is set
    }
};

TEST_CASE_METHOD(SetBack, "set back: a nag and an escalation come as they were told to") {
    channel({{"name", "phone"}, {"argv", {"true"}}});
    const std::string task =
        std::to_string(add("tea", {{"at", "in 1 hour"},
                                   {"remind", {"0m"}},
                                   {"nag", "5m"},
                                   {"escalate", "7m"},
                                   {"escalate_to", {"phone"}}})["task"]["number"]
                           .get<int>());
    const auto first = begun(1h);
    REQUIRE(first.size() == 1);
    answer(first[0], kept);
    set_back(72h);
    CHECK(begun(4min).empty());
    const auto nag = begun(1min);
    REQUIRE(nag.size() == 1);
    CHECK(nag[0].channel.name == "mail");
    CHECK(nag[0].notice.firing == "2");
    const auto escalation = begun(2min);
    REQUIRE(escalation.size() == 1);
    CHECK(escalation[0].channel.name == "phone");
}

TEST_CASE_METHOD(SetBack, "set back: also where the start itself has something to tell") {
    channel({{"name", "phone"}, {"argv", {"true"}}, {"retry", {{"attempts_max", 1}}}});
    add("tea",
        {{"at", "in 1 hour"}, {"remind", {"0m"}}, {"nag", "5m"}, {"channels", {"mail", "phone"}}});
    REQUIRE(begun(1h).size() == 2);
    clock.set_now(clock.now() - 72h);
    crash();  // what was under way on the phone was its last attempt
    turn();
    CHECK(count("SELECT count(*) FROM event WHERE type = 'delivery.failed'") == 1);
    std::vector<daemon::Job> nags;
    for (const auto& job : begun(5min))
        if (job.notice.firing == "2") nags.push_back(job);
    CHECK(nags.size() == 2);
}

TEST_CASE_METHOD(SetBack, "set back: a delivery is tried again after its wait") {
    add("tea");
    const auto first = begun(1h);
    REQUIRE(first.size() == 1);
    answer(first[0], later);
    set_back(72h);
    const auto again = begun(1h);
    REQUIRE_FALSE(again.empty());
    CHECK(again[0].delivery == first[0].delivery);
}

TEST_CASE_METHOD(SetBack, "set back: quiet hours are those of the day that it is") {
    result("user.set", {{"quiet_hours", "08:30-12:00"}});
    add("tea");
    CHECK(begun(1h).empty());  // 09:00, three days ahead
    REQUIRE(deliveries()[0]["result"] == "waits: quiet hours");
    set_back(72h);
    crash();  // looked at once more
    CHECK(begun(179min).empty());
    CHECK(begun(1min).size() == 1);
}

TEST_CASE_METHOD(SetBack, "set back: the agenda comes on the next day, and not twice on one") {
    result("user.set", {{"agenda", "07:30"}});
    add("tea", {{"at", "in 1 hour"}});
    pass(24h);
    REQUIRE(events("agenda.due").size() == 1);
    SECTION("by days") {
        set_back(72h);
        pass(24h);
        CHECK(events("agenda.due").size() == 2);
    }
    SECTION("by an hour") {
        set_back(1h);
        pass(23h);
        CHECK(events("agenda.due").size() == 1);
        pass(90min);
        CHECK(events("agenda.due").size() == 2);
    }
}

TEST_CASE_METHOD(SetBack, "set back: a lease ends when it would have") {
    result("consumer.create", {{"name", "screen"}, {"lease_ms", 60'000}});
    add("tea", json::object());
    const json fetch{{"name", "screen"}, {"member", "one"}};
    REQUIRE(result("consumer.fetch", fetch)["events"].size() >= 1);
    set_back(72h);
    pass(61s);
    CHECK(result("consumer.fetch", {{"name", "screen"}, {"member", "two"}})["events"].size() >= 1);
}
