// SPDX-License-Identifier: Apache-2.0
// The promises, checked after every step against what clients know and what is stored.
#include "core/rfc3339.h"
#include "core/series.h"
#include "ipc/json.h"
#include "tests/sim/world.h"

#include <algorithm>

namespace taskd::sim {
namespace {

/// Reads the store itself, beside the engine: rows as the promises speak of them.
struct Row {
    std::string user, series, first, last, state, task;
    std::int64_t count;
};

}  // namespace

std::vector<json> World::read_log(const std::string& user) {
    std::vector<json> log;
    for (std::int64_t after = 0;;) {
        const auto page = call(user, "event.read", {{"after", after}, {"limit", 1000}})["result"];
        for (const auto& event : page["events"]) log.push_back(event);
        after = page["next"];
        if (after >= page["head"].get<std::int64_t>()) return log;
    }
}

void World::check_all() {
    for (const auto& user : users_) {
        check_tasks(user);
        const auto log = read_log(user);
        check_log(user, log);
        check_events(user, log);
        check_reminders(user, log);
        check_firings(user, log);
        check_deliveries(user, log);
        check_runs(user, log);
        check_rules(user, log);
        listen(user, log);
        if (dapr_) {
            check_chains(user, log);
            check_topic(user, log);
            check_calls(user);
        }
        check_series(user);
        check_tokens(user);
    }
    check_reads_change_nothing(users_[static_cast<std::size_t>(random_.between(0, 2))]);
    check_timers();
    check_delivery_rows();
    check_commands();
    check_rule_rows();
}

void World::check_tasks(const std::string& user) {
    std::map<std::string, json> stored;
    for (const bool deleted : {false, true}) {
        const auto page = call(user, "task.list",
                               {{"statuses", json::array()},
                                {"deleted", deleted},
                                {"sort", "number"},
                                {"limit", 1000}})["result"];
        for (const auto& task : page["tasks"]) stored[task["id"]] = task;
    }
    std::set<std::int64_t> numbers;
    for (const auto& [id, task] : stored) {
        require(task["user_id"] == user, "P6: a list shows the user's own tasks only");
        require(numbers.insert(task["number"].get<std::int64_t>()).second,
                "a number is given once");
    }
    for (const auto& [id, known] : known_[user].tasks) {
        const auto found = stored.find(id);
        const bool trimmed =
            found == stored.end() && (known.contains("deleted") || known.contains("gone"));
        if (trimmed) continue;
        require(found != stored.end(), "P1: an acknowledged task is there: " + known.dump());
        if (known.contains("gone")) {
            require(found->second.contains("deleted"), "P1: a removed successor stays removed");
            continue;
        }
        if (found->second["revision"] > known["revision"]) {
            learn_commanded(user, found->second);
            learn_ruled(user, found->second);
        }
        require(found->second == known, "P1: an acknowledged task is as it was answered: " +
                                            found->second.dump() + " was " + known.dump());
    }
    for (const auto& [id, task] : stored) {
        // What a stack made by itself just before a crash is in the log only.
        daemon::Query stack(*database_,
                            "SELECT 1 FROM series WHERE user_id = ? AND id = ? AND "
                            "json_extract(policies, '$.overlap') = 'stack'",
                            user, task.value("series_id", ""));
        if (stack.step() || task.contains("parent_task_id")) learn_task(user, task);
        if (!known_[user].tasks.contains(id)) learn_commanded(user, task);
        if (!known_[user].tasks.contains(id)) learn_ruled(user, task);
    }
    for (const auto& [id, task] : stored)
        require(known_[user].tasks.contains(id),
                "P3/P5: no task is there that nobody was told of: " + task.dump());
}

void World::check_log(const std::string& user, const std::vector<json>& log) {
    std::int64_t expected = log.empty() ? 1 : log.front()["userseq"].get<std::int64_t>();
    require(!trims_ || log.size() < 100, "retention bounds a log");
    std::set<std::string> ids;
    std::map<std::string, json> folded;
    for (const auto& event : log) {
        require(event["userseq"] == expected,
                "P7: numbers have no gap and no repeat: " + event.dump() + " is not " +
                    std::to_string(expected));
        ++expected;
        require(event["userid"] == user, "P6: a user's log holds their own events only");
        require(ids.insert(event["id"].get<std::string>()).second, "an event's id is its own");
        if (event["source"] != own_source) continue;
        const auto& data = event["data"];
        const bool is_task = event["type"].get<std::string>().rfind("task.", 0) == 0;
        if (is_task && data["payload"].contains("id"))  // else one of another service
            folded[data["task_id"]] = task_in(data["payload"]);
    }
    // The log tells of every change, and of no change that is not there (P2).
    for (const auto& [id, known] : known_[user].tasks) {
        if (log.empty() || log.front()["userseq"] != 1) break;  // retention took the beginning
        require(folded.contains(id), "P2: a task has its events");
        if (known.contains("gone")) continue;
        // Where its next occurrence was made already, nobody is told of the pattern.
        if (known.contains("recurring_pattern") && settings_.roles.recurs_here())
            folded[id]["recurring_pattern"] = known["recurring_pattern"];
        require(folded[id] == known, "P2: the last event of a task shows it as it is: " +
                                         folded[id].dump() + " is " + known.dump());
    }
}

void World::check_series(const std::string& user) {
    std::map<std::string, std::vector<Row>> rows;
    {
        daemon::Query row(*database_,
                          "SELECT series_id, recurrence_id, last_slot, state, "
                          "coalesce(task_id, ''), count FROM occurrence WHERE user_id = ? "
                          "ORDER BY series_id, position",
                          user);
        while (row.step())
            rows[row.text(0)].push_back({user, row.text(0), row.text(1), row.text(2), row.text(3),
                                         row.text(4), row.integer(5)});
    }
    const auto page = call(user, "series.list", {{"ended", true}, {"limit", 1000}})["result"];
    require(page["series"].size() == rows.size(), "P11: each series has its first occurrence");
    for (const auto& view : page["series"]) {
        const auto series = ipc::from_json<core::Series>(view);
        require(series.has_value(), "a series can be read");
        const auto schedule = core::schedule_of(*series);
        require(schedule.has_value(), "a series has a schedule");
        std::optional<core::Slot> slot = schedule->slots.first_slot();
        const auto& decided = rows[series->id.str()];
        std::set<std::string> tasks;
        const bool stack = series->policies.overlap == core::Overlap::stack;
        require(stack && !series->ended && !series->paused ? series->next.has_value()
                                                           : !series->next.has_value(),
                "invariant 8: a stack that goes on has its timer, and nothing else has one");
        if (series->policies.anchor == core::Anchor::completion) {
            // Its slots are those that were made: each is a task of its own.
            for (const auto& row : decided)
                require(row.count == 1 && tasks.insert(row.first).second,
                        "P5: a slot counted from completion is made once");
            require(series->ended || series->paused || view.value("open_task", 0) != 0,
                    "P11: a series that goes on has its open occurrence: " + view.dump());
            continue;
        }
        for (const auto& row : decided) {
            require(slot && core::format(slot->id) == row.first,
                    "P11: the slots are decided one after the other, none left out: " + row.first +
                        " in " + view.dump());
            std::int64_t count = 1;
            for (; core::format(slot->id) != row.last; ++count) {
                slot = schedule->slots.next_after(*slot);
                require(slot && core::format(slot->id) <= row.last, "P11: a run ends on a slot");
            }
            require(count == row.count, "P11: a run of skipped slots is counted right");
            slot = schedule->slots.next_after(*slot);
            if (!row.task.empty())
                require(tasks.insert(row.task).second, "P5: a task is one slot's");
        }
        if (series->ended) {
            require(!slot || schedule->at(*slot).at > clock_.now() + std::chrono::hours{24 * 400} ||
                        view.value("open_task", 0) == 0 || series->ended_by_user,
                    "an ended series has no open task");
        } else {
            // What comes after the last decision waits behind the open one, or is still ahead.
            require(view.value("open_task", 0) != 0 || series->paused || stack,
                    "P11: a series that goes on has its open occurrence: " + view.dump());
        }
    }
}

void World::check_tokens(const std::string& user) {
    const auto page = call(user, "admin.token_list", json::object())["result"]["tokens"];
    std::map<std::string, json> stored;
    for (const auto& token : page) {
        require(!token.contains("secret"), "a token's secret is shown once");
        stored[token["id"]] = token;
    }
    for (const auto& [id, secret] : known_[user].secrets) {
        const auto caller = tokens_.find(secret, clock_.now());
        const auto found = stored.find(id);
        // An expired one may have been taken by retention; it opens nothing either way.
        const bool lives =
            found != stored.end() &&
            (!found->second.contains("expires") ||
             *core::parse_utc(found->second["expires"].get<std::string>()) > clock_.now());
        // One that had expired by a clock that was ahead may stay so until the next start.
        const bool had_expired = set_back_.count() > 0 && !caller;
        require(caller.has_value() == lives || had_expired,
                "P1: the table in memory knows the tokens in force");
        require(!caller || (caller->user.str() == user && !caller->is_operator),
                "P6: a token speaks for its own user");
    }
}

void World::check_timers() {
    const auto none = [&](const char* sql, const char* promise) {
        daemon::Query row(*database_, sql);
        require(!row.step(), promise);
    };
    none("SELECT 1 FROM event GROUP BY user_id, source, dedup_key HAVING count(*) > 1",
         "P3: the log has a key once");
    none(
        "SELECT 1 FROM event_key k WHERE NOT EXISTS (SELECT 1 FROM event e WHERE e.seq = k.seq) "
        "AND NOT EXISTS (SELECT 1 FROM seen s WHERE s.seq = k.seq)",
        "a key that is kept is that of an event, or of what is left of one");
    none(
        "SELECT 1 FROM event e WHERE seq <= (SELECT CAST(value AS INTEGER) FROM meta WHERE key = "
        "'event_keys_seq') AND NOT EXISTS (SELECT 1 FROM event_key k WHERE k.seq = e.seq)",
        "every event has its key in the table, up to the number that says so");
    none(
        "SELECT 1 FROM reminder r WHERE next_ms IS NOT NULL AND NOT EXISTS (SELECT 1 FROM timer "
        "WHERE kind = 'reminder' AND due_ms = next_ms AND user_id = r.user_id AND ref = r.id)",
        "invariant 8: a reminder that is pending has its timer");
    none(
        "SELECT 1 FROM timer t WHERE kind = 'reminder' AND NOT EXISTS (SELECT 1 FROM reminder "
        "WHERE user_id = t.user_id AND id = t.ref AND next_ms = t.due_ms)",
        "invariant 8: a reminder's timer is true");
    none(
        "SELECT 1 FROM inbox i WHERE state = 'dead' AND NOT EXISTS (SELECT 1 FROM dead_letter d "
        "WHERE d.user_id = i.user_id AND d.origin = 'handler' AND d.name = i.handler AND "
        "d.user_seq = i.user_seq)",
        "P1: an event that a handler gave up is a dead letter");
    none(
        "SELECT 1 FROM run r WHERE NOT EXISTS (SELECT 1 FROM timer WHERE kind = 'run' AND due_ms = "
        "until_ms AND user_id = r.user_id AND ref = r.key)",
        "invariant 8: a run has its timer");
    none(
        "SELECT 1 FROM timer t WHERE kind = 'run' AND NOT EXISTS (SELECT 1 FROM run WHERE user_id "
        "= "
        "t.user_id AND key = t.ref AND until_ms = t.due_ms)",
        "invariant 8: a run's timer is true");
    none(
        "SELECT 1 FROM user u WHERE runs <> (SELECT count(*) FROM run r WHERE r.user_id = "
        "u.user_id) OR run_bytes <> (SELECT coalesce(sum(kept_bytes), 0) FROM run r WHERE "
        "r.user_id = u.user_id)",
        "what runs weigh is counted right");
    none(
        "SELECT 1 FROM series s WHERE next_ms IS NOT NULL AND NOT EXISTS (SELECT 1 FROM timer "
        "WHERE kind = 'series' AND due_ms = next_ms AND user_id = s.user_id AND ref = s.id)",
        "invariant 8: a stack that goes on has its timer");
    none(
        "SELECT 1 FROM timer t WHERE kind = 'series' AND NOT EXISTS (SELECT 1 FROM series "
        "WHERE user_id = t.user_id AND id = t.ref AND next_ms = t.due_ms)",
        "invariant 8: a stack's timer is true");
    none(
        "SELECT 1 FROM reminder r JOIN series s ON s.user_id = r.user_id AND s.id = r.series_id "
        "WHERE s.paused IS NOT NULL AND r.next_ms IS NOT NULL AND r.snoozed_until IS NULL AND NOT "
        "(r.next_ms IN (r.nag_at, r.escalate_at) AND r.firing > 1)",
        "a paused series reminds of nothing but what was snoozed, and follows that up");
    none(
        "WITH RECURSIVE reached (user_id, start, id) AS (SELECT user_id, task_id, depends_on FROM "
        "dependency UNION SELECT d.user_id, r.start, d.depends_on FROM dependency d JOIN reached r "
        "ON d.user_id = r.user_id AND d.task_id = r.id) SELECT 1 FROM reached WHERE id = start",
        "no task waits for itself");
    none(
        "SELECT 1 FROM delivery d WHERE state = 'pending' AND (command_group IS NULL OR "
        "next_attempt_ms IS NOT NULL) AND NOT EXISTS (SELECT 1 FROM timer WHERE kind = CASE WHEN "
        "command_group IS NULL THEN 'delivery' ELSE 'attempt' END AND due_ms = next_attempt_ms AND "
        "user_id = d.user_id "
        "AND ref = d.id)",
        "invariant 8: a delivery that is pending has its timer");
    none(
        "SELECT 1 FROM timer t WHERE kind IN ('delivery', 'attempt') AND NOT EXISTS (SELECT 1 FROM "
        "delivery "
        "WHERE user_id = t.user_id AND id = t.ref AND next_attempt_ms = t.due_ms)",
        "invariant 8: a delivery's timer is true");
    none(
        "SELECT 1 FROM consumer c WHERE next_ms IS NOT NULL AND NOT EXISTS (SELECT 1 FROM timer "
        "WHERE kind = 'consumer' AND due_ms = next_ms AND user_id = c.user_id AND ref = c.name)",
        "invariant 8: a consumer that waits has its timer");
    none(
        "SELECT 1 FROM timer t WHERE kind = 'consumer' AND NOT EXISTS (SELECT 1 FROM consumer "
        "WHERE user_id = t.user_id AND name = t.ref AND next_ms = t.due_ms)",
        "invariant 8: a consumer's timer is true");
    none(
        "SELECT 1 FROM in_flight f JOIN consumer c ON c.user_id = f.user_id AND c.name = "
        "f.consumer WHERE f.state = 'leased' AND (c.next_ms IS NULL OR c.next_ms > f.due_ms)",
        "invariant 8: a lease's end is waited for");
    none(
        "SELECT 1 FROM inbox i WHERE state = 'waiting' AND NOT EXISTS (SELECT 1 FROM timer WHERE "
        "kind = 'handler' AND due_ms = next_ms AND user_id = i.user_id AND ref = i.handler || '/' "
        "|| i.user_seq)",
        "invariant 8: a handler that is tried again has its timer");
    none(
        "SELECT 1 FROM event e WHERE change_id IS NOT NULL AND change_id NOT IN "
        "(SELECT change_id FROM change) AND received > (SELECT max(received) FROM event) - 1000",
        "P2: an event's change is stored with it");
}

void World::check_reads_change_nothing(const std::string& user) {
    const auto changes = [&] {
        daemon::Query row(*database_, "SELECT total_changes()");
        return row.step() ? row.integer(0) : -1;
    };
    const auto before = changes();
    // The promise is about requests; nothing is due here, so nothing else may write either.
    for (const auto& [method, params] :
         std::vector<std::pair<std::string, json>>{{"task.list", {{"text", "e"}, {"limit", 5}}},
                                                   {"series.list", {{"limit", 5}}},
                                                   {"agenda.get", {{"limit", 5}}},
                                                   {"task.facets", json::object()},
                                                   {"user.get", json::object()},
                                                   {"admin.token_list", json::object()},
                                                   {"channel.list", json::object()},
                                                   {"delivery.list", json::object()},
                                                   {"delivery.list", {{"failed", true}}},
                                                   {"reminder.defaults", json::object()},
                                                   {"event.list", json::object()},
                                                   {"event.read", {{"after", 0}}},
                                                   {"consumer.list", json::object()},
                                                   {"dead_letter.list", json::object()},
                                                   {"bus.endpoint", json::object()},
                                                   {"command.runs", json::object()},
                                                   {"expectation.list", json::object()},
                                                   {"rule.list", json::object()},
                                                   {"gap.list", json::object()},
                                                   {"admin.health", json::object()}}) {
        const auto reply = call(user, method, params);
        require(reply.contains("result"), "a read is answered: " + reply.dump());
    }
    require(changes() == before, "P12: reading changes nothing");
}

void World::listen(const std::string& user, const std::vector<json>& log) {
    if (trims_) return;  // one that looks away for long misses what is gone
    Listener& listener = listeners_[user];
    const std::int64_t head = log.empty() ? 0 : log.back()["userseq"].get<std::int64_t>();
    require(listener.known <= head, "P7: a live copy is of an event that is in the log");
    if (listener.known < head && random_.one_in(3)) {
        for (const auto& event : log) {
            const std::int64_t number = event["userseq"];
            if (number > listener.known) listener.seen.push_back(number);
        }
        listener.known = head;
    }
    for (std::size_t i = 0; i < listener.seen.size(); ++i)
        require(listener.seen[i] == static_cast<std::int64_t>(i) + 1,
                "P7: a listener that loses copies sees every event once, in order");
}

}  // namespace taskd::sim
