// SPDX-License-Identifier: Apache-2.0
// taskd in its roles in a Dapr system: other services that repeat themselves, calls of which the
// answer is lost, outages; and what must have come of it outside, once and for the right user.
#include "core/rfc3339.h"
#include "ipc/dapr/trace.h"
#include "ipc/json.h"
#include "tests/sim/world.h"

#include <algorithm>

namespace taskd::sim {
namespace {

using core::Outcome;
using core::Timestamp;
using std::chrono::days;
using std::chrono::minutes;

constexpr const char* source = "/tasks";
constexpr const char* topic = "task-events";
constexpr int rounds_max = 3000;

/// The backend's: some users have an address, others have none.
std::string address_of(const std::string& user) {
    return user == "eve" ? "" : user + "@example.org";
}

/// Counted from the chain's first time, in UTC; where a month is too short, its last day.
Timestamp next_of(const std::string& pattern, Timestamp first, Timestamp after) {
    const auto day = std::chrono::floor<days>(first);
    const std::chrono::year_month_day date{day};
    for (int n = 1;; ++n) {
        auto next = day + days{pattern == "WEEKLY" ? 7 * n : n};
        if (pattern == "MONTHLY") {
            const auto month = date.year() / date.month() + std::chrono::months{n};
            const std::chrono::year_month_day last{month / std::chrono::last};
            next = month / std::min(date.day(), last.day());
        }
        const Timestamp slot = next + (first - day);
        if (slot > after) return slot;
    }
}

Outcome answered(int status, const json& answer) {
    Outcome outcome{status < 400, core::is_retryable_status(status),
                    "answered " + std::to_string(status), ""};
    outcome.status = status;
    outcome.answer = answer.dump();
    outcome.blames_callee = outcome.retryable;
    return outcome;
}

json event_of(const std::string& type, const std::string& user, const json& task,
              const json& payload) {
    return {{"specversion", "1.0"},
            {"source", source},
            {"type", type},
            {"data",
             {{"event_type", type}, {"task_id", task}, {"user_id", user}, {"payload", payload}}}};
}

bool is_published(const std::vector<json>& events, const std::string& id) {
    return std::any_of(events.begin(), events.end(),
                       [&](const json& event) { return event["id"] == id; });
}

}  // namespace

bool World::holds(const char* literal) {
    return daemon::Query(*database_, literal).step();
}

void World::dapr_step() {
    if (outside_.outage > 0) {
        if (--outside_.outage == 0) note("outside: everything works again");
    } else if (random_.one_in(8)) {
        outside_.outage = static_cast<int>(random_.between(1, 5));
        note("outside: nothing works any more");
    }
    for (auto left = random_.between(1, 4); left > 0; --left) {
        const auto kind = random_.between(0, 9);
        if (kind <= 4) {
            complete_some();
        } else if (kind <= 6) {
            remind_some();
        } else if (kind == 7) {
            keep_calls();
        } else if (kind == 8) {
            // What the daemon published comes back to it.
            for (const auto& user : users_)
                for (const auto& event : outside_.topic[user])
                    if (random_.one_in(8)) outside_.unsent.emplace_back(user, event);
        } else if (random_.one_in(4)) {
            retry_calls(random_.one_in(2) ? "delivery" : "handler");
        }
        if (random_.one_in(2)) send_events();
        if (random_.one_in(2)) call_outside(true);
    }
}

/// A task of another service is completed: the first of a chain, one that the backend made, or one
/// that somebody says was completed at another time too.
void World::complete_some() {
    std::vector<Outside::Parent> open;
    std::vector<Outside::Parent> closed;
    for (const auto& [key, one] : outside_.occurrences)
        (one.completed.empty() ? open : closed).push_back(key);
    auto& from = random_.one_in(5) ? closed : open;
    Outside::Parent key;
    if (!from.empty() && !random_.one_in(4)) {
        const auto last = static_cast<std::int64_t>(from.size()) - 1;
        key = from[static_cast<std::size_t>(random_.between(0, last))];
    } else {
        const auto& user = users_[static_cast<std::size_t>(random_.between(0, 2))];
        const auto number = outside_.next_id++;
        const json id = random_.one_in(2) ? json(number) : json("chain " + std::to_string(number));
        static constexpr std::array patterns{"DAILY", "WEEKLY", "MONTHLY", "MONTHLY"};
        static constexpr std::array ends{"2026-10-31T23:30:00Z", "2026-12-31T09:00:00Z",
                                         "2027-01-30T00:00:00Z", "2026-11-29T12:00:00Z"};
        auto first = *core::parse_utc(ends[static_cast<std::size_t>(random_.between(0, 3))]);
        if (random_.one_in(3)) first += days{random_.between(-20, 20)};
        key = {user, id.dump()};
        outside_.occurrences[key] = {
            user, id, patterns[static_cast<std::size_t>(random_.between(0, 3))], first, first};
    }
    auto& one = outside_.occurrences[key];
    const auto at = one.slot + minutes{random_.between(-3000, random_.one_in(6) ? 90'000 : 2000)};
    one.completed.insert(at);
    json event = event_of("task.completed", one.user, one.id,
                          {{"title", "chain"},
                           {"recurring_pattern", one.pattern},
                           {"due_at", core::format_utc(one.slot)},
                           {"completed_at", core::format_utc(at)},
                           {"tzid", "UTC"}});
    if (!random_.one_in(3))
        event["data"]["event_id"] = "completed-" + std::to_string(next_envelope_++);
    outside_.unsent.emplace_back(one.user, event);
}

void World::remind_some() {
    const auto& user = users_[static_cast<std::size_t>(random_.between(0, 2))];
    const auto number = next_envelope_++;
    json event = event_of("reminder.due", user, number,
                          {{"title", "due " + std::to_string(number)}, {"due_at", "soon"}});
    if (random_.one_in(2)) event["data"]["event_id"] = "reminder-" + std::to_string(number);
    outside_.unsent.emplace_back(user, event);
}

/// A user has the daemon make a call, or has a task of the daemon's own that recurs.
void World::keep_calls() {
    const auto& user = users_[static_cast<std::size_t>(random_.between(0, 2))];
    const std::string number = std::to_string(next_key_++);
    Sent sent{user, "dapr.invoke", json::object(), nullptr, 0};
    const auto kind = random_.between(0, 3);
    if (kind == 0) {
        sent.method = "task.add";
        sent.params = {{"summary", "own " + number},
                       {"recurring_pattern", "MONTHLY"},
                       {"at", "tomorrow 9am"},
                       {"tz_default", "UTC"}};
    } else if (kind == 1) {
        sent.method = "dapr.publish";
        sent.params = {{"pubsub", "bus"}, {"topic", "news"}, {"body", "{}"}};
    } else {
        sent.params = {{"app", "shop"}, {"path", "orders/" + number}, {"body", number}};
        if (random_.one_in(2)) sent.params["call_key"] = "order-" + number;
        if (random_.one_in(4)) sent.params["keep_trying_ms"] = 600'000;
    }
    sent.params["idempotency_key"] = "key-" + number;
    sent_.push_back(std::make_unique<Sent>(sent));
    turn_with({sent_.back().get()}, true);
}

/// A topic brings its events in any order, some twice; what is not acknowledged comes again.
void World::send_events() {
    if (outside_.unsent.empty()) return;
    auto& unsent = outside_.unsent;
    const auto last = static_cast<std::int64_t>(unsent.size()) - 1;
    std::swap(unsent[static_cast<std::size_t>(random_.between(0, last))], unsent.back());
    const std::string user = unsent.back().first;
    json events = json::array();
    std::vector<std::pair<std::string, json>> left;
    bool has_own = false;
    for (auto& [owner, event] : unsent) {
        if (owner != user || random_.one_in(3)) {
            left.emplace_back(owner, event);
            continue;
        }
        if (event["data"].contains("event_id") && event["source"] == source)
            event["id"] = "envelope-" + std::to_string(next_envelope_++);
        has_own = has_own || event["source"] == own_source;
        events.push_back(event);
        if (random_.one_in(5) && !outside_.is_calm) left.emplace_back(owner, event);
    }
    if (events.empty()) return;
    json params{{"events", events}};
    if (has_own || random_.one_in(2)) params.update({{"each", true}, {"keep_refused", topic}});
    const auto reply = try_calls(user, "event.publish", {params})[0];
    if (reply.is_null()) return;
    require(reply.contains("result"), "events of a topic are taken: " + reply.dump());
    for (std::size_t i = 0; i < events.size(); ++i)
        learn_sent(user, events[i], reply["result"]["events"][i]);
    unsent = std::move(left);
}

void World::learn_sent(const std::string& user, const json& event, const json& result) {
    require(!result.contains("error"), "an event of a topic is taken: " + result.dump());
    const auto& data = event["data"];
    if (event["source"] == own_source)
        require(result["duplicate"] == true,
                "P4: an own event that comes back is no new one: " + result.dump());
    else if (event["type"] == "task.completed")
        outside_.occurrences[{user, data["task_id"].dump()}].is_known = true;
    else
        outside_.reminders["Reminder: " + data["payload"]["title"].get<std::string>()] = user;
}

void World::retry_calls(const std::string& origin) {
    for (const auto& user : users_) {
        note(user + " dead_letter.retry " + origin);
        const auto reply = call(user, "dead_letter.retry", {{"origin", origin}});
        require(reply.contains("result"), "dead letters are tried again: " + reply.dump());
    }
}

/// Workers make some of the calls; the turn that hears of it may fail, or never come.
void World::call_outside(bool may_fail) {
    std::vector<daemon::JobResult> results;
    std::vector<daemon::Job> left;
    for (auto& job : std::exchange(jobs_, {})) {
        const bool mine = job.channel.name.empty() || !may_fail;
        if (!mine || (may_fail && random_.one_in(4))) {
            left.push_back(std::move(job));
            continue;
        }
        daemon::JobResult result{job.user, job.delivery, carry_out(job)};
        result.is_command = job.command.has_value();
        if (job.batch)
            result.batch = daemon::PublishBatch{
                job.batch->pubsub, job.batch->topic, {}, job.batch->seq, job.batch->count};
        results.push_back(std::move(result));
    }
    jobs_ = std::move(left);
    if (results.empty()) return;
    if (may_fail && random_.one_in(12)) return crash(random_.one_in(2));
    if (may_fail && random_.one_in(5)) arm_fault();
    auto turn = engine_->turn({}, results, clock_.now(), clock_.monotonic());
    disk_.disarm();
    if (turn.store_lost || disk_.dead() || (may_fail && random_.one_in(12)))
        crash(random_.one_in(2));
    else
        take_turn_output(turn);
}

/// One attempt, as it goes outside and as a worker tells of it.
Outcome World::carry_out(const daemon::Job& job) {
    if (job.command) return end_command(job);
    if (!job.channel.name.empty()) return send(job);
    enum { unreachable, refused, denied, cut, lost, most = 14 };
    const auto fate = outside_.is_calm      ? std::int64_t{most}
                      : outside_.outage > 0 ? random_.between(unreachable, refused)
                                            : random_.between(unreachable, most);
    const std::string key = job.call ? job.call->key : "";
    Outcome outcome{false, true, "connection refused", ""};
    if (fate == refused) {
        static constexpr std::array statuses{500, 503, 429};
        outcome = answered(statuses[static_cast<std::size_t>(random_.between(0, 2))], "no");
        if (outcome.status == 429) outcome.retry_after = std::chrono::seconds{5};
    } else if (fate == denied && job.call && !outside_.done.contains(key)) {
        outcome = answered(random_.one_in(2) ? 409 : 422, "never");
        outside_.denied.insert(key);
    } else if (fate != unreachable) {
        if (job.batch) {
            const auto all = static_cast<std::int64_t>(job.batch->events.size());
            publish_batch(*job.batch,
                          static_cast<std::size_t>(fate == cut ? random_.between(0, all) : all));
            outcome = answered(204, nullptr);
        } else {
            outcome = answer_of(job.user, *job.call);
            (outcome.succeeded ? outside_.done : outside_.denied).insert(key);
        }
        if (fate == cut || fate == lost) {
            outcome = {false, true, "timed out", ""};
            outcome.blames_callee = true;
        }
    }
    note("outside: " + job.user.str() + " " +
         (job.call ? job.call->method + " " + job.call->target + " " + key + " " + job.call->body
                   : "a batch up to " + std::to_string(job.batch->seq)) +
         (fate == cut || fate == lost ? " was done: " : ": ") + outcome.result);
    return outcome;
}

Outcome World::answer_of(const core::UserId& user, const core::Call& call) {
    if (call.kind == core::Call::Kind::email) {
        require(call.target == address_of(user.str()),
                "P6: a mail goes to its user: " + call.target + " is not " + user.str() + "'s");
        auto& ids = outside_.mails[call.method];
        ids.insert(call.key);
        require(ids.size() == 1 || call.method.rfind("Reminder: due ", 0) != 0,
                "P4: a reminder is one mail: " + call.method);
        const auto owner = outside_.reminders.find(call.method);
        require(owner == outside_.reminders.end() || owner->second == user.str(),
                "P6: a mail is about its user's task: " + call.method);
        return {true, true, "250 OK", ""};
    }
    if (call.target != "tasks") return answered(200, "done");
    const std::pair<std::string, std::string> who{"baggage", ipc::dapr::user_baggage(user.str())};
    require(std::find(call.headers.begin(), call.headers.end(), who) != call.headers.end(),
            "P6: a call says whose it is: " + call.method);
    if (call.method == "POST api/tasks") return make_task(user, call);
    if (call.verb != "GET") return answered(200, json::object());
    require(call.method == "GET api/users/" + user.str(), "P6: a user's own address is asked for");
    const json known{{"id", user.str()}, {"email", address_of(user.str())}};
    if (known["email"] != "") return answered(200, known);
    outside_.denied.insert(call.key);
    return settings_.roles.recurs_here() ? answered(404, "unknown")
                                         : answered(200, {{"id", user.str()}});
}

Outcome World::make_task(const core::UserId& user, const core::Call& call) {
    const auto body = json::parse(call.body);
    require(body["user_id"] == user.str(), "P6: a task is made for its user: " + body.dump());
    const Outside::Parent parent{user.str(), body["parent_task_id"].dump()};
    const auto [at, is_new] =
        outside_.made.try_emplace(call.key, Outside::Made{outside_.next_id, body, parent});
    const auto& made = at->second;
    require(made.body == body, "P3: each attempt of a call asks for the same: " + body.dump());
    if (is_new) {
        ++outside_.next_id;
        require(outside_.key_of.emplace(parent, call.key).second,
                "P5: an occurrence has one successor: " + body.dump());
        const auto slot = core::parse_utc(body["next_occurrence"].get<std::string>());
        const auto before = outside_.occurrences.find(parent);
        if (before != outside_.occurrences.end()) {  // else a task of the daemon's own
            check_next(before->second, *slot);
            outside_.occurrences[{user.str(), made.id.dump()}] = {
                user.str(), made.id, before->second.pattern, before->second.first, *slot};
        }
    }
    return answered(is_new ? 201 : 200, {{"id", made.id}});
}

void World::publish_batch(const daemon::PublishBatch& batch, std::size_t count) {
    require(batch.pubsub == "bus" && batch.topic == topic, "P7: a topic gets its own events");
    std::set<std::pair<std::string, std::string>> subjects;
    for (const auto& event : batch.events)
        require(subjects.emplace(event.userid, event.subject).second,
                "P7: a batch has one event of a subject, since brokers reorder: " + event.subject);
    for (std::size_t i = 0; i < count; ++i) {
        auto& known = outside_.topic[batch.events[i].userid];
        if (!is_published(known, batch.events[i].id))
            known.push_back(json::parse(ipc::to_text(batch.events[i])));
    }
}

void World::check_next(const Occurrence& before, Timestamp next) {
    const auto fits = [&](Timestamp at) {
        return next_of(before.pattern, before.first, std::max(before.slot, at)) == next;
    };
    require(std::any_of(before.completed.begin(), before.completed.end(), fits),
            "P5: the next occurrence is at its time: " + core::format_utc(next) + " after " +
                core::format_utc(before.slot) + " of " + before.user + " " + before.id.dump() +
                ", " + before.pattern + " since " + core::format_utc(before.first));
}

/// The log tells once of each task that was made, under the id that it has.
void World::check_chains(const std::string& user, const std::vector<json>& log) {
    require(!holds("SELECT 1 FROM task WHERE parent <> '' GROUP BY user_id, parent HAVING "
                   "count(*) > 1"),
            "P5: an occurrence has one successor here");
    auto& occurrences = outside_.occurrences;
    std::set<Outside::Parent> told;
    for (const auto& event : log) {
        if (event["source"] != own_source) continue;
        const auto& data = event["data"];
        const auto& payload = data["payload"];
        const auto closed = occurrences.find({user, data["task_id"].dump()});
        if (event["type"] == "task.completed" && closed != occurrences.end())
            closed->second.completed.insert(
                *core::parse_utc(payload["completed"].get<std::string>()));
        if (event["type"] != "task.created" || !payload.contains("parent_task_id")) continue;
        const Outside::Parent parent{user, payload["parent_task_id"].dump()};
        require(told.insert(parent).second, "P4: a task is made known once: " + event.dump());
        if (!settings_.roles.recurs_here()) {
            const auto key = outside_.key_of.find(parent);
            require(
                key != outside_.key_of.end() && outside_.made[key->second].id == data["task_id"],
                "P2: a task is made known as the backend made it: " + event.dump());
            continue;
        }
        const auto before = occurrences.find(parent);
        if (before == occurrences.end()) continue;  // a task of the daemon's own began the chain
        const auto slot = *core::parse_utc(payload["due_at"].get<std::string>());
        check_next(before->second, slot);
        const Occurrence one{user, data["task_id"], before->second.pattern, before->second.first,
                             slot};
        occurrences.try_emplace({user, one.id.dump()}, one);
    }
}

/// The topic has the own events in the order of the log for each subject, none left out before the
/// cursor, and nothing else.
void World::check_topic(const std::string& user, const std::vector<json>& log) {
    const auto& published = outside_.topic[user];
    std::map<std::string, std::vector<json>> expected;
    for (const auto& event : log)
        if (event["source"] == own_source) expected[event.value("subject", "")].push_back(event);
    std::map<std::string, std::vector<json>> found;
    for (const auto& event : published) {
        require(event["userid"] == user && event["source"] == own_source,
                "P6: a topic has own events under their user: " + event.dump());
        auto& before = found[event.value("subject", "")];
        require(before.empty() || before.back()["userseq"] < event["userseq"],
                "P7: a subject's events are published in order: " + event.dump());
        const auto& all = expected[event.value("subject", "")];
        require(trims_ || (before.size() < all.size() && all[before.size()] == event),
                "P7: what is published is the log without a gap: " + event.dump());
        before.push_back(event);
    }
    if (trims_) return;  // the log is cut whoever still wants it
    daemon::Query passed(*database_,
                         "SELECT id FROM event WHERE user_id = ? AND source = ? AND seq <= "
                         "(SELECT min(seq) FROM publisher) ORDER BY seq",
                         user, own_source);
    while (passed.step())
        require(is_published(published, passed.text(0)),
                "P1: the cursor is behind what was published: " + passed.text(0));
}

void World::check_calls(const std::string& user) {
    for (const auto& [id, key] : known_[user].calls) {
        const auto reply = call(user, "delivery.get", {{"delivery", id}});
        require(reply.contains("result"), "P1: an acknowledged call is there: " + reply.dump());
        require(reply["result"]["state"] != "succeeded" || outside_.done.contains(key),
                "P2: a call that succeeded was made: " + reply.dump());
        for (const auto& other : users_)
            require(
                other == user || call(other, "delivery.get", {{"delivery", id}}).contains("error"),
                "P6: another user's call is as one that does not exist");
    }
    daemon::Query dead(*database_,
                       "SELECT json_extract(call, '$.key'), expires FROM delivery WHERE user_id = "
                       "? AND call IS NOT NULL AND command_group IS NULL AND state = 'dead' "
                       "ORDER BY id",
                       user);
    while (dead.step())
        require(outside_.denied.contains(dead.text(0)) ||
                    dead.time(1) <= std::max(latest_, clock_.now()) + minutes{1},
                "P1: a call is given up when it was refused for good or its time is over: " +
                    dead.text(0));
    require(!holds("SELECT 1 FROM delivery d WHERE call IS NOT NULL AND command_group IS NULL "
                   "AND (state = 'dead') <> EXISTS "
                   "(SELECT 1 FROM dead_letter l WHERE l.user_id = d.user_id AND origin = "
                   "'delivery' AND name = d.id)"),
            "P7: a call is dead, or has no dead letter");
}

/// Everything works again: what is left is done, by the turns that the engine asks for.
void World::drain_outside() {
    note("outside: everything works from now on");
    outside_.is_calm = true;
    outside_.outage = 0;
    crash(false);  // with it go the workers that hang
    const auto settle_all = [&] {
        for (int round = 0; round < rounds_max; ++round) {
            run_timers();
            send_events();
            const bool is_busy = !jobs_.empty();
            call_outside(false);
            if (is_busy) continue;
            if (outside_.unsent.empty() &&
                !holds("SELECT 1 FROM delivery WHERE call IS NOT NULL AND finished IS NULL") &&
                !holds("SELECT 1 FROM inbox WHERE state = 'waiting'"))
                return;
            clock_.advance(minutes{1});
        }
        daemon::Query open(*database_,
                           "SELECT id || ' ' || state || ' ' || coalesce(next_attempt_ms, 'none') "
                           "|| ' ' || result FROM delivery WHERE call IS NOT NULL AND finished IS "
                           "NULL");
        throw Broken("P8: calls come to an end when everything works: " +
                     (open.step() ? open.text(0) : "events wait"));
    };
    settle_all();
    for (const auto& user : users_)
        if (!trims_) check_drained(user);
}

void World::check_drained(const std::string& user) {
    daemon::Query behind(*database_,
                         "SELECT id FROM event WHERE user_id = ? AND source = ? AND seq > (SELECT "
                         "min(seq) FROM publisher)",
                         user, own_source);
    require(!behind.step(), "P8: the log is published up to its head");
    const auto log = read_log(user);
    check_chains(user, log);
    std::set<std::string> next_of_these;
    std::set<std::string> letters;  // task_id and title of the events that they tell of
    for (const auto& event : log)
        if (event["source"] == own_source && event["type"] == "task.created")
            next_of_these.insert(event["data"]["payload"].value("parent_task_id", json()).dump());
    const auto page = call(user, "dead_letter.list", {{"origin", "delivery"}, {"limit", 1000}});
    for (const auto& letter : page["result"]["dead_letters"]) {
        const auto data = letter["event"].value("data", json::object());
        letters.insert(data.value("task_id", json()).dump());
        letters.insert("Reminder: " + data.value("payload", json::object()).value("title", ""));
    }
    for (const auto& [key, one] : outside_.occurrences)
        require(one.user != user || !one.is_known || next_of_these.contains(key.second) ||
                    letters.contains(key.second),
                "P1: a completed occurrence has its successor, or a dead letter: " + key.second);
    for (const auto& [parent, key] : outside_.key_of)
        require(parent.first != user || next_of_these.contains(parent.second),
                "P2: each task that was made is made known: " + parent.second);
    for (const auto& [subject, owner] : outside_.reminders)
        require(owner != user || outside_.mails.contains(subject) || letters.contains(subject),
                "P1: a reminder is a mail or a dead letter: " + subject);
    for (const auto& [id, key] : known_[user].calls) {
        const auto state = call(user, "delivery.get", {{"delivery", id}})["result"]["state"];
        require(state == "dead" || state == "succeeded", "P8: each call comes to its end");
    }
}

}  // namespace taskd::sim
