// SPDX-License-Identifier: Apache-2.0
// The rules of users: each is applied once to each event that it matches, whatever is repeated.
#include "core/event_rule.h"

#include "tests/support/engine_fixture.h"

using namespace taskd;
using namespace std::chrono_literals;
using nlohmann::json;
using test::EngineFixture;

namespace {

struct Rules : EngineFixture {
    Rules() {
        result(
            "channel.set",
            {{"name", "phone"}, {"kind", "exec"}, {"argv", {"/bin/true"}}, {"is_default", true}});
    }
    json set(json params) { return result("rule.set", params)["rule"]; }
    json add_rule(const char* type, const json& task, const char* name = "") {
        return set({{"name", name}, {"types", {type}}, {"action", "add"}, {"task", task.dump()}});
    }
    json text_rule(const char* type, const char* action, const char* text) {
        return set({{"types", {type}}, {"action", action}, {"text", text}});
    }
    json publish(const char* type, const json& data, const char* id = nullptr) {
        json event{{"specversion", "1.0"},
                   {"type", type},
                   {"source", "/ci"},
                   {"subject", "7"},
                   {"data", data},
                   {"userid", "ada"},
                   {"id", id == nullptr ? "e" + std::to_string(++published_) : id}};
        auto reply = result("event.publish", {{"events", {event}}});
        for (auto& job : last.jobs) jobs.push_back(job);  // of what the turn before left
        return reply;
    }
    json rule(std::size_t index = 0) { return result("rule.list", json::object())["rules"][index]; }
    std::vector<std::string> tasks() {
        std::vector<std::string> list;
        const auto page = result("task.list", {{"sort", "number"}})["tasks"];
        for (const auto& task : page) list.push_back(task["summary"]);
        return list;
    }
    std::size_t told(const char* type) {
        return result("event.read", {{"after", 0}, {"limit", 1000}, {"types", {type}}})["events"]
            .size();
    }
    json error(const std::string& method, const json& params) {
        auto reply = call(method, params);
        CAPTURE(reply.dump());
        REQUIRE(reply.contains("error"));
        return reply["error"];
    }
    std::string field(json params) {
        params["types"] = params.value("types", json{"x"});
        return error("rule.set", params)["data"]["field"];
    }
    json letters() { return result("dead_letter.list", json::object())["dead_letters"]; }

    int published_ = 0;
};

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("rule: an event adds a task from a template, once however often it comes") {
    Rules t;
    t.add_rule("pr.opened", {{"summary", "Review {data.title}"},
                             {"project", "{data.repo}"},
                             {"tags", {"review"}},
                             {"due", "tomorrow 9am"},
                             {"tz", "Europe/Berlin"}});
    t.publish("pr.opened", {{"title", "Fix {it}"}, {"repo", "site"}}, "one");
    t.publish("pr.opened", {{"title", "Fix {it}"}, {"repo", "site"}}, "one");
    t.publish("pr.closed", {{"title", "another"}});
    CHECK(t.tasks() == Words{"Review Fix {it}"});
    const auto task = t.result("task.get", {{"task", "1"}})["task"];
    CHECK(task["project"] == "site");
    CHECK(task["due"]["local"] == "2026-11-25T09:00:00");
    CHECK(t.rule()["applied"] == 1);
}

TEST_CASE("rule: only the events with the wanted data") {
    Rules t;
    t.set({{"types", {"build.*"}},
           {"where", {"status=failed", "minutes>=5"}},
           {"action", "add"},
           {"task", json{{"summary", "{type} {data.minutes}"}}.dump()}});
    t.publish("build.finished", {{"status", "ok"}, {"minutes", 9}});
    t.publish("build.finished", {{"status", "failed"}, {"minutes", 2}});
    t.publish("build.finished", {{"status", "failed"}, {"minutes", 5}});
    CHECK(t.tasks() == Words{"build.finished 5"});
}

TEST_CASE("rule: an event of taskd's own sets it off in the same turn") {
    Rules t;
    t.add_rule("task.completed", {{"summary", "Tell of {data.payload.summary}"}});
    t.result("task.add", {{"summary", "the thing"}});
    t.result("task.complete", {{"task", "1"}});
    CHECK(t.tasks() == Words{"Tell of the thing"});
    const auto page =
        t.result("event.read", {{"after", 0}, {"limit", 100}, {"types", {"task.created"}}});
    const std::string id = t.rule()["id"];
    CHECK(page["events"][1]["rulechain"] == id.substr(0, 8));
    CHECK_FALSE(page["events"][0].contains("rulechain"));
}

TEST_CASE("rule: the matching task is done, by its title, its number or its id") {
    Rules t;
    t.result("task.add", {{"summary", "Review A"}});
    t.result("task.add", {{"summary", "Review A"}});
    const auto third = t.result("task.add", {{"summary", "other"}})["task"]["id"];
    t.text_rule("pr.merged", "done", "Review {data.title}");
    t.text_rule("pr.dropped", "cancel", "{data.task}");
    t.publish("pr.merged", {{"title", "A"}});
    CHECK(t.tasks() == Words{"Review A", "other"});
    CHECK(t.result("task.get", {{"task", "1"}})["task"]["status"] == "completed");
    t.publish("pr.dropped", {{"task", third}});
    CHECK(t.result("task.get", {{"task", "3"}})["task"]["status"] == "cancelled");
    t.publish("pr.dropped", {{"task", 2}});
    CHECK(t.tasks() == Words{});
    t.publish("pr.merged", {{"title", "never heard of"}});  // nothing to do is no failure
    CHECK(t.letters().empty());
}

TEST_CASE("rule: one that finds no open task has done nothing, and is not counted") {
    Rules t;
    t.text_rule("build.ok", "done", "Fix the build");
    t.publish("build.ok", json::object());
    CHECK(t.rule()["applied"] == 0);
    t.result("task.add", {{"summary", "Fix the build"}});
    t.publish("build.ok", json::object());
    CHECK(t.rule()["applied"] == 1);
    CHECK(t.tasks().empty());
}

TEST_CASE("rule: a task that can't be added is refused with the rule, not with its first event") {
    Rules t;
    const auto refused = [&](const json& task) {
        return t.field({{"action", "add"}, {"task", task.dump()}});
    };
    CHECK(refused({{"summary", "x"}, {"due", "nonsense"}}) == "task.due");
    CHECK(refused({{"summary", "{data.t}"}, {"remind", {"1h"}}}) == "task.remind");
    CHECK(t.count("SELECT count(*) FROM task") == 0);
    CHECK(t.told("task.created") == 0);
    t.add_rule("x", {{"summary", "{data.t}"}, {"due", "{data.when}"}, {"remind", {"1h"}}});
    t.publish("x", {{"t", "Call"}, {"when", "tomorrow 9am"}});
    CHECK(t.tasks() == Words{"Call"});
}

TEST_CASE("rule: a text goes to the default channel or to a named one") {
    Rules t;
    t.text_rule("x", "notify", "{type} of {subject}");
    t.publish("x", {{"a", 1}});
    t.pass(0ms);
    CHECK(t.told("rule.notified") == 1);
    CHECK(t.count("SELECT count(*) FROM delivery WHERE channel = 'phone'") == 1);
    const auto page =
        t.result("event.read", {{"after", 0}, {"limit", 100}, {"types", {"rule.notified"}}});
    CHECK(page["events"][0]["data"]["payload"]["summary"] == "x of 7");
    REQUIRE(t.jobs.size() == 1);
    CHECK(t.jobs[0].notice.summary == "x of 7");
}

TEST_CASE("rule: a command runs with the event as its input, one after the other") {
    Rules t;
    t.set({{"types", {"x"}},
           {"name", "deploy"},
           {"action", "run"},
           {"command", {{"argv", {"deploy"}}, {"directory", "/srv"}}}});
    t.publish("x", {{"a", "1"}});
    t.publish("x", {{"a", "2"}});
    t.pass(0ms);
    REQUIRE(t.jobs.size() == 1);
    const auto job = t.jobs[0];
    CHECK(json::parse(job.event)["data"]["a"] == "1");
    const auto has = [&](const char* name, const char* value) {
        return std::find(job.variables.begin(), job.variables.end(),
                         std::pair<std::string, std::string>(name, value)) != job.variables.end();
    };
    CHECK(has("TASKD_EVENT_TYPE", "x"));
    CHECK(has("TASKD_WHY", "rule"));
    t.jobs.clear();
    daemon::JobResult done{job.user, job.delivery, {true, false, "exit 0", "", 5ms}, {}, {}};
    done.is_command = true;
    t.turn({}, {done});
    t.jobs.insert(t.jobs.end(), t.last.jobs.begin(), t.last.jobs.end());
    t.pass(0ms);
    REQUIRE(t.jobs.size() == 1);
    CHECK(json::parse(t.jobs[0].event)["data"]["a"] == "2");
    CHECK(t.result("command.runs", json::object())["runs"].size() == 2);
}

TEST_CASE("rule: what it runs is let go when it is removed") {
    Rules t;
    t.set({{"types", {"x"}},
           {"name", "deploy"},
           {"action", "run"},
           {"command", {{"argv", {"deploy"}}, {"directory", "/srv"}}}});
    t.publish("x", {{"a", 1}});
    t.result("rule.remove", {{"name", "deploy"}});
    t.pass(0ms);
    CHECK(t.jobs.empty());
    CHECK(t.count("SELECT count(*) FROM delivery WHERE state = 'suppressed'") == 1);
    t.publish("x", {{"a", 1}});
    CHECK(t.count("SELECT count(*) FROM delivery") == 1);
}

TEST_CASE("rule: it is not applied to what it did, and a chain of them ends") {
    Rules t;
    SECTION("one for everything is applied once to each event of others") {
        t.text_rule("*", "notify", "{type}");
        t.result("task.add", {{"summary", "a"}});
        CHECK(t.told("rule.notified") == 1);
        CHECK(t.letters().empty());
    }
    SECTION("nor by way of what a channel answered") {
        t.text_rule("delivery.succeeded", "notify", "sent");
        t.result("channel.test", {{"name", "phone"}});
        t.jobs = t.last.jobs;
        for (int round = 0; round < 20; ++round) {
            t.pass(0ms);
            for (const auto& job : std::exchange(t.jobs, {})) {
                daemon::JobResult sent{job.user, job.delivery, {true, false, "ok", ""}, {}, {}};
                t.turn({}, {sent});
                t.jobs.insert(t.jobs.end(), t.last.jobs.begin(), t.last.jobs.end());
            }
        }
        CHECK(t.told("rule.notified") == 1);
    }
    SECTION("two that set each other off") {
        t.add_rule("task.created", {{"summary", "a"}}, "a");
        t.add_rule("task.created", {{"summary", "b"}}, "b");
        t.result("task.add", {{"summary", "root"}});
        CHECK(t.tasks() == Words{"root", "a", "b", "b", "a"});
    }
    SECTION("no more than four in a row") {
        for (int i = 0; i < 10; ++i) {
            const std::string text = "t" + std::to_string(i);
            t.set({{"types", {"task.created"}},
                   {"name", "r" + std::to_string(i)},
                   {"where", {"payload.summary=" + text}},
                   {"action", "add"},
                   {"task", json{{"summary", "t" + std::to_string(i + 1)}}.dump()}});
        }
        t.result("task.add", {{"summary", "t0"}});
        CHECK(t.tasks().size() == 5);
        REQUIRE(t.letters().size() == 1);
        const std::string reason = t.letters()[0]["reason"];
        CHECK(reason.find("4 times in a row") != std::string::npos);
        CHECK(t.rule(4)["failed"] == 1);
    }
}

TEST_CASE("rule: nor by way of a reminder of the task that it made") {
    Rules t;
    t.add_rule(
        "reminder.due",
        {{"summary", "again"}, {"due", "in 1 minute"}, {"remind", {"at due"}}, {"tz", "UTC"}});
    t.result("task.add",
             {{"summary", "first"}, {"due", "in 1 minute"}, {"remind", {"at due"}}, {"tz", "UTC"}});
    for (int minute = 0; minute < 10; ++minute) t.pass(1min);
    CHECK(t.tasks() == Words{"first", "again"});
    CHECK(t.told("reminder.due") == 2);
}

TEST_CASE("rule: a chain that somebody else wrote is not believed") {
    Rules t;
    const std::string id = t.add_rule("x", {{"summary", "heard"}})["id"];
    json event{{"specversion", "1.0"},
               {"type", "x"},
               {"source", "/ci"},
               {"id", "1"},
               {"userid", "ada"},
               {"data", {{"a", 1}}},
               {"rulechain", id.substr(0, 8)}};
    t.result("event.publish", {{"events", {event}}});
    CHECK(t.tasks() == Words{"heard"});
}

TEST_CASE("rule: texts keep their letters, numbers their digits") {
    Rules t;
    t.add_rule("x", {{"summary", "Prüfe {data.a} {data.n} {data.f} {data.b}"}});
    t.text_rule("y", "done", "Prüfe Füße 1234567890123456789 1.5 true");
    t.publish("x", {{"a", "Füße"}, {"n", 1234567890123456789}, {"f", 1.5}, {"b", true}});
    CHECK(t.tasks() == Words{"Prüfe Füße 1234567890123456789 1.5 true"});
    t.publish("y", {{"a", 1}});
    CHECK(t.tasks() == Words{});
}

TEST_CASE("rule: a title that begins like an id means no other task") {
    Rules t;
    const std::string id = t.result("task.add", {{"summary", "other"}})["task"]["id"];
    t.text_rule("x", "done", "{data.title}");
    t.publish("x", {{"title", id.substr(0, 6)}});
    CHECK(t.tasks() == Words{"other"});
}

TEST_CASE("rule: a template that grows without measure is refused") {
    Rules t;
    t.add_rule("x", {{"summary", "s"}, {"tags", json(std::vector<std::string>(100, "{data.a}"))}});
    t.publish("x", {{"a", std::string(60'000, 'x')}});
    REQUIRE(t.letters().size() == 1);
    CHECK(t.tasks() == Words{});
}

TEST_CASE("rule: paused while it waits to be tried again, it is not") {
    Rules t;
    t.set({{"types", {"x"}},
           {"name", "r"},
           {"action", "notify"},
           {"text", "t"},
           {"channel", "phone"}});
    t.result("channel.remove", {{"name", "phone"}});
    t.publish("x", {{"a", 1}});
    CHECK(t.rule()["failed"] == 1);
    t.result("rule.pause", {{"name", "r"}});
    t.result("channel.set", {{"name", "phone"}, {"kind", "exec"}, {"argv", {"/bin/true"}}});
    t.pass(1h);
    CHECK(t.told("rule.notified") == 0);
    REQUIRE(t.letters().size() == 1);
    t.result("rule.resume", {{"name", "r"}});
    t.result("dead_letter.retry", {{"all", true}});
    t.pass(1min);
    CHECK(t.told("rule.notified") == 1);
}

TEST_CASE("rule: many for everything end, and say so once") {
    Rules t;
    for (int i = 0; i < 30; ++i) t.text_rule("*", "notify", "{type}");
    t.result("task.add", {{"summary", "a"}});
    CHECK(t.told("rule.notified") == core::rule_effects_max);
    REQUIRE(t.letters().size() == 1);
    const std::string reason = t.letters()[0]["reason"];
    CHECK(reason.find("200 things because of one event") != std::string::npos);
}

TEST_CASE("rule: what came before it in its own turn is not its business") {
    Rules t;
    t.turn({t.request("task.add", {{"summary", "early"}}, "ada", true),
            t.request("rule.set",
                      {{"types", {"task.created"}}, {"action", "notify"}, {"text", "heard"}}, "ada",
                      true),
            t.request("task.add", {{"summary", "late"}}, "ada", true)});
    CHECK(t.told("rule.notified") == 1);
}

TEST_CASE("rule: one that fails takes nothing along and is a dead letter, to be tried again") {
    Rules t;
    t.add_rule("x", {{"summary", "{data.title}"}}, "broken");
    t.add_rule("x", {{"summary", "good"}}, "good");
    t.publish("x", {{"a", 1}});
    CHECK(t.tasks() == Words{"good"});
    REQUIRE(t.letters().size() == 1);
    CHECK(t.letters()[0]["reason"] == "data.title: the event has no such field");
    CHECK(t.rule(0)["failed"] == 1);
    CHECK(t.rule(0)["last_error"] == "data.title: the event has no such field");
    // It is found by its mark, and fails again.
    t.result("dead_letter.retry", {{"all", true}});
    t.pass(0ms);
    CHECK(t.letters().size() == 1);
    CHECK(t.rule(0)["failed"] == 2);
    // Whoever removed it wants none of it.
    t.result("rule.remove", {{"name", "broken"}});
    t.result("dead_letter.retry", {{"all", true}});
    t.pass(0ms);
    CHECK(t.letters().empty());
    CHECK(t.tasks() == Words{"good"});
}

TEST_CASE("rule: what fails for a while is tried again by a timer") {
    daemon::Settings settings;
    settings.quotas.tasks = 1;
    Rules t;
    t.settings.quotas.tasks = 1;
    t.boot();
    t.result("task.add", {{"summary", "first"}});
    t.add_rule("x", {{"summary", "second"}});
    t.publish("x", {{"a", 1}});
    CHECK(t.letters().empty());
    CHECK(t.rule()["failed"] == 1);
    t.settings.quotas.tasks = 10;
    t.boot();
    t.pass(10min);
    CHECK(t.tasks() == Words{"first", "second"});
    CHECK(t.rule()["applied"] == 1);
    CHECK_FALSE(t.rule().contains("last_error"));
}

TEST_CASE("rule: paused it is not applied, resumed it is, and what came meanwhile is not made up") {
    Rules t;
    t.add_rule("x", {{"summary", "{id}"}}, "r");
    t.result("rule.pause", {{"name", "r"}});
    t.publish("x", {{"a", 1}}, "while");
    t.result("rule.resume", {{"name", "r"}});
    t.publish("x", {{"a", 1}}, "after");
    CHECK(t.tasks() == Words{"after"});
    CHECK(t.error("rule.resume", {{"name", "r"}})["data"]["reason"] == "failed_precondition");
    CHECK(t.error("rule.pause", {{"name", "s"}})["data"]["reason"] == "not_found");
}

TEST_CASE("rule: the same again changes nothing, names are given when none is") {
    Rules t;
    CHECK(t.add_rule("x", {{"summary", "a"}})["name"] == "rule-1");
    CHECK(t.add_rule("x", {{"summary", "a"}})["name"] == "rule-2");
    const json same{{"name", "n"}, {"types", {"x"}}, {"action", "notify"}, {"text", "t"}};
    t.set(same);
    CHECK(t.result("rule.set", same)["unchanged"] == true);
    json other = same;
    other["text"] = "u";
    CHECK(t.error("rule.set", other)["data"]["reason"] == "conflict");
}

TEST_CASE("rule: what can't be is refused by its name") {
    Rules t;
    CHECK(t.field({{"action", "notify"}, {"text", ""}}) == "text");
    CHECK(t.field({{"action", "notify"}, {"text", "{nothing}"}}) == "text");
    CHECK(t.field({{"action", "notify"}, {"text", "a"}, {"channel", "none"}}) == "channel");
    CHECK(t.field({{"action", "notify"}, {"text", "a"}, {"task", "{}"}}) == "task");
    CHECK(t.field({{"action", "add"}}) == "task");
    CHECK(t.field({{"action", "add"}, {"task", "["}}) == "task");
    CHECK(t.field({{"action", "add"}, {"task", R"({"summary":"a","every":"day"})"}}) ==
          "task.every");
    CHECK(t.field({{"action", "add"}, {"task", R"({"summary":"{oops}"})"}}) == "task.summary");
    CHECK(t.field({{"action", "add"}, {"task", R"({"summary":5})"}}) == "summary");
    CHECK(t.field({{"action", "run"}}) == "command.argv");
    CHECK(t.field({{"action", "dance"}}) == "action");
    CHECK(t.field({{"action", "notify"}, {"text", "a"}, {"types", json::array()}}) == "types");
    CHECK(t.field({{"action", "notify"}, {"text", "a"}, {"where", {"="}}}) == "where");
    CHECK(t.field({{"action", "notify"}, {"text", "a"}, {"name", "a b"}}) == "name");
    CHECK(t.count("SELECT count(*) FROM event_rule") == 0);
}

TEST_CASE("rule: hostile data fills a title and no more") {
    Rules t;
    t.add_rule("x", {{"summary", "{data.title}"}}, "r");
    t.publish("x", {{"title", std::string(100'000, 'x')}});
    t.publish("x", {{"title", "{data.title}\n\u001b[2J"}});
    REQUIRE(t.tasks().size() == 2);
    CHECK(t.tasks()[0].size() <= core::summary_bytes_max);
    CHECK(t.tasks()[1] == "{data.title}  [2J");
    t.publish("x", {{"title", ""}});
    CHECK(t.letters().size() == 1);
}

TEST_CASE("rule: another user's events do not set it off") {
    Rules t;
    t.add_rule("task.created", {{"summary", "heard"}});
    t.result("task.add", {{"summary", "bob's"}}, "bob");
    CHECK(t.tasks() == Words{});
}

TEST_CASE("rule: applied with its event or not at all, over a crash") {
    Rules t;
    t.add_rule("x", {{"summary", "{id}"}});
    t.publish("x", {{"a", 1}}, "kept");
    t.crash();
    t.boot();
    t.publish("x", {{"a", 1}}, "kept");
    CHECK(t.tasks() == Words{"kept"});
}

TEST_CASE("rule: what a start writes about the process before it sets it off, too") {
    Rules t;
    t.text_rule("delivery.failed", "notify", "{type}");
    t.result("channel.test", {{"name", "phone"}});
    t.crash();  // while the channel's program runs, whose only attempt this was
    t.boot();
    CHECK(t.told("delivery.failed") == 1);
    CHECK(t.told("rule.notified") == 1);
}

TEST_CASE("rule: fields of an event in a text") {
    const core::EventField field = [](std::string_view name) -> std::optional<std::string> {
        if (name == "type") return "t";
        if (name == "data.a-b.c") return "{type}";
        return {};
    };
    CHECK(*core::fill_event_text("{type}: {data.a-b.c} {{type}} { } {", field) ==
          "t: {type} {type} { } {");
    CHECK(core::fill_event_text("{data.none}", field).error().field == "data.none");
    CHECK(core::check_event_text("text", "{data.}").error().field == "text");
    CHECK(core::check_event_text("text", std::string(5000, 'x')).error().field == "text");
    CHECK(core::check_event_text("text", "{\"json\": {data.x}}").has_value());
}
