// SPDX-License-Identifier: Apache-2.0
// What has to report, and what users want done when an event comes: each ping counts for one slot
// at most, each slot of the past has its ping or its reason, and a rule is applied once to each
// event.
#include "core/event_rule.h"
#include "tests/sim/world.h"

#include <algorithm>

namespace taskd::sim {

/// Something is expected, reports, or is expected no more.
void World::random_expectation(Sent& sent, const Pick& pick) {
    const std::string name = pick({"backup", "sync", "heartbeat"});
    if (random_.one_in(4)) {
        sent.method = "expectation.set";
        sent.params = {{"name", name},
                       {"every", name == "heartbeat" ? "6 hours" : pick({"day", "weekday"})},
                       {"tz_default", "Europe/Berlin"},
                       {"grace", pick({"30m", "0", "2h"})}};
        if (name != "heartbeat") sent.params["by"] = pick({"04:00", "2:30", "23:50"});
        if (random_.one_in(4)) sent.params["window"] = pick({"1h", "20h"});
        return;
    }
    sent.method = "expectation.ping";
    sent.params = {{"name", name}};
    if (random_.one_in(12)) {
        sent.method = "expectation.remove";
        return;
    }
    if (random_.one_in(4)) sent.params["kind"] = pick({"start", "fail"});
    if (random_.one_in(3)) sent.params["run"] = pick({"a", "b"});
}

void World::random_rule(Sent& sent, const Pick& pick) {
    const std::string name = pick({"one", "two", "three", "four"});
    sent.params = {{"name", name}};
    if (random_.one_in(3)) {
        sent.method = pick({"rule.pause", "rule.resume", "rule.resume", "rule.remove"});
        return;
    }
    sent.method = "rule.set";
    sent.params["types"] = json::array({pick({"task.completed", "reminder.due", "task.cancelled",
                                              "delivery.*", "ping.received", "task.created"})});
    switch (random_.between(0, 3)) {
    case 0:
        sent.params["action"] = "add";
        sent.params["task"] = R"({"summary": "after {type}"})";
        break;
    case 1:
        sent.params["action"] = pick({"done", "cancel"});
        sent.params["text"] = pick({"after task.completed", "after {type}"});
        break;
    case 2:
        sent.params["action"] = "notify";
        sent.params["text"] = pick({"{type}", "{data.payload.summary}"});
        break;
    default:
        sent.params["action"] = "run";
        sent.params["command"] = {{"argv", {"ruled"}}, {"directory", "/"}};
    }
}

/// Tasks that a rule or a ping made, begun or closed without an answer to anybody.
void World::learn_ruled(const std::string& user, const json& task) {
    daemon::Query caused(*database_,
                         "SELECT 1 FROM event WHERE user_id = ?1 AND subject = ?2 AND "
                         "json_extract(attributes, '$.rulechain') IS NOT NULL LIMIT 1",
                         user, task["id"].get<std::string>());
    if (caused.step()) return learn_task(user, task);
    // What pings complete; and what was still open when nothing was expected any more.
    daemon::Query next(*database_,
                       "SELECT 1 FROM expectation WHERE user_id = ?1 AND series_id = ?2 UNION ALL "
                       "SELECT 1 FROM occurrence WHERE user_id = ?1 AND series_id = ?2 AND "
                       "recurrence_id = ?3 AND state = 'skipped' AND reason = 'ended' LIMIT 1",
                       user, task.value("series_id", ""), task.value("recurrence_id", ""));
    if (next.step()) learn_task(user, task);
}

void World::check_rules(const std::string& user, const std::vector<json>& log) {
    // A slot has one ping that counts, and is done by it or by hand.
    std::map<std::string, int> counted;
    for (const auto& event : log) {
        if (event["type"] != "ping.received") continue;
        const auto& ping = event["data"]["payload"];
        const bool counts = ping["outcome"] == "on_time" || ping["outcome"] == "late";
        require(!counts || ping.contains("recurrence_id"), "a ping that counts has its slot");
        if (ping["outcome"] == "early" || ping["outcome"] == "paused")
            require(!ping.contains("recurrence_id"), "a ping that does not count has no slot");
        if (ping["outcome"] == "on_time" && !ping.contains("run"))
            ++counted[ping["series_id"].get<std::string>() + " " +
                      ping["recurrence_id"].get<std::string>()];
    }
    for (const auto& [slot, count] : counted)
        require(count == 1, "a slot is not done twice by pings: " + user + " " + slot);

    // Each event that a rule caused names rules, each once, and few of them.
    for (const auto& event : log) {
        if (!event.contains("rulechain")) continue;
        auto rules = core::rules_in_chain(event["rulechain"].get<std::string>());
        require(!rules.empty() && rules.size() <= core::rule_chain_max,
                "rules do not set each other off without end");
        std::sort(rules.begin(), rules.end());
        require(std::adjacent_find(rules.begin(), rules.end()) == rules.end(),
                "a rule is not applied to what it did itself");
    }
}

void World::check_rule_rows() {
    const auto none = [](daemon::Query row, const std::string& promise) {
        if (row.step()) throw Broken(promise + ": " + row.text(0));
    };
    none(
        daemon::Query(*database_,
                      "SELECT e.name FROM expectation e JOIN series s ON s.user_id = e.user_id AND "
                      "s.id = e.series_id WHERE s.ended IS NULL GROUP BY e.user_id, e.name HAVING "
                      "count(*) > 1"),
        "a name is expected once");
    none(
        daemon::Query(*database_,
                      "SELECT e.name FROM expectation e JOIN series s ON s.user_id = e.user_id AND "
                      "s.id = e.series_id WHERE s.ended IS NULL AND s.paused IS NULL AND 1 <> "
                      "(SELECT count(*) FROM task t WHERE t.user_id = e.user_id AND t.series_id = "
                      "e.series_id AND t.deleted IS NULL AND t.status IN ('needs-action', "
                      "'in-process'))"),
        "P8: what is expected has one open slot");
    // P11: a reason is one that the series can have had.
#define PASSED_OVER                                                                        \
    "SELECT o.reason || ': ' || o.recurrence_id || ' of ' || o.series_id FROM occurrence " \
    "o JOIN series s ON s.user_id = o.user_id AND s.id = o.series_id WHERE o.state = "     \
    "'skipped' AND "
    none(
        daemon::Query(
            *database_, PASSED_OVER
            "(o.reason = 'window' AND json_extract(s.policies, '$.window') IS NULL OR o.reason = "
            "'min_gap' AND json_extract(s.policies, '$.min_gap') IS NULL OR o.reason = 'shift' AND "
            "json_extract(s.policies, '$.shift') IS NOT 'skip' OR o.reason = 'catch_up' AND "
            "json_extract(s.policies, '$.catch_up') = 'all' AND json_extract(s.policies, '$.max') "
            "IS NULL OR o.reason = 'failed' AND NOT EXISTS (SELECT 1 FROM command c WHERE "
            "c.user_id = o.user_id AND c.id = o.series_id))"),
        "P11: a slot is passed over for a reason that there is");
    if (!trims_)
        none(daemon::Query(*database_, PASSED_OVER
                           "o.reason = 'paused' AND NOT EXISTS (SELECT 1 FROM event e WHERE "
                           "e.user_id = o.user_id AND e.type = 'series.paused' AND e.subject = "
                           "o.series_id)"),
             "P11: a slot of a pause was in one");
    none(daemon::Query(
             *database_,
             "SELECT i.handler FROM inbox i WHERE i.handler LIKE 'rule:%' AND i.state = "
             "'waiting' AND NOT EXISTS (SELECT 1 FROM timer t WHERE t.kind = 'handler' AND "
             "t.user_id = i.user_id AND t.ref = i.handler || '/' || i.user_seq)"),
         "P8: a rule that failed has its timer");
}

}  // namespace taskd::sim
