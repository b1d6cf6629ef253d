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
    channel({{"name", "mail"}, {"kind", "email"}, {"is_default", true}});
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
    channel({{"name", "mail"}, {"kind", "email"}, {"is_default", true}});
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
    channel({{"name", "mail"}, {"kind", "email"}, {"is_default", true}});
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
    channel({{"name", "mail"},
             {"kind", "email"},
             {"is_default", true},
             {"rate", {{"max", 2}, {"per_ms", 60'000}}}});
    for (int i = 1; i <= 7; ++i) add("task " + std::to_string(i));
    auto sent = begun(1h);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].notice.summary == "7 reminders");
    CHECK(sent[0].notice.count == "7");
    CHECK(sent[0].notice.text.find("- task 7, Tue 2026-11-24 09:00") != std::string::npos);
    CHECK(in_state("suppressed") == 7);
    for (const auto& one : deliveries())
        if (one["state"] == "suppressed") CHECK(one["digest_id"] == sent[0].delivery.str());
    REQUIRE(events("reminder.digest").size() == 1);
    answer(sent[0], kept);
    CHECK(in_state("succeeded") == 1);
    CHECK(begun(24h).empty());
}

TEST_CASE_METHOD(Deliveries, "deliveries: past its rate a channel waits for the window's end") {
    channel({{"name", "mail"},
             {"kind", "email"},
             {"is_default", true},
             {"rate", {{"max", 1}, {"per_ms", 60'000}}}});
    add("first", {{"at", "in 1 hour"}, {"remind", {"0m"}}});
    add("second", {{"at", "in 3610 seconds"}, {"remind", {"0m"}}});
    add("third", {{"at", "in 3620 seconds"}, {"remind", {"0m"}}});
    auto sent = begun(1h);
    REQUIRE(sent.size() == 1);
    answer(sent[0], kept);
    CHECK(begun(30s).empty());
    CHECK(in_state("suppressed") == 2);
    sent = begun(30s);
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].notice.summary == "2 reminders");
}

TEST_CASE_METHOD(Deliveries, "deliveries: a digest goes on after a crash, with all it has") {
    channel({{"name", "mail"},
             {"kind", "email"},
             {"is_default", true},
             {"rate", {{"max", 1}, {"per_ms", 60'000}}}});
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
    channel({{"name", "mail"},
             {"kind", "email"},
             {"is_default", true},
             {"retry", {{"attempts_max", 2}, {"backoff_ms", 1000}, {"backoff_max_ms", 1000}}}});
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
    result("reminder.default_set", {{"scope", "user"}});
    CHECK(reminders(json::object()).empty());
}

TEST_CASE_METHOD(Deliveries, "deliveries: the agenda comes once a day, also after days off") {
    channel({{"name", "mail"}, {"kind", "email"}, {"is_default", true}});
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
    CHECK(sent[0].notice.text.find("- tea, Thu 2026-11-26 18:00, overdue") != std::string::npos);
    result("user.set", {{"agenda", ""}});
    CHECK(begun(24h * 5).empty());
}

TEST_CASE_METHOD(Deliveries, "deliveries: explain tells the story of a reminder") {
    channel({{"name", "mail"}, {"kind", "email"}, {"is_default", true}});
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
    answer(sent[0], later);
    CHECK(delivery(id)["state"] == "dead");
    CHECK(begun(24h).empty());
    CHECK(reason("channel.test", {{"name", "mial"}}) == "not_found");
}
