// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/world.h"

#include "core/rfc3339.h"
#include "daemon/store/migrate.h"

#include <algorithm>

namespace taskd::sim {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr int resend_max = 50;

core::Timestamp start_time() {
    return *core::parse_utc("2026-10-20T06:00:00Z");
}

daemon::Roles roles(bool recurs_here) {
    daemon::Roles roles;
    using Recurring = daemon::Roles::Recurring;
    roles.recurring = recurs_here ? Recurring::local : Recurring::remote;
    roles.backend_app = "tasks";
    roles.notification = true;
    roles.pubsub = "bus";
    roles.topics = {{"task-events", {}}};
    roles.publish_max = 4;                                // small, so that the bound is met
    roles.keep_trying = std::chrono::hours{24 * 30 * 6};  // each outage ends first
    return roles;
}

daemon::Settings settings(bool trims, bool dapr, bool recurs_here) {
    daemon::Settings settings;
    if (dapr) settings.roles = roles(recurs_here);
    if (trims) settings.retention_max_bytes = 12'000;  // some twenty events
    settings.dedup_ttl = std::chrono::hours{24 * 366};
    settings.node = "sim";
    settings.outbound_max = 5;
    settings.has_mail_server = true;
    settings.turn_timers_max = 8;  // small, so that the bound is met
    return settings;
}

}  // namespace

World::World(std::uint64_t seed, bool plain)
    : random_(seed),
      engine_random_(seed ^ 0x5eedU),
      trims_(seed % 4 == 0),
      dapr_(seed % 3 == 0 && !plain),
      settings_(settings(trims_, dapr_, seed % 6 == 0)),
      disk_(test::FaultVfs::install()),
      clock_(start_time()) {
    disk_.revive();
    boot();
}

void World::note(const std::string& what) {
    history_.note(clock_.now(), what);
}

void World::boot() {
    latest_ = std::max(latest_, clock_.now());
    database_ = std::make_unique<daemon::Database>(directory_.path() + "/taskd.db");
    database_->event_keys.in_memory_max = 3;
    const auto migrated = daemon::migrate(*database_, engine_random_);
    require(migrated.has_value(), "the store opens after a crash: " +
                                      (migrated ? std::string() : migrated.error().message));
    engine_ = std::make_unique<daemon::Engine>(*database_, engine_random_, settings_,
                                               daemon::Identity{1, "sim", "", {}}, handlers());
    engine_->start(clock_.now());
    tokens_.reset(engine_->tokens(clock_.now()));
}

void World::crash(bool power_too) {
    note(power_too ? "power cut" : "kill -9");
    crashed_ = true;
    disk_.die();  // closing the file must not write any more: the process is gone
    engine_.reset();
    database_.reset();
    if (power_too) disk_.lose_power(random_);
    disk_.revive();
    jobs_.clear();
    clock_.advance(milliseconds{random_.between(0, 3'600'000)});
    boot();
    resume_sendings();
    lose_commands();
}

daemon::Request World::request(const std::string& user, const std::string& method,
                               const json& params, std::size_t tag) const {
    const json body{{"jsonrpc", "2.0"}, {"id", tag}, {"method", method}, {"params", params}};
    daemon::Caller caller{core::UserId{user}};
    caller.events_endpoint = "ipc://events";
    return {{0, std::to_string(tag), false}, std::move(caller), body.dump(), clock_.monotonic()};
}

void World::take_turn_output(daemon::Turn& turn) {
    for (const auto& publication : turn.publications) {
        // A stack makes tasks by itself; the event is how its user hears of one.
        if (publication.event.type == "task.created")
            learn_task(publication.user.str(), json::parse(publication.event.data)["payload"]);
        Listener& listener = listeners_[publication.user.str()];
        const auto number = publication.event.userseq;
        if (random_.one_in(4)) continue;  // the bus drops a copy
        if (number != listener.known + 1) continue;
        listener.known = number;
        listener.seen.push_back(number);
    }
    // HTTP's threads look tokens up in memory, as the turns told it.
    tokens_.apply(turn.token_changes, clock_.now());
    for (auto& job : turn.jobs) {
        if (job.batch) {
            for (const auto& other : jobs_)
                require(!other.batch, "P8: one batch of a topic is under way at a time");
            jobs_.push_back(std::move(job));
            continue;
        }
        if (job.command)
            begin_command(job);
        else
            begin_attempt(job);
        jobs_.push_back(std::move(job));
    }
}

/// A read, or anything that must not fail: no faults are armed.
json World::call(const std::string& user, const std::string& method, json params) {
    auto turn =
        engine_->turn({request(user, method, params, 1)}, {}, clock_.now(), clock_.monotonic());
    require(turn.replies.size() == 1, "a request gets one reply: " + method);
    take_turn_output(turn);
    return json::parse(turn.replies[0].body);
}

void World::arm_fault() {
    using test::Fault;
    static constexpr std::array faults{Fault::full,      Fault::io_error, Fault::failed_sync,
                                       Fault::no_memory, Fault::death,    Fault::death};
    const auto fault = faults[static_cast<std::size_t>(random_.between(0, faults.size() - 1))];
    const auto reach = fault == Fault::no_memory ? 400 : fault == Fault::failed_sync ? 1 : 12;
    const auto countdown = static_cast<std::uint64_t>(random_.between(0, reach));
    note("fault " + std::to_string(static_cast<int>(fault)) + " after " +
         std::to_string(countdown));
    disk_.arm(fault, countdown);
}

/// One turn with these requests, perhaps with a fault or a crash in it; then every request that has
/// no answer is sent again under its key, as a client does, until it has one.
void World::turn_with(std::vector<Sent*> sent, bool may_fail) {
    std::vector<daemon::Request> requests;
    for (std::size_t i = 0; i < sent.size(); ++i) {
        note(sent[i]->user + " " + sent[i]->method + " " + sent[i]->params.dump());
        requests.push_back(request(sent[i]->user, sent[i]->method, sent[i]->params, i));
    }
    const bool faulty = may_fail && random_.one_in(4);
    const bool dies_after_commit = may_fail && random_.one_in(12);
    if (faulty) arm_fault();
    auto turn = engine_->turn(requests, {}, clock_.now(), clock_.monotonic());
    disk_.disarm();

    const auto hear = [&] {
        for (const auto& reply : turn.replies)
            learn(*sent[std::stoul(reply.peer.routing_id)], json::parse(reply.body));
    };
    if (turn.store_lost || disk_.dead() || dies_after_commit) {
        // The process ends. Whether an unanswered turn was kept is for the disk to know; what was
        // answered before the end is a promise, that a power cut doesn't take back either.
        const bool answered = dies_after_commit && !turn.store_lost && !disk_.dead();
        if (answered && random_.one_in(2)) hear();
        crash(random_.one_in(2));
    } else {
        require(turn.replies.size() == sent.size(), "every request of a turn is answered");
        hear();
        take_turn_output(turn);
    }
    settle(std::move(sent));
}

void World::settle(std::vector<Sent*> pending) {
    for (int round = 0; round < resend_max; ++round) {
        std::erase_if(pending, [](const Sent* sent) { return !sent->answer.is_null(); });
        if (pending.empty()) return;
        for (auto* one : pending) {
            note("again: " + one->user + " " + one->method + " " + one->params.dump());
            learn(*one, call(one->user, one->method, one->params));
        }
    }
    throw Broken("a request that is sent again on a working disk gets its answer");
}

void World::learn(Sent& sent, const json& reply) {
    if (reply.contains("error")) {
        const std::string reason = reply["error"]["data"]["reason"];
        // These say that nothing happened, or that it is not known: the client tries again.
        if (reason == "resource_exhausted" || reason == "unavailable" || reason == "unknown" ||
            reason == "internal") {
            note("  -> " + reason);
            return;
        }
        sent.answer = {{"error", reply["error"]}};
        sent.answer["error"]["data"].erase("replayed");
        sent.answered_ms = clock_.now().time_since_epoch().count();
        return;
    }
    json result = reply["result"];
    result.erase("replayed");
    if (sent.method == "admin.token_create" && result.contains("secret"))
        known_[sent.user].secrets[result["id"]] = result["secret"];
    if (sent.method == "admin.token_revoke") known_[sent.user].secrets.erase(result["id"]);
    result.erase("secret");  // said once, and no second time
    sent.answer = {{"result", result}};
    sent.answered_ms = clock_.now().time_since_epoch().count();
    if (sent.method.rfind("dapr.", 0) == 0)
        known_[sent.user].calls[result["id"]] = result["call"]["key"];
    for (const char* name : {"task", "next"})
        if (result.contains(name) && result[name].is_object() && result[name].contains("number"))
            learn_task(sent.user, result[name]);
    if (result.contains("series") && result["series"].contains("paused"))
        known_[sent.user].paused.insert(result["series"]["id"].get<std::string>());
    if (result.contains("tasks") && result["tasks"].is_array())
        for (const auto& task : result["tasks"]) learn_task(sent.user, task);
    if (sent.method == "series.move")
        known_[sent.user].moved.insert(result["series"]["id"].get<std::string>());
    if (sent.method == "task.update" && result["task"].contains("series_id"))
        known_[sent.user].moved.insert(result["task"]["series_id"].get<std::string>());
    if (sent.method == "channel.set")
        known_[sent.user].channels.insert(result["name"].get<std::string>());
    if (sent.method == "channel.remove")
        known_[sent.user].channels.erase(result["name"].get<std::string>());
    if (sent.method == "reminder.snooze")
        known_[sent.user].snoozed.insert(result["reminder"]["id"].get<std::string>());
    if (result.contains("removed")) {
        // The successor went away: it is deleted, which the answer tells by its number.
        for (auto& [id, task] : known_[sent.user].tasks)
            if (task["number"] == result["removed"]) task["gone"] = true;
    }
}

void World::learn_task(const std::string& user, const json& shown) {
    if (!shown.contains("id")) return;  // of another service
    const json task = task_in(shown);
    json& known = known_[user].tasks[task["id"].get<std::string>()];
    if (known.is_null() || known["revision"] < task["revision"]) known = task;
}

void World::advance_clock() {
    switch (random_.between(0, 9)) {
    case 0:
        clock_.advance(hours{random_.between(1, 30)});
        break;
    case 1:
        clock_.advance(hours{24 * random_.between(1, 10)});
        break;
    case 2:
        note("clock steps back");
        starts_.clear();  // what was begun then is still to come
        set_back(random_.one_in(3) ? hours{random_.between(1, 120)}
                                   : minutes{random_.between(1, 90)});
        shorten_leases();  // none goes on longer than one that begins now
        shorten_runs();
        break;
    case 3:
        note("clock steps forward");
        clock_.set_now(clock_.now() + minutes{random_.between(1, 180)});
        break;
    default:
        clock_.advance(seconds{random_.between(0, 1200)});
        break;
    }
}

void World::set_back(minutes by) {
    clock_.set_now(clock_.now() - by);
    set_back_ += by;
}

/// The commands that change a task, series or reminder in place.
void World::random_change(Sent& sent, std::int64_t kind, const Some& some_task, const Pick& pick) {
    sent.params = {{"task", some_task()}};
    const bool is_about_reminder = kind >= 2 && kind <= 5;
    if (const auto task = reminded_task(sent.user); is_about_reminder && !task.empty())
        if (random_.one_in(2)) sent.params["task"] = task;
    if (kind == 0) {
        sent.method = "task.start";
    } else if (kind == 1) {
        sent.method = "task.cancel";
    } else if (kind <= 3) {
        sent.method = "task.update";
        sent.params["tz_default"] = "UTC";
        switch (random_.between(0, 5)) {
        case 0:
        case 5:
            sent.params["due"] = pick({"in 10 minutes", "tomorrow 9am", "in 2 days", "none"});
            break;
        case 1:
            sent.params["remind"] = json::array({pick({"5m", "1h", "0"})});
            add_reminding(sent.params, sent.user, pick);
            break;
        case 2:
            sent.params["add_depends_on"] = json::array({some_task()});
            break;
        case 3:
            sent.params["if_revision"] = random_.between(1, 2);
            sent.params["priority"] = random_.between(1, 9);
            break;
        default:
            sent.params["summary"] = "edited " + std::to_string(next_key_);
            sent.params["add_tags"] = json::array({pick({"a", "b"})});
        }
    } else if (kind == 4) {
        sent.method = "reminder.snooze";
        sent.params["until"] = pick({"20m", "until tomorrow 9am", "in 3 days", "1h"});
        sent.params["tz_default"] = "UTC";
    } else if (kind == 5) {
        sent.method = "reminder.acknowledge";
    } else if (kind == 10) {
        const std::string name = pick({"ci", "phone", "scraper"});
        sent.method = random_.one_in(3) ? "admin.token_revoke" : "admin.token_create";
        sent.params =
            sent.method == "admin.token_revoke" ? json{{"id", name}} : json{{"name", name}};
        if (sent.method == "admin.token_create" && random_.one_in(2))
            sent.params["ttl_ms"] = random_.between(1, 100) * 3'600'000;
    } else if (kind == 9) {
        sent.method = "user.set";
        sent.params = {{"zone", pick({"Europe/Berlin", "", "UTC"})},
                       {"quiet_hours", pick({"22:00-07:00", "", "12-13"})},
                       {"tz_default", "UTC"}};
    } else {
        sent.method = kind == 6 ? "series.pause" : kind == 7 ? "series.resume" : "series.end";
        if (kind == 8 && !random_.one_in(3)) sent.method = "series.resume";
        if (random_.one_in(2)) sent.method = random_.one_in(2) ? "series.skip" : "series.move";
        sent.params = {{"series", some_task()}};
        if (sent.method == "series.move") sent.params["to"] = pick({"in 2 hours", "in 2 days"});
    }
}

Sent World::random_command(const std::string& user) {
    Sent sent{user, "", json::object(), nullptr, 0};
    const auto pick = [&](const std::vector<std::string>& from) {
        return from[static_cast<std::size_t>(
            random_.between(0, static_cast<std::int64_t>(from.size()) - 1))];
    };
    const auto some_task = [&]() -> std::string {
        const auto& tasks = known_[user].tasks;
        if (tasks.empty()) return "1";
        if (random_.one_in(4))
            if (auto number = reminded_task(user); !number.empty()) return number;
        auto at = tasks.begin();
        std::advance(at, random_.between(0, static_cast<std::int64_t>(tasks.size()) - 1));
        return at->second["number"].dump();
    };
    const auto kind = random_.between(0, 36);
    if (kind >= 36) {
        random_run(sent, some_task, pick);
    } else if (kind >= 34) {
        random_rule(sent, pick);
    } else if (kind >= 32) {
        random_expectation(sent, pick);
    } else if (kind <= 2) {
        sent.method = "task.add";
        sent.params = {{"summary", "series " + std::to_string(next_key_)},
                       {"every", pick({"day", "weekday", "3 days", "2 weeks on mon,thu", "month",
                                       "month on the 31st", "FREQ=DAILY;COUNT=4", "week"})},
                       {"tz_default", pick({"Europe/Berlin", "America/New_York", "UTC"})},
                       {"remind", json::array({pick({"10m", "1h", "0", "1d"})})}};
        switch (random_.between(0, 7)) {
        case 0:
            sent.params["anchor"] = "completion";
            break;
        case 1:
            sent.params["overlap"] = "stack";
            sent.params["catch_up"] = pick({"skip", "latest", "all"});
            break;
        case 2:
            sent.params["overlap"] = "stack";
            sent.params["catch_up"] = "all";
            sent.params["max"] = pick({"2", "5"});
            sent.params["spread"] = pick({"10m", "1h"});
            break;
        case 3:
            sent.params["catch_up"] = pick({"latest", "all"});
            sent.params["window"] = pick({"2 days", "1 day"});
            break;
        case 4:
            sent.params["min_gap"] = pick({"12h", "3 days"});
            break;
        case 5:
            sent.params["shift"] = pick({"next", "previous", "skip"});
            break;
        default:
            break;
        }
        if (!random_.one_in(4)) sent.params["at"] = pick({"9:30", "2:30", "23:50", "0:10"});
        add_reminding(sent.params, user, pick);
        if (random_.one_in(3)) add_command(sent.params, pick);
    } else if (kind <= 5) {
        sent.method = "task.add";
        sent.params = {{"summary", "task " + std::to_string(next_key_)}, {"tz_default", "UTC"}};
        if (random_.one_in(2)) {
            sent.params["at"] =
                pick({"in 5 minutes", "in 10 minutes", "tomorrow 9am", "in 3 days"});
            sent.params["remind"] = json::array({pick({"1m", "0"})});
            if (random_.one_in(4)) add_command(sent.params, pick);
            if (random_.one_in(3)) sent.params["start"] = pick({"in 3 minutes", "tomorrow 8am"});
        }
        if (random_.one_in(4)) sent.params["depends_on"] = json::array({some_task()});
        if (random_.one_in(3))
            sent.params["remind"] =
                json::array({pick({"at tomorrow 9:00", "at in 20 minutes", "when unblocked",
                                   "5m after unblocked", "at start", "10m after start", "none"})});
        if (sent.params.contains("remind") && sent.params["remind"][0] != "none")
            add_reminding(sent.params, user, pick);
    } else if (kind <= 9) {
        sent.method = "task.complete";
        sent.params = {{"task", some_task()}};
    } else if (kind == 10 || kind == 11) {
        sent.method = "task.reopen";
        sent.params = {{"task", some_task()}};
    } else if (kind == 12) {
        sent.method = "task.delete";
        sent.params = {{"task", some_task()}};
    } else if (kind == 13) {
        sent.method = "task.restore";
        sent.params = {{"task", some_task()}};
    } else if (kind <= 15 || kind >= 27) {
        random_channel(sent, pick);
    } else {
        random_change(sent, kind - 16, some_task, pick);
    }
    sent.params["idempotency_key"] = "key-" + std::to_string(next_key_++);
    return sent;
}

void World::repeat_an_old_request() {
    if (sent_.empty()) return;
    const auto& old = *sent_[static_cast<std::size_t>(
        random_.between(0, static_cast<std::int64_t>(sent_.size()) - 1))];
    // By the latest time there was: what it expired stays expired when the clock steps back.
    if (old.answer.is_null() ||
        latest_ - core::Timestamp{milliseconds{old.answered_ms}} >= settings_.idempotency_ttl)
        return;
    const bool refused = old.answer.contains("error");
    if (refused && old.answer["error"]["data"]["reason"] == "invalid_argument") return;
    // What is due now makes tasks of its own accord (seed 47: a stack); it goes first.
    for (int turns = 0; turns < 100; ++turns) {
        const auto due = engine_->next_due();
        if (!due || *due > clock_.now()) break;
        turn_with({}, false);
    }
    const auto head = call(old.user, "event.read", {{"limit", 1}})["result"]["head"];
    if (random_.one_in(3)) {
        json other = old.params;
        const char* field = old.method == "task.add"               ? "notes"
                            : old.method.rfind("channel", 0) == 0  ? "name"
                            : old.method == "command.backfill"     ? "series"
                            : old.method.rfind("rule", 0) == 0     ? "name"
                            : old.method.rfind("expect", 0) == 0   ? "name"
                            : old.method.rfind("series", 0) == 0   ? "series"
                            : old.method.rfind("user", 0) == 0     ? "email"
                            : old.method == "delivery.retry"       ? "delivery"
                            : old.method == "reminder.default_set" ? "name"
                            : old.method.rfind("dapr", 0) == 0     ? "body"
                            : old.method == "admin.token_create"   ? "name"
                            : old.method == "admin.token_revoke"   ? "id"
                                                                   : "task";
        other[field] = "another request";
        const auto reply = call(old.user, old.method, other);
        require(reply.contains("error") && reply["error"]["data"]["reason"] == "conflict",
                "P3: the same key with another request is a conflict: " + reply.dump());
    } else {
        note("repeat: " + old.user + " " + old.method + " " + old.params.dump());
        auto reply = call(old.user, old.method, old.params);
        if (!refused)
            require(reply.contains("result") && reply["result"].value("replayed", false),
                    "P3: a repeated request is answered as replayed: " + reply.dump());
        if (reply.contains("result")) reply["result"].erase("replayed");
        if (reply.contains("error")) reply["error"]["data"].erase("replayed");
        for (const char* part : {"result", "error"})
            require(reply.contains(part) == old.answer.contains(part) &&
                        (!reply.contains(part) || reply[part] == old.answer[part]),
                    "P3: a repeated request gets the same reply: " + reply.dump() + " was " +
                        old.answer.dump());
    }
    // Timers of this very moment may have fired beside it, so only the request's own change counts.
    const auto page = call(old.user, "event.read", {{"after", head}})["result"];
    for (const auto& event : page["events"])
        require(event["type"].get<std::string>().rfind("task.", 0) != 0 &&
                    event["type"].get<std::string>().rfind("series.", 0) != 0,
                "P3: a repeated request has no second effect");
}

void World::poke_at_another_user() {
    const auto& user = users_[static_cast<std::size_t>(random_.between(0, 2))];
    const auto& other = users_[static_cast<std::size_t>(random_.between(0, 2))];
    if (user == other || known_[other].tasks.empty()) return;
    const std::string id = known_[other].tasks.begin()->first;
    for (const char* method :
         {"task.get", "task.complete", "task.delete", "task.restore", "task.update", "task.start",
          "task.cancel", "reminder.snooze", "reminder.acknowledge"}) {
        const auto reply = call(user, method, {{"task", id}, {"until", "1h"}});
        require(reply.contains("error") && reply["error"]["data"]["reason"] == "not_found",
                "P6: another user's task is as one that does not exist");
    }
    daemon::Query theirs(*database_, "SELECT id FROM delivery WHERE user_id = ? LIMIT 1", other);
    const std::string delivery = theirs.step() ? theirs.text(0) : "0000";
    for (const char* method : {"delivery.get", "delivery.retry"}) {
        const auto reply = call(user, method, {{"delivery", delivery}});
        require(reply.contains("error") && reply["error"]["data"]["reason"] == "not_found",
                "P6: another user's delivery is as one that does not exist");
    }
    const auto named = call(user, "task.list", {{"user_id", other}});
    require(named.contains("error") && named["error"]["data"]["reason"] == "permission_denied",
            "P6: only an operator names another user");
}

void World::step() {
    advance_clock();
    latest_ = std::max(latest_, clock_.now());
    publish_some();
    if (dapr_) dapr_step();
    if (!random_.one_in(3)) send_some(true);
    for (auto turns = random_.between(0, 3); turns > 0 && !trims_; --turns) consume_some();
    for (auto calls = random_.between(0, 3); calls > 0; --calls) run_some();
    const auto action = random_.between(0, 9);
    if (action <= 6) {
        std::vector<Sent*> batch;
        for (auto count = random_.between(1, 4); count > 0; --count) {
            const auto& user = users_[static_cast<std::size_t>(random_.between(0, 2))];
            sent_.push_back(std::make_unique<Sent>(random_command(user)));
            batch.push_back(sent_.back().get());
        }
        turn_with(batch, true);
    } else if (action == 7) {
        send_some(true);
    } else if (action == 8) {
        repeat_an_old_request();
        poke_at_another_user();
    } else if (random_.one_in(3)) {
        crash(random_.one_in(2));
    }
}

/// Due timers take as many turns as their bound asks for; time stands still meanwhile, and the next
/// turn after a failed one waits for the monotonic clock.
void World::run_timers() {
    for (int turns = 0; turns < 500; ++turns) {
        const auto due = engine_->next_due();
        const auto held = engine_->next_wait();
        if (held) clock_.set_monotonic(std::max(clock_.monotonic(), *held));
        // The loop wakes when the clock is set, whether something is due or not.
        if (turns > 0 && !held && (!due || *due > clock_.now())) break;
        auto turn = engine_->turn({}, {}, clock_.now(), clock_.monotonic());
        take_turn_output(turn);
        require(turns < 499, "due timers come to an end (P8)");
    }
}

void World::run(int steps) {
    open_channels();
    for (int i = 0; i < steps; ++i) {
        step();
        run_timers();
        // The whole check costs more than a step: always after a crash, else now and then.
        if (crashed_ || i + 1 == steps || random_.one_in(3)) check_all();
        crashed_ = false;
    }
    drain_groups();
    drain_deliveries();
    if (dapr_) drain_outside();
    check_all();
}

}  // namespace taskd::sim
