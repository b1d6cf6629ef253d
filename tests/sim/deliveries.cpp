// SPDX-License-Identifier: Apache-2.0
// Channels, those who are behind them, and what must have come of each delivery: once per firing,
// under one key, and never after it was known to have arrived.
#include "ipc/json.h"
#include "tests/sim/world.h"

#include <algorithm>

namespace taskd::sim {
namespace {

using core::Outcome;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int rounds_max = 3000;

std::string place_of(const daemon::Job& job) {
    return job.user.str() + " " + job.channel.name;
}

/// A destination's answer.
Outcome answered(const core::Channel& channel, int status) {
    Outcome outcome{status < 300, core::is_retryable_status(status),
                    "answered " + std::to_string(status), ""};
    outcome.blames_callee = outcome.retryable;
    if (core::is_web(channel.kind) || channel.kind == core::ChannelKind::dapr)
        outcome.status = status;
    if (status == 429) outcome.retry_after = seconds{90};
    return outcome;
}

/// A channel's delivery as it is stored.
struct Row {
    std::string id, channel, state, reminder, digest;
    std::int64_t attempts, event;
};

std::vector<Row> rows_of(daemon::Database& database, const std::string& user) {
    std::vector<Row> rows;
    daemon::Query row(database,
                      "SELECT id, channel, state, reminder_id, digest, attempts, event_user_seq "
                      "FROM delivery WHERE user_id = ? AND call_key IS NULL ORDER BY id",
                      user);
    while (row.step())
        rows.push_back({row.text(0), row.text(1), row.text(2), row.text(3), row.text(4),
                        row.integer(5), row.integer(6)});
    return rows;
}

bool is_over(const std::string& state) {
    return state != "pending" && state != "running";
}

/// A firing of which each channel has its delivery, or its part in a digest; some may have been
/// removed before it.
void check_channels(const json& event, const std::vector<const Row*>& rows, bool to_usual,
                    const std::set<std::string>& own, const std::set<std::string>& escalation,
                    const auto& may_be_gone) {
    const auto& payload = event["data"]["payload"];
    std::set<std::string> wanted;
    if (to_usual) wanted = own;
    if (payload.value("escalated", false)) wanted.insert(escalation.begin(), escalation.end());
    std::set<std::string> found;
    for (const auto* row : rows) {
        require(row->reminder == payload["reminder_id"],
                "P2: a delivery tells of its reminder: " + row->id);
        require(found.insert(row->channel).second,
                "P4: a firing goes to a channel once: " + payload.dump());
    }
    bool has_gone = !wanted.empty();
    for (const auto& channel : wanted) {
        const bool is_found = found.erase(channel) == 1;
        require(is_found || may_be_gone(channel),
                "P9: a firing goes to each of its channels: " + channel + ", " + payload.dump());
        has_gone = has_gone && !is_found;
    }
    // Without channels of its own it went to the one that was the default then.
    require(found.size() <= ((to_usual && own.empty()) || has_gone ? 1U : 0U),
            "P9: a firing goes to no other channel: " + payload.dump());
}

}  // namespace

void World::set_channel(Sent& sent, const Pick& pick) {
    sent.method = "channel.set";
    const std::string name = sent.params["name"];
    const std::string of = pick({"exec", "email", "desktop", "webhook", "ntfy", "gotify", "dapr"});
    sent.params["kind"] = of;
    if (of == "exec") sent.params["argv"] = json::array({"true"});
    if (of == "email") sent.params["to"] = sent.user + "@example.org";
    if (of == "webhook" || of == "ntfy" || of == "gotify")
        sent.params["url"] = "https://" + name + ".example.org/topic";
    if (of == "gotify") sent.params["secret"] = "Atoken.of.an.app";
    if (of == "dapr") sent.params.update({{"app", "pager"}, {"method", "remind"}});
    sent.params["is_default"] = !random_.one_in(3);
    if (random_.one_in(2))
        sent.params["rate"] = {{"max", random_.between(1, 3)},
                               {"per_ms", random_.one_in(2) ? 60'000 : 3'600'000}};
    if (random_.one_in(2))
        sent.params["retry"] = {{"attempts_max", random_.between(1, 4)},
                                {"backoff_ms", 5'000},
                                {"backoff_max_ms", random_.one_in(2) ? 5'000 : 300'000}};
}

/// Each user begins with some.
void World::open_channels() {
    const Pick pick = [&](const std::vector<std::string>& from) {
        return from[static_cast<std::size_t>(
            random_.between(0, static_cast<std::int64_t>(from.size()) - 1))];
    };
    std::vector<Sent*> batch;
    for (const auto& user : users_)
        for (const char* name : {"desk", "phone"}) {
            Sent sent{user, "", {{"name", name}}, nullptr, 0};
            set_channel(sent, pick);
            sent.params["idempotency_key"] = "key-" + std::to_string(next_key_++);
            sent_.push_back(std::make_unique<Sent>(std::move(sent)));
            batch.push_back(sent_.back().get());
        }
    turn_with(batch, true);
}

void World::random_channel(Sent& sent, const Pick& pick) {
    const std::string name = pick({"desk", "phone", "mail", "hook"});
    const auto kind = random_.between(0, 11);
    sent.params = {{"name", name}};
    if (kind <= 3) {
        set_channel(sent, pick);
    } else if (kind <= 5) {
        sent.method = "channel.remove";
        daemon::Query digest(*database_,
                             "SELECT channel FROM delivery WHERE user_id = ? AND state = 'pending' "
                             "AND reminder_id = '' AND event_user_seq = 0 AND call_key IS NULL",
                             sent.user);
        if (digest.step()) sent.params["name"] = digest.text(0);
        removals_.insert(sent.user + " " + sent.params["name"].get<std::string>());
    } else if (kind == 6 || kind == 7) {
        sent.method = "channel.test";
        for (const char* other : {"desk", "phone", "mail", "hook"})  // one that fails, if any
            if (troubles_[sent.user + " " + other] > 3) sent.params["name"] = other;
    } else if (kind == 8) {
        sent.method = "reminder.default_set";
        sent.params = {{"scope", "user"}, {"tz_default", "UTC"}};
        if (!random_.one_in(3)) {
            sent.params["remind"] = json::array({pick({"10m", "0"})});
            add_reminding(sent.params, sent.user, pick);
        }
    } else if (kind == 9) {
        sent.method = "user.set";
        sent.params = {{"agenda", pick({"08:00", "21:30", ""})},
                       {"agenda_channel", pick({"", name})}};
    } else {
        sent.method = "delivery.retry";
        daemon::Query row(*database_,
                          "SELECT id FROM delivery WHERE user_id = ? AND call_key IS NULL AND "
                          "(state = 'dead' OR ?) ORDER BY state = 'dead' DESC, finished DESC LIMIT "
                          "1",
                          sent.user, random_.one_in(4));
        sent.params = {{"delivery", row.step() ? row.text(0) : "0000"}};
        retried_.insert(sent.params["delivery"].get<std::string>());
    }
}

/// An attempt was handed out: of a delivery that may be sent, under the key that it always has.
void World::begin_attempt(const daemon::Job& job) {
    const std::string id = job.delivery.str();
    std::string about = job.user.str() + "|";
    if (job.channel.name.empty()) {
        about += job.call->key;
    } else {
        const json event = json::parse(job.event);
        const auto& payload = event["data"]["payload"];
        about += job.channel.name + "|" + event["id"].get<std::string>();
        if (payload.contains("reminder_id"))
            about = job.user.str() + "|" + job.channel.name + "|" +
                    payload["reminder_id"].get<std::string>() + "|" +
                    payload.value("recurrence_id", "") + "|" + payload["firing"].dump();
    }
    require(delivery_of_.try_emplace(about, id).first->second == id,
            "P4: one firing went out under two delivery ids: " + about);
    Sending& sending = sendings_[id];
    require(sending.about.empty() || sending.about == about,
            "P4: a key stands for one firing on one channel: " + about);
    sending.about = about;
    if (job.channel.name.empty()) return;
    daemon::Query row(*database_,
                      "SELECT state, attempts, revoked FROM delivery WHERE user_id = ? AND id = ?",
                      job.user.str(), id);
    require(row.step() && row.text(0) == "running", "P2: what is being sent is stored so: " + id);
    const bool is_retried = retried_.contains(id);
    require(sending.over.empty() || (sending.over == "dead" && is_retried),
            "P4: a delivery that is over is not sent: " + about + " was " + sending.over);
    require(row.integer(1) == sending.begun + 1 || (row.integer(1) == 1 && is_retried),
            "P8: attempts are counted: " + about);
    require(row.text(2).empty() || is_retried, "P9: what was revoked is not sent: " + about);
    sending.begun = row.integer(1);
    sending.over.clear();
    count_start(job);
}

void World::count_start(const daemon::Job& job) {
    // Who tests a channel does not wait for its rate.
    if (job.notice.summary.rfind("Test of channel", 0) == 0) return;
    auto& starts = starts_[place_of(job)];
    starts.push_back(clock_.now());
    const auto rate = core::rate_of(job.channel);
    if (rate.max == 0) return;
    const auto recent = std::count_if(starts.begin(), starts.end(), [&](const auto& start) {
        return start > clock_.now() - rate.per;
    });
    require(recent <= rate.max, "P8: a channel's rate holds: " + std::to_string(recent) +
                                    " attempts on " + place_of(job));
}

/// Workers make some of the attempts, the others are late. The process may end before the results
/// are written, and the turn that writes them may fail.
void World::send_some(bool may_fail) {
    std::vector<daemon::JobResult> results;
    std::vector<daemon::Job> left;
    for (auto& job : std::exchange(jobs_, {})) {
        if (job.channel.name.empty() || (may_fail && random_.one_in(3)))
            left.push_back(std::move(job));
        else
            results.push_back({job.user, job.delivery, send(job), {}, job.channel});
    }
    jobs_ = std::move(left);
    if (results.empty()) return;
    if (may_fail && random_.one_in(12)) return crash(random_.one_in(2));
    if (may_fail && random_.one_in(8)) arm_fault();
    auto turn = engine_->turn({}, results, clock_.now(), clock_.monotonic());
    disk_.disarm();
    if (turn.store_lost || disk_.dead() || (may_fail && random_.one_in(20)))
        crash(random_.one_in(2));
    else
        take_turn_output(turn);
}

/// One attempt as it goes outside, and as a worker tells of it.
Outcome World::send(const daemon::Job& job) {
    int& trouble = troubles_[place_of(job)];
    if (trouble == 0 && random_.one_in(6)) trouble = static_cast<int>(random_.between(1, 20));
    Outcome outcome = answered(job.channel, 200);
    if (!outside_.is_calm) {
        const auto fate = random_.between(0, 19);
        if (trouble > 0) {
            --trouble;
            outcome = answered(job.channel, fate <= 3 ? 429 : 503);
        } else if (fate == 0) {
            outcome = answered(job.channel, 410);
        } else if (fate == 1) {
            outcome = answered(job.channel, 400);
        } else if (fate == 2) {  // it came, and its answer was lost
            outcome = {false, true, "timed out", ""};
            outcome.blames_callee = true;
        }
    }
    note("outside: " + place_of(job) + " " + job.delivery.str() + ": " + outcome.result);
    return outcome;
}

/// After a crash: an attempt may have begun in a turn of which nobody heard.
void World::resume_sendings() {
    for (const auto& user : users_)
        for (const auto& row : rows_of(*database_, user)) {
            Sending& sending = sendings_[row.id];
            const bool is_retried = retried_.contains(row.id) && row.attempts <= 1;
            require(
                row.attempts == sending.begun || row.attempts == sending.begun + 1 || is_retried,
                "P8: attempts are counted across a crash: " + row.id);
            require(row.state != "running", "P8: an attempt ends with its process: " + row.id);
            sending.begun = row.attempts;
        }
}

void World::check_deliveries(const std::string& user, const std::vector<json>& log) {
    const auto rows = rows_of(*database_, user);
    std::map<std::int64_t, std::vector<const Row*>> by_event;
    for (const auto& row : rows) {
        if (!row.reminder.empty()) by_event[row.event].push_back(&row);
        Sending& sending = sendings_[row.id];
        const bool is_retried = retried_.contains(row.id);
        require(row.attempts == sending.begun || (is_retried && row.attempts == 0),
                "P8: attempts are counted: " + row.id);
        require(sending.over.empty() || sending.over == row.state ||
                    (is_retried && sending.over == "dead"),
                "P2: what is over stays so: " + row.id + " was " + sending.over);
        sending.over = is_over(row.state) ? row.state : "";
    }
    std::map<std::string, std::pair<std::set<std::string>, std::set<std::string>>> channels;
    daemon::Query row(*database_,
                      "SELECT id, channels, escalate_to FROM reminder WHERE user_id = ?", user);
    while (row.step())
        channels[row.text(0)] = {json::parse(row.text(1)).get<std::set<std::string>>(),
                                 json::parse(row.text(2)).get<std::set<std::string>>()};
    std::map<std::string, int> nags;  // so far, of those whose own firing was seen
    for (const auto& event : log) {
        if (event["source"] != own_source || event["type"] != "reminder.due") continue;
        const auto& payload = event["data"]["payload"];
        const std::string reminder = payload["reminder_id"];
        const int nag = payload.value("nag", 0);
        const bool follows = nag > 0 || payload.value("escalated", false);
        const bool is_known = nags.contains(reminder) || !follows;
        const bool to_usual = !follows || nag > nags[reminder];
        nags[reminder] = nag;
        const auto of = channels.find(reminder);
        if (of == channels.end() || !is_known) continue;  // it was replaced by others
        check_channels(event, by_event[event["userseq"].get<std::int64_t>()], to_usual,
                       of->second.first, of->second.second, [&](const std::string& channel) {
                           return removals_.contains(user + " " + channel);
                       });
    }
    check_ends(user, log);
    check_digests(user, log);
}

/// Each end of a delivery has one event, and there is no other.
void World::check_ends(const std::string& user, const std::vector<json>& log) {
    static const std::map<std::string, std::string> ends{{"delivery.succeeded", "succeeded"},
                                                         {"delivery.suppressed", "suppressed"},
                                                         {"delivery.failed", "dead"}};
    const bool is_whole = log.empty() || log.front()["userseq"] == 1;
    std::map<std::string, std::string> told;
    for (const auto& event : log) {
        const std::string type = event["type"];
        if (event["source"] != own_source || type.rfind("delivery.", 0) != 0) continue;
        const auto& payload = event["data"]["payload"];
        if (payload.contains("call")) continue;
        const std::string id = payload["id"];
        auto& last = told[id];
        if (type == "delivery.retried") {
            require(last == "dead" || !is_whole, "P2: what is dead is tried again: " + id);
            last = "pending";
            continue;
        }
        require(last.empty() || last == "pending", "P2: a delivery ends once: " + id);
        last = ends.at(type);
        require(payload["state"] == last, "P2: an event shows how a delivery ended: " + id);
    }
    for (const auto& row : rows_of(*database_, user)) {
        const auto found = told.find(row.id);
        const std::string last = found == told.end() ? "pending" : found->second;
        if (found == told.end() && !is_whole) continue;
        require(last == (is_over(row.state) ? row.state : "pending"),
                "P2: a delivery's last event tells of it: " + row.id + " is " + row.state +
                    ", not " + last);
    }
}

/// Each reminder that a digest stands for is counted in its event, once it went out.
void World::check_digests(const std::string& user, const std::vector<json>& log) {
    std::map<std::string, std::int64_t> members;
    std::map<std::string, Row> digests;
    for (const auto& row : rows_of(*database_, user)) {
        digests.emplace(row.id, row);
        if (row.digest.empty()) continue;
        require(row.state == "suppressed" && !row.reminder.empty(),
                "P9: what a digest tells of is not sent by itself: " + row.id);
        ++members[row.digest];
    }
    for (const auto& [id, count] : members) {
        const auto digest = digests.find(id);
        require(digest != digests.end() && digest->second.reminder.empty(),
                "P9: the digest of a delivery is there: " + id);
        require(digest->second.event != 0 || digest->second.state == "pending" ||
                    digest->second.state == "suppressed",
                "P2: a digest that is closed has its event: " + id);
    }
    std::set<std::string> told;
    for (const auto& event : log) {
        if (event["source"] != own_source || event["type"] != "reminder.digest") continue;
        const std::string id = event["subject"];
        require(told.insert(id).second, "P2: a digest has one event: " + id);
        // Those that were done before it went out are not told.
        const std::int64_t count = event["data"]["payload"]["count"];
        require(count > 0 && count <= members[id],
                "P9: a digest tells of its members: " + event.dump());
    }
}

void World::check_delivery_rows() {
    const auto none = [&](const std::string& sql, const char* promise) {
        daemon::Query row(*database_, sql.c_str());
        while (row.step()) require(retried_.contains(row.text(0)), promise + (": " + row.text(0)));
    };
    const std::string open_of_task =
        "SELECT d.id FROM delivery d JOIN task t ON t.user_id = d.user_id AND t.id = d.task_id "
        "WHERE d.call_key IS NULL AND d.finished IS NULL AND (t.completed IS NOT NULL OR t.status "
        "= 'cancelled' OR t.deleted IS NOT NULL) AND ";
    none(open_of_task + "d.state = 'pending'", "P9: a task that is closed has nothing pending");
    none(open_of_task + "d.revoked = ''", "P9: what is under way for a closed task is the last");
    none(
        "SELECT d.id FROM reminder r JOIN delivery d ON d.user_id = r.user_id AND d.reminder_id = "
        "r.id AND d.recurrence_id = coalesce(r.fired_slot, '') WHERE d.state = 'pending' AND "
        "(r.acknowledged IS NOT NULL OR r.snoozed_until IS NOT NULL)",
        "P9: what was seen or put off has nothing pending");
    // A walk over what waits has begun in the turn that saw the clock go back.
    if (!holds("SELECT 1 FROM timer WHERE kind = 'zones'")) {
        daemon::Query late(*database_,
                           "SELECT id FROM reminder WHERE nag_at > ?1 + nag_ms OR escalate_at > "
                           "?1 + escalate_ms",
                           clock_.now() + daemon::clock_tolerance);
        require(!late.step(), "P9: a nag waits no longer than it was told to");
    }
    daemon::Query two(*database_,
                      "SELECT channel FROM delivery WHERE state = 'pending' AND reminder_id = '' "
                      "AND event_user_seq = 0 AND call_key IS NULL GROUP BY user_id, channel "
                      "HAVING count(*) > 1");
    require(!two.step(), "P9: a channel has one open digest");
}

/// Everybody answers again: what had begun by now comes to its end.
void World::drain_deliveries() {
    note("outside: every channel works from now on");
    outside_.is_calm = true;
    outside_.outage = 0;
    crash(false);  // with it go the workers that hang
    const auto start = clock_.now().time_since_epoch().count();
    const std::string open =
        "SELECT 1 FROM delivery WHERE call_key IS NULL AND finished IS NULL AND created <= " +
        std::to_string(start);
    for (int round = 0; round < rounds_max; ++round) {
        run_timers();
        const bool is_busy = !jobs_.empty();
        call_outside(false);
        if (is_busy) continue;
        if (!holds(open.c_str())) return;
        const auto due = engine_->next_due();
        require(due.has_value(), "P8: a delivery that is open has its time");
        clock_.advance(std::max(*due - clock_.now(), milliseconds{1}));
        latest_ = std::max(latest_, clock_.now());
    }
    throw Broken("P8: deliveries come to an end when everything works");
}

}  // namespace taskd::sim
