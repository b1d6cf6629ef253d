// SPDX-License-Identifier: Apache-2.0
// Durable calls and the roles of a Dapr system, on a manual clock and a real store.
#include "tests/support/engine_fixture.h"

#include <catch2/catch.hpp>

#include <utility>

namespace taskd::daemon {
namespace {

using nlohmann::json;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

Settings remote() {
    Settings settings;
    settings.roles.recurring = Roles::Recurring::remote;
    settings.roles.notification = true;
    settings.roles.backend_app = "tasks";
    settings.roles.pubsub = "bus";
    return settings;
}

core::Outcome answered(int status, const json& body = json::object()) {
    core::Outcome outcome;
    outcome.succeeded = status < 400;
    outcome.retryable = core::is_retryable_status(status);
    outcome.blames_callee = outcome.retryable;
    outcome.status = status;
    outcome.result = "answered " + std::to_string(status);
    outcome.answer = body.dump();
    return outcome;
}

core::Outcome no_sidecar() {
    core::Outcome outcome;
    outcome.retryable = true;
    outcome.result = "nothing listens there";
    return outcome;
}

class System : public test::EngineFixture {
public:
    explicit System(Settings wanted = remote()) : EngineFixture(std::move(wanted)) {}

    json completed(const json& task, const std::string& event_id, const json& more = {}) {
        json payload{{"title", "Daily standup"},
                     {"recurring_pattern", "DAILY"},
                     {"completed_at", "2027-03-01T09:00:00Z"}};
        if (more.is_object()) payload.update(more);
        return deliver({{"event_id", event_id},
                        {"event_type", "task.completed"},
                        {"task_id", task},
                        {"user_id", "ada"},
                        {"payload", payload}});
    }
    json reminder(const std::string& event_id, const std::string& user = "ada") {
        return deliver({{"event_id", event_id},
                        {"event_type", "reminder.due"},
                        {"task_id", 17},
                        {"user_id", user},
                        {"payload", {{"title", "Pay rent"}, {"due_at", "2027-03-01T09:00:00Z"}}}},
                       user);
    }
    json deliver(const json& data, const std::string& user = "ada") {
        const json event{{"specversion", "1.0"},
                         {"source", "other"},
                         {"type", "com.dapr.event.sent"},
                         {"id", data.value("event_id", "x")},
                         {"data", data}};
        return ask("event.publish", {{"events", {event}}, {"each", true}, {"keep_refused", "t"}},
                   user);
    }
    /// A request whose turn may begin jobs.
    json ask(const std::string& method, const json& params, const std::string& user = "ada") {
        auto reply = result(method, params, user);
        gather();
        return reply;
    }
    void gather() { jobs.insert(jobs.end(), last.jobs.begin(), last.jobs.end()); }

    /// Starts what is due, and gives what was begun since the last look.
    std::vector<Job> begun(milliseconds wait = milliseconds{0}) {
        pass(wait);
        return std::exchange(jobs, {});
    }
    Job one_job(milliseconds wait = milliseconds{0}) {
        auto all = begun(wait);
        REQUIRE(all.size() == 1);
        return all.front();
    }
    bool is_idle(milliseconds wait = milliseconds{0}) { return begun(wait).empty(); }
    void finish(const Job& job, core::Outcome outcome) {
        turn({}, {{job.user, job.delivery, std::move(outcome)}});
        gather();
    }
    json letters(const std::string& user = "ada") {
        return result("dead_letter.list", json::object(), user)["dead_letters"];
    }
    std::vector<json> events(const std::string& type) {
        const auto page = result("event.read", {{"after", 0}, {"types", {type}}});
        return page["events"].get<std::vector<json>>();
    }
};

TEST_CASE("a completed task is asked for once, whatever comes again") {
    System system;
    system.completed(17, "e-1");
    system.completed(17, "e-1");
    system.completed(17, "e-2");  // another event of the same completion
    const auto job = system.one_job();
    REQUIRE(job.call);
    CHECK(job.call->path == "/v1.0/invoke/tasks/method/api/tasks");
    CHECK(json::parse(job.call->body) == json{{"title", "Daily standup"},
                                              {"user_id", "ada"},
                                              {"recurring_pattern", "DAILY"},
                                              {"next_occurrence", "2027-03-02T09:00:00Z"},
                                              {"parent_task_id", 17}});
    system.finish(job, answered(201, {{"id", 18}}));
    REQUIRE(system.events("task.created").size() == 1);
    const auto data = system.events("task.created")[0]["data"];
    CHECK(data["task_id"] == 18);
    CHECK(data["payload"] == json{{"parent_task_id", 17}});
    CHECK(system.is_idle());
}

TEST_CASE("a number and the same digits as a text are two tasks") {
    System system;
    system.completed(17, "e-1");
    system.completed("17", "e-2", {{"title", "Another"}});
    CHECK(system.begun().size() == 2);
}

TEST_CASE("the chain's first date holds over answers of the backend") {
    System system;
    const json monthly{{"recurring_pattern", "MONTHLY"}, {"completed_at", "2027-01-31T09:00:00Z"}};
    system.completed(1, "e-1", monthly);
    auto job = system.one_job();
    CHECK(json::parse(job.call->body)["next_occurrence"] == "2027-02-28T09:00:00Z");
    system.finish(job, answered(201, {{"id", 2}}));
    system.completed(2, "e-2",
                     {{"recurring_pattern", "MONTHLY"}, {"completed_at", "2027-02-28T09:00:00Z"}});
    job = system.one_job();
    CHECK(json::parse(job.call->body)["next_occurrence"] == "2027-03-31T09:00:00Z");
}

TEST_CASE("a task completed before the answer that tells its id waits for it") {
    System system;
    system.completed(1, "e-1",
                     {{"recurring_pattern", "MONTHLY"}, {"completed_at", "2027-01-31T09:00:00Z"}});
    const auto job = system.one_job();
    system.completed(2, "e-2",
                     {{"recurring_pattern", "MONTHLY"}, {"completed_at", "2027-02-28T09:00:00Z"}});
    CHECK(system.is_idle());
    system.finish(job, answered(201, {{"id", 2}}));
    CHECK(json::parse(system.one_job(seconds{5}).call->body)["next_occurrence"] ==
          "2027-03-31T09:00:00Z");
}

TEST_CASE("a crash between any two steps makes neither none nor two") {
    System system;
    system.completed(17, "e-1");
    const auto key = system.one_job().call->key;
    system.crash();  // while it was under way
    const auto job = system.one_job(minutes{2});
    CHECK(job.call->key == key);
    system.finish(job, answered(201, {{"id", 18}}));
    system.crash();
    system.completed(17, "e-1");
    CHECK(system.is_idle());
    CHECK(system.events("task.created").size() == 1);
}

TEST_CASE("who refuses for good makes a dead letter, which can be tried again") {
    System system;
    system.completed(17, "e-1");
    system.finish(system.one_job(), answered(422));
    auto letters = system.letters();
    REQUIRE(letters.size() == 1);
    CHECK(letters[0]["origin"] == "delivery");
    CHECK(letters[0]["reason"] == "invoke tasks POST api/tasks: answered 422");
    CHECK(letters[0]["event"]["type"] == "task.completed");
    CHECK(system.is_idle());
    system.ask("dead_letter.retry", {{"ids", {letters[0]["id"]}}});
    CHECK(system.letters().empty());
    system.finish(system.one_job(), answered(201, {{"id", 18}}));
    CHECK(system.events("task.created").size() == 1);
}

TEST_CASE("an answer without an id is a dead letter too") {
    System system;
    system.completed(17, "e-1");
    system.finish(system.one_job(), answered(200));
    REQUIRE(system.letters().size() == 1);
    CHECK(system.letters()[0]["reason"].get<std::string>().find("without the id") !=
          std::string::npos);
}

TEST_CASE("a call is tried until its time is over") {
    auto settings = remote();
    settings.roles.keep_trying = hours{1};
    System system(settings);
    system.completed(17, "e-1");
    int attempts = 0;
    for (int step = 0; step < 3600 * 2; ++step) {
        for (const auto& job : system.begun(seconds{1})) {
            ++attempts;
            system.finish(job, no_sidecar());
        }
    }
    CHECK(attempts > 60);  // at most a minute apart
    REQUIRE(system.letters().size() == 1);
    CHECK(system.letters()[0]["reason"].get<std::string>().find("nothing listens there") !=
          std::string::npos);
}

TEST_CASE("five failures in a row open the circuit of the app, for all of its calls") {
    System system;
    for (int i = 0; i < 8; ++i)
        system.completed(100 + i, "e-" + std::to_string(i), {{"title", std::to_string(i)}});
    const auto jobs = system.begun();
    REQUIRE(jobs.size() == 8);
    for (std::size_t i = 0; i < 5; ++i) system.finish(jobs[i], answered(503));
    const auto breaker = [&] {
        return system.call("admin.health", json::object(), "ada", true)["result"]["breakers"][0];
    };
    CHECK(breaker()["state"] == "open");
    CHECK(system.call("dapr.breaker", {{"app", "tasks"}}, "ada", true)["result"]["wait_ms"] ==
          60'000);
    CHECK(system.is_idle(seconds{59}));
    const auto probe = system.one_job(seconds{2});
    CHECK(breaker()["state"] == "half-open");
    system.finish(probe, answered(201, {{"id", 1}}));
    CHECK(breaker()["state"] == "closed");
    CHECK(system.begun(minutes{2}).size() >= 4);
}

TEST_CASE("a sidecar that is away says nothing of the app behind it") {
    System system;
    for (int i = 0; i < 8; ++i)
        system.completed(100 + i, "e-" + std::to_string(i), {{"title", std::to_string(i)}});
    const auto jobs = system.begun();
    REQUIRE(jobs.size() == 8);
    for (std::size_t i = 0; i < 4; ++i) system.finish(jobs[i], answered(503));
    for (std::size_t i = 4; i < 7; ++i) system.finish(jobs[i], no_sidecar());
    const auto breaker = [&] {
        return system.call("admin.health", json::object(), "ada", true)["result"]["breakers"][0];
    };
    CHECK(breaker()["state"] == "closed");
    CHECK(breaker()["failures"] == 4);
    system.finish(jobs[7], answered(503));
    CHECK(breaker()["state"] == "open");
}

TEST_CASE("a client's own calls share the circuit, and other users see nothing of it") {
    System system;
    for (int i = 0; i < 5; ++i) {
        CHECK_FALSE(system.result("dapr.breaker", {{"app", "billing"}}).contains("wait_ms"));
        system.result("dapr.breaker", {{"app", "billing"}, {"outcome", "failed"}});
    }
    CHECK(system.result("dapr.breaker", {{"app", "billing"}})["wait_ms"] > 0);
    CHECK_FALSE(system.result("dapr.breaker", {{"app", "other"}}).contains("wait_ms"));
    CHECK_FALSE(system.result("admin.health", json::object()).contains("breakers"));
    // An operator's calls and the daemon's own have one circuit.
    CHECK_FALSE(system.call("dapr.breaker", {{"app", "billing"}}, "ada", true)["result"].contains(
        "wait_ms"));
    for (int i = 0; i < 5; ++i)
        system.call("dapr.breaker", {{"app", "billing"}, {"outcome", "failed"}}, "ada", true);
    system.result("dapr.invoke", {{"app", "billing"}, {"path", "x"}});
    CHECK(system.is_idle());
    CHECK(system.reason("dapr.breaker", {{"app", ""}}) == "invalid_argument");
    CHECK(system.reason("dapr.breaker", {{"app", "a"}, {"outcome", "maybe"}}) ==
          "invalid_argument");
}

TEST_CASE("Retry-After is honoured") {
    System system;
    system.completed(17, "e-1");
    auto outcome = answered(429);
    outcome.retry_after = seconds{90};
    system.finish(system.one_job(), outcome);
    CHECK(system.is_idle(seconds{89}));
    CHECK_FALSE(system.is_idle(seconds{2}));
}

TEST_CASE("a reminder is mailed in three steps, each once") {
    System system;
    system.reminder("r-1");
    auto job = system.one_job();
    CHECK(job.call->path == "/v1.0/invoke/tasks/method/api/users/ada");
    system.finish(job, answered(200, {{"id", "ada"}, {"email", "ada@example.org"}}));
    job = system.one_job();
    CHECK(job.call->kind == core::Call::Kind::email);
    CHECK(job.call->target == "ada@example.org");
    CHECK(job.call->method == "Reminder: Pay rent");
    CHECK(job.call->body == "Task 'Pay rent' is due at 2027-03-01T09:00:00Z");
    system.reminder("r-1");
    system.finish(job, {false, false, "550 no such mailbox", {}});
    CHECK(system.is_idle());
    REQUIRE(system.letters().size() == 1);
    system.ask("dead_letter.retry", {{"ids", {system.letters()[0]["id"]}}});
    job = system.one_job();
    system.finish(job, {true, false, "250 ok", {}});
    job = system.one_job();
    CHECK(job.call->path == "/v1.0/invoke/tasks/method/api/tasks/17/reminder-sent");
    CHECK(job.call->body == R"({"reminder_sent":true})");
    system.finish(job, answered(200));
    CHECK(system.is_idle());
    system.reminder("r-2");  // the address is known for a while
    CHECK(system.one_job().call->kind == core::Call::Kind::email);
}

TEST_CASE("a user without an address, and one who is unknown, are dead letters") {
    System system;
    system.reminder("r-1");
    system.finish(system.one_job(), answered(200, {{"id", "ada"}, {"email", nullptr}}));
    REQUIRE(system.letters().size() == 1);
    CHECK(system.letters()[0]["reason"].get<std::string>().find("has no address") !=
          std::string::npos);
    system.reminder("r-2", "nobody");
    system.finish(system.one_job(), answered(404));
    REQUIRE(system.letters("nobody").size() == 1);
    system.reminder("r-3");
    system.finish(system.one_job(),
                  answered(200, {{"email", "ada@example.org\r\nBcc: all@example.org"}}));
    CHECK(system.letters().size() == 2);
}

TEST_CASE("poison is kept with its reason") {
    System system;
    system.completed(json::array(), "e-1");
    system.completed(17, "e-2", {{"recurring_pattern", "HOURLYISH"}});
    system.completed(17, "e-3", {{"completed_at", "yesterday"}});
    system.completed(17, "e-4", {{"title", nullptr}});
    system.completed(17, "e-5", {{"tzid", "Mars/Olympus"}});
    CHECK(system.is_idle());
    const auto letters = system.letters();
    REQUIRE(letters.size() == 5);
    for (const auto& letter : letters) CHECK(letter["origin"] == "handler");
    system.completed(18, "e-6", {{"recurring_pattern", nullptr}});  // does not recur
    CHECK(system.is_idle());
    CHECK(system.letters().size() == 5);
}

TEST_CASE("in local mode the next one is a task here, and goes on when it is done") {
    Settings settings;
    settings.roles.recurring = Roles::Recurring::local;
    System system(settings);
    system.completed(17, "e-1",
                     {{"recurring_pattern", "MONTHLY"}, {"completed_at", "2027-01-31T09:00:00Z"}});
    system.completed(17, "e-1",
                     {{"recurring_pattern", "MONTHLY"}, {"completed_at", "2027-01-31T09:00:00Z"}});
    auto tasks = system.result("task.list", json::object())["tasks"];
    REQUIRE(tasks.size() == 1);
    CHECK(tasks[0]["due"]["at"] == "2027-02-28T09:00:00.000Z");
    CHECK(tasks[0]["parent_task_id"] == 17);
    system.result("task.complete", {{"task", tasks[0]["id"]}});
    system.crash();
    tasks = system.result("task.list", {{"statuses", {"needs-action"}}})["tasks"];
    REQUIRE(tasks.size() == 1);
    CHECK(tasks[0]["due"]["at"] == "2027-03-31T09:00:00.000Z");
    CHECK_FALSE(
        system.events("task.completed").back()["data"]["payload"].contains("recurring_pattern"));
    // Done, opened and done again: it has its successor.
    const auto first = tasks[0]["parent_task_id"];
    system.result("task.reopen", {{"task", first}});
    system.result("task.complete", {{"task", first}});
    CHECK(system.result("task.list", {{"statuses", {"needs-action"}}})["tasks"].size() == 1);
}

TEST_CASE("a durable call is on disk when it is acknowledged") {
    System system;
    const json call{{"app", "billing"}, {"path", "api/v1/invoices?dry=1"}, {"body", "{}"}};
    const auto kept = system.ask("dapr.invoke", call);
    CHECK(kept["state"] == "pending");
    CHECK(system.begun().size() == 1);
    system.crash();
    const auto job = system.one_job(minutes{1});
    CHECK(job.call->path == "/v1.0/invoke/billing/method/api/v1/invoices?dry=1");
    CHECK(job.call->key == kept["id"]);
    system.finish(job, answered(503));
    auto now = system.result("delivery.get", {{"delivery", kept["id"]}});
    CHECK(now["state"] == "pending");
    CHECK(now["status"] == 503);
    CHECK(now["log"].size() == 2);  // the first one was interrupted
    CHECK(system.reason("delivery.get", {{"delivery", kept["id"]}}, "bob") == "not_found");
    system.finish(system.one_job(seconds{5}), answered(200));
    now = system.result("delivery.get", {{"delivery", kept["id"]}});
    CHECK(now["state"] == "succeeded");
    CHECK(now["log"].size() == 3);
    CHECK(system.events("delivery.succeeded").size() == 1);
}

TEST_CASE("durable calls are checked when they are taken") {
    auto settings = remote();
    settings.quotas.calls = 2;
    System system(settings);
    const json good{{"app", "a"}, {"path", "x"}};
    for (const auto& [field, value] : std::initializer_list<std::pair<const char*, json>>{
             {"app", ""},
             {"path", "../v1.0/shutdown"},
             {"path", "a#b"},
             {"verb", "STEAL"},
             {"headers", {"dapr-api-token: x"}},
             {"headers", {"a b: x"}},
             {"headers", {"x: a\r\nfoo"}},
             {"call_key", "a\nb"},
             {"keep_trying_ms", -1},
             {"body", std::string(core::call_body_bytes_max + 1, 'x')}}) {
        auto call = good;
        call[field] = value;
        const auto reply = system.call("dapr.invoke", call);
        CAPTURE(field, reply.dump().substr(0, 200));
        REQUIRE(reply.contains("error"));
        CHECK(reply["error"]["data"]["field"] == field);
    }
    system.result("dapr.invoke", good);
    system.result("dapr.publish", {{"pubsub", "bus"}, {"topic", "t"}, {"body", "{}"}});
    CHECK(system.reason("dapr.invoke", good) == "resource_exhausted");
    CHECK(system.call("dapr.invoke", good, "bob").contains("result"));
}

TEST_CASE("the publisher moves on only when a batch was taken, and over a crash") {
    auto settings = remote();
    settings.roles.topics = {{"task-events", {}}};
    System system(settings);
    system.result("task.add", {{"summary", "one"}});
    const auto batch_of = [&]() -> std::optional<PublishBatch> {
        for (const auto& job : system.last.jobs)
            if (job.batch) return job.batch;
        return {};
    };
    auto batch = batch_of();
    REQUIRE(batch);
    REQUIRE(batch->events.size() == 1);
    CHECK(batch->events[0].type == "task.created");
    const auto id = batch->events[0].id;
    system.result("task.add", {{"summary", "two"}});
    CHECK_FALSE(batch_of());  // one at a time

    const auto settle = [&](const PublishBatch& sent, core::Outcome outcome) {
        JobResult result{{}, {}, std::move(outcome), sent};
        system.turn({}, {result});
    };
    settle(*batch, no_sidecar());
    CHECK_FALSE(batch_of());  // it waits a moment
    REQUIRE(system.engine->next_wait());
    CHECK(*system.engine->next_wait() > system.clock.monotonic());
    system.clock.advance(seconds{2});
    system.turn();
    batch = batch_of();
    REQUIRE(batch);
    CHECK(batch->events.size() == 2);  // of two subjects: in bulk
    CHECK(batch->events[0].id == id);
    system.crash();
    REQUIRE(
        system.engine->next_wait());  // what was there before the start does not wait for a turn
    system.turn();
    batch = batch_of();
    REQUIRE(batch);
    CHECK(batch->events[0].id == id);  // it may have been taken: once more, under its own id
    settle(*batch, {true, false, "answered 204", {}});
    CHECK_FALSE(batch_of());
    const auto topics =
        system.call("admin.health", json::object(), "ada", true)["result"]["topics"];
    CHECK(topics[0]["lag"] == 0);
    CHECK(topics[0]["published"] == 2);
}

TEST_CASE("a batch has one event of a subject, so that their order holds") {
    auto settings = remote();
    settings.roles.topics = {{"all", {}}, {"created", *core::TopicFilter::make({"task.created"})}};
    System system(settings);
    system.turn({system.request("task.add", {{"summary", "one"}}, "ada", false, 1),
                 system.request("task.complete", {{"task", "1"}}, "ada", false, 2),
                 system.request("task.add", {{"summary", "two"}}, "ada", false, 3)});
    REQUIRE(system.last.jobs.size() == 2);
    CHECK(system.last.jobs[0].batch->events.size() == 1);
    CHECK(system.last.jobs[1].batch->events.size() == 2);
    const auto sent = *system.last.jobs[0].batch;
    system.turn({}, {{{}, {}, {true, false, "answered 204", {}}, sent}});
    REQUIRE(system.last.jobs.size() == 1);  // the next one at once
    CHECK(system.last.jobs[0].batch->events[0].type == "task.completed");
}

TEST_CASE("another service's events, and our own that come back, are not published") {
    auto settings = remote();
    settings.roles.topics = {{"task-events", {}}};
    System system(settings);
    system.completed(17, "e-1", {{"recurring_pattern", nullptr}});
    CHECK(system.last.jobs.empty());
    const auto task = system.result("task.add", {{"summary", "one"}});
    const auto own = system.events("task.created")[0];
    auto back = own;
    back.erase("userseq");
    const auto again =
        system.result("event.publish", {{"events", {back}}, {"each", true}, {"keep_refused", "t"}});
    CHECK(again["events"][0]["duplicate"] == true);
    CHECK(system.events("task.created").size() == 1);
    CHECK(system.letters().empty());
    // Another daemon of the same name: nothing of it goes unseen.
    back["id"] = "another";
    back["data"]["event_id"] = "another";
    back["userseq"] = 99;
    system.result("event.publish", {{"events", {back}}, {"each", true}, {"keep_refused", "t"}});
    REQUIRE(system.letters().size() == 1);
    CHECK(system.letters()[0]["reason"].get<std::string>().find("same name") != std::string::npos);
}

TEST_CASE("times at the edge of what can be kept are refused, not kept in a form nobody reads") {
    System system;
    system.completed(1, "e-1", {{"due_at", "0001-01-01T00:00:00Z"}, {"tzid", "America/New_York"}});
    system.completed(2, "e-2", {{"due_at", "9999-12-31T23:59:59Z"}, {"tzid", "Europe/Berlin"}});
    CHECK(system.letters().size() == 2);
    system.completed(3, "e-3", {{"completed_at", "9999-12-31T12:00:00Z"}});
    system.completed(3, "e-4", {{"completed_at", "9999-12-31T12:00:00Z"}});
    CHECK(system.is_idle());
}

TEST_CASE("two apps that count their events alike have a mail each") {
    System system;
    system.reminder("1");
    const json data{{"event_id", "1"},
                    {"event_type", "reminder.due"},
                    {"task_id", 18},
                    {"user_id", "ada"},
                    {"payload", {{"title", "Another"}, {"due_at", "soon"}}}};
    const json event{{"specversion", "1.0"},
                     {"source", "yet-another"},
                     {"type", "reminder.due"},
                     {"id", "1"},
                     {"data", data}};
    system.ask("event.publish", {{"events", {event}}, {"each", true}, {"keep_refused", "t"}});
    CHECK(system.begun().size() == 2);
}

TEST_CASE("what can't be told to the backend is refused before the mail is sent") {
    System system;
    system.deliver({{"event_id", "r-9"},
                    {"event_type", "reminder.due"},
                    {"task_id", "a/b"},
                    {"user_id", "ada"},
                    {"payload", {{"title", "t"}, {"due_at", "soon"}}}});
    CHECK(system.is_idle());
    REQUIRE(system.letters().size() == 1);
    CHECK(system.letters()[0]["reason"].get<std::string>().rfind("task_id", 0) == 0);
}

TEST_CASE("users may name only the apps that they are let name") {
    auto settings = remote();
    settings.call_allow = std::vector<std::string>{"billing"};
    System system(settings);
    system.result("dapr.invoke", {{"app", "billing"}, {"path", "x"}});
    CHECK(system.reason("dapr.invoke", {{"app", "tasks"}, {"path", "api/users/bob"}}) ==
          "permission_denied");
    CHECK(system.reason("dapr.publish", {{"pubsub", "bus"}, {"topic", "t"}, {"body", "{}"}}) ==
          "permission_denied");
    CHECK(system.call("dapr.invoke", {{"app", "tasks"}, {"path", "x"}}, "ada", true)
              .contains("result"));
}

TEST_CASE("a publisher that finds nothing in many events goes on by itself") {
    auto settings = remote();
    settings.roles.topics = {{"created", *core::TopicFilter::make({"task.created"})}};
    settings.quotas.events_per_second = 1'000'000;
    System system(settings);
    std::vector<json> events;
    for (int i = 0; i < 1000; ++i)
        events.push_back(
            {{"specversion", "1.0"}, {"source", "ci"}, {"type", "t"}, {"id", std::to_string(i)}});
    std::vector<Request> requests;
    for (int batch = 0; batch < 3; ++batch) {
        for (auto& event : events)
            event["id"] = std::to_string(batch) + event["id"].get<std::string>();
        requests.push_back(
            system.request("event.publish", {{"events", events}}, "ada", false, batch + 1));
    }
    requests.push_back(system.request("task.add", {{"summary", "one"}}, "ada", false, 9));
    system.turn(requests);
    CHECK(system.last.jobs.empty());
    REQUIRE(system.engine->next_wait());
    CHECK(*system.engine->next_wait() <= system.clock.monotonic());
    system.turn();
    REQUIRE(system.last.jobs.size() == 1);
    CHECK_FALSE(system.engine->next_wait());
}

}  // namespace
}  // namespace taskd::daemon
