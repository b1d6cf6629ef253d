// SPDX-License-Identifier: Apache-2.0
// Producers that repeat themselves and consumers that die, ack late or twice, and what each group
// must have seen (P4, P7).
#include "core/rfc3339.h"
#include "core/uuid.h"
#include "tests/sim/world.h"

#include <algorithm>

namespace taskd::sim {
namespace {

constexpr const char* source = "/sim";
constexpr std::int64_t lease_ms = 600'000;

json event_of(const std::string& envelope_id, std::int64_t key, std::int64_t content,
              bool has_event_id) {
    json event{{"specversion", "1.0"},
               {"id", has_event_id ? envelope_id : "key-" + std::to_string(key)},
               {"source", source},
               {"type", key % 3 == 0 ? "sim.work" : "sim.news"},
               {"data", {{"content", content}}}};
    if (key % 4 != 0) event["subject"] = "s" + std::to_string(key % 5);
    if (has_event_id) event["data"]["event_id"] = "key-" + std::to_string(key);
    return event;
}

std::int64_t until_of(const json& lease) {
    return core::parse_utc(lease["lease_until"].get<std::string>())->time_since_epoch().count();
}

bool wants(const Group& group, const std::string& type) {
    return group.prefix.empty() || type.rfind(group.prefix, 0) == 0;
}

}  // namespace

std::vector<daemon::EventHandler> World::handlers() {
    auto handlers = daemon::event_handlers(settings_.roles);
    // Its effect is an event of a fresh id, so that running twice would show.
    handlers.push_back(
        {"works", "sim.work",
         [this](const ipc::CloudEvent& event, daemon::Handling& h) -> core::Result<void> {
             core::AcceptedEvent effect;
             effect.user = h.user;
             effect.id = effect.dedup_key = core::uuid_v4(h.unit.random());
             effect.source = "/effects";
             effect.type = "effect.done";
             effect.subject = std::to_string(event.userseq);
             effect.time = h.unit.now();
             (void)h.unit.publish(effect);
             if (engine_random_.one_in(3))
                 return tl::unexpected(core::Error{core::Reason::unavailable, "not today", {}, {}});
             return {};
         }});
    return handlers;
}

/// One turn of these requests of one user, perhaps with a fault in it; the replies that the clients
/// hear, in order, null where none came or where it says that nothing is known.
std::vector<json> World::try_calls(const std::string& user, const std::string& method,
                                   const std::vector<json>& params) {
    std::vector<daemon::Request> requests;
    for (std::size_t i = 0; i < params.size(); ++i) {
        note(user + " " + method + " " + params[i].dump());
        requests.push_back(request(user, method, params[i], i));
    }
    std::vector<json> replies(params.size());
    const bool may_fail = !outside_.is_calm;
    if (may_fail && random_.one_in(4)) arm_fault();
    auto turn = engine_->turn(requests, {}, clock_.now(), clock_.monotonic());
    disk_.disarm();
    const bool dies = turn.store_lost || disk_.dead() || (may_fail && random_.one_in(12));
    const bool heard = !disk_.dead() && (!dies || random_.one_in(2));
    for (const auto& reply : turn.replies) {
        const auto body = json::parse(reply.body);
        const std::string reason =
            body.contains("error") ? body["error"]["data"]["reason"].get<std::string>() : "";
        const bool unsure = reason == "resource_exhausted" || reason == "unavailable" ||
                            reason == "unknown" || reason == "internal";
        if (heard && !unsure) replies[std::stoul(reply.peer.routing_id)] = body;
    }
    if (dies)
        crash(random_.one_in(2));
    else
        take_turn_output(turn);
    return replies;
}

void World::learn_published(const std::string& user, const json& sent, const json& reply) {
    if (!reply.contains("result")) {
        require(reply["error"]["data"]["reason"] == "conflict",
                "an event is refused only for a conflict: " + reply.dump());
        return;
    }
    for (std::size_t i = 0; i < sent["events"].size(); ++i) {
        const auto& event = sent["events"][i];
        const auto& result = reply["result"]["events"][i];
        if (result.contains("error")) continue;
        const std::string key = event["data"].value("event_id", event["id"].get<std::string>());
        auto& known = known_[user].published[key];
        const json answer{{"userseq", result["userseq"]},
                          {"id", result["id"]},
                          {"content", event["data"]["content"]}};
        if (known.is_null()) known = answer;
        require(known == answer, "P4: a repeated event gets the first answer: " + answer.dump() +
                                     " was " + known.dump());
    }
}

void World::publish_some() {
    const auto& user = users_[static_cast<std::size_t>(random_.between(0, 2))];
    std::vector<json> requests;
    // Several producers in one turn, with the same events among them, in any order.
    for (auto producers = random_.between(1, 3); producers > 0; --producers) {
        json events = json::array();
        for (auto count = random_.between(1, 4); count > 0; --count) {
            const auto key = random_.between(0, 15) + next_key_ / 20;
            events.push_back(event_of("envelope-" + std::to_string(next_envelope_++), key,
                                      random_.one_in(12) ? 1 : 0, key % 2 == 0));
        }
        requests.push_back({{"events", events}, {"each", random_.one_in(2)}});
    }
    const auto replies = try_calls(user, "event.publish", requests);
    for (std::size_t i = 0; i < requests.size(); ++i) {
        if (!replies[i].is_null())
            learn_published(user, requests[i], replies[i]);
        else if (random_.one_in(2))  // else the producer died, and never asks again
            learn_published(user, requests[i], call(user, "event.publish", requests[i]));
    }
}

void World::open_groups(const std::string& user) {
    auto& groups = groups_[user];
    if (!groups.empty()) return;
    for (const auto& [name, prefix] :
         std::vector<std::pair<std::string, std::string>>{{"all", ""}, {"works", "sim.w"}}) {
        json params{
            {"name", name}, {"from", "oldest"}, {"lease_ms", lease_ms}, {"attempts_max", 3}};
        if (!prefix.empty()) params["types"] = {prefix + "*"};
        const auto reply = call(user, "consumer.create", params);
        require(reply.contains("result"), "a consumer is made: " + reply.dump());
        groups.push_back({name, prefix, {}, {}, {}, 0});
    }
}

/// What a fetch gave, against what the group is known to have had.
void World::learn_fetched(const std::string& user, Group& group, const std::string& member,
                          const json& batch) {
    latest_ = std::max(latest_, clock_.now());
    for (const auto& lease : batch["events"]) {
        const std::int64_t number = lease["event"]["userseq"];
        const std::int64_t fence = lease["fence"];
        const std::string what = group.name + " gave " + lease.dump();
        note("  -> " + std::to_string(number) + " to " + member + " by " + std::to_string(fence));
        require(wants(group, lease["event"]["type"]), "a group gets what it asked for: " + what);
        require(!group.settled.contains(number),
                "P1: an acknowledged event never comes again: " + what);
        require(lease["attempt"] <= 3, "P8: an event is tried so often and no oftener: " + what);
        auto& grant = group.grants[number];
        if (grant.fence == fence) {
            require(grant.member == member, "a lease is one member's: " + what);
        } else {
            require(fence > group.fence, "a fence only rises: " + what);
            // A lease whose end was reached at some time is over, also when the clock steps back.
            require(!grant.active || grant.until_ms <= latest_.time_since_epoch().count(),
                    "an event is one member's at a time: " + what);
            group.fence = fence;
        }
        grant = {member, fence, until_of(lease), true, lease["event"].value("subject", "")};
        check_order(user, group, number, grant.subject);
    }
}

void World::shorten_leases() {
    const auto latest = clock_.now().time_since_epoch().count() + lease_ms;
    for (auto& [user, groups] : groups_)
        for (auto& group : groups)
            for (auto& [number, grant] : group.grants)
                grant.until_ms = std::min<std::int64_t>(grant.until_ms, latest);
}

/// Every earlier event of the subject is settled, or was given up.
void World::check_order(const std::string& user, const Group& group, std::int64_t number,
                        const std::string& subject) {
    if (subject.empty()) return;
    daemon::Query earlier(
        *database_,
        "SELECT user_seq, type FROM event e WHERE user_id = ?1 AND user_seq < ?2 AND subject = ?3 "
        "AND NOT EXISTS (SELECT 1 FROM dead_letter d WHERE d.user_id = ?1 AND d.name = ?4 AND "
        "d.user_seq = e.user_seq)",
        user, number, subject, group.name);
    while (earlier.step())
        require(!wants(group, earlier.text(1)) || group.settled.contains(earlier.integer(0)) ||
                    group.maybe.contains(earlier.integer(0)),
                "a subject's events come in order: " + std::to_string(number) + " before " +
                    std::to_string(earlier.integer(0)) + " to " + group.name);
}

void World::fetch_some(const std::string& user, Group& group, bool may_fail) {
    const std::string member = "m" + std::to_string(random_.between(1, 3));
    json params{{"name", group.name}, {"member", member}, {"limit", random_.between(1, 4)}};
    if (random_.one_in(2)) {
        params["holding"] = json::array();
        for (const auto& [number, grant] : group.grants)
            if (grant.active && grant.member == member) params["holding"].push_back(grant.fence);
    }
    const auto reply = may_fail ? try_calls(user, "consumer.fetch", {params})[0]
                                : call(user, "consumer.fetch", params);
    if (reply.is_null()) return;
    require(reply.contains("result"), "a fetch is answered: " + reply.dump());
    learn_fetched(user, group, member, reply["result"]);
}

void World::settle_one(const std::string& user, Group& group) {
    if (group.grants.empty()) return;
    auto chosen = group.grants.begin();
    std::advance(chosen, random_.between(0, static_cast<std::int64_t>(group.grants.size()) - 1));
    auto& [number, grant] = *chosen;
    json params{{"name", group.name}, {"items", {{{"userseq", number}, {"fence", grant.fence}}}}};
    const auto kind = random_.between(0, 9);
    const char* method = kind <= 5   ? "consumer.ack"
                         : kind <= 8 ? "consumer.nack"
                                     : "consumer.extend";
    if (kind == 7) params["action"] = "release";
    if (kind == 8) params["action"] = "dead";
    const auto reply = try_calls(user, method, {params})[0];
    if (reply.is_null()) {
        if (kind <= 5) group.maybe.insert(number);
        grant.active = false;  // whether it was given back is not known
        return;
    }
    require(reply.contains("result"), "what became of an event is taken: " + reply.dump());
    const auto& result = reply["result"];
    const bool done = result["settled"] == 1;
    if (kind <= 5 && done) {
        require(!group.settled.contains(number), "an event is settled once");
        group.settled.insert(number);
    }
    if (kind <= 8 || !done) grant.active = false;
    if (kind == 9 && done) grant.until_ms = until_of(result);
}

void World::consume_some() {
    const auto& user = users_[static_cast<std::size_t>(random_.between(0, 2))];
    open_groups(user);
    auto& groups = groups_[user];
    Group& group = groups[static_cast<std::size_t>(random_.between(0, 1))];
    if (random_.one_in(15)) {
        const auto reply =
            call(user, "dead_letter.retry", {{"name", group.name}, {"origin", "consumer"}});
        require(reply.contains("result"), "dead letters are tried again: " + reply.dump());
    } else if (random_.one_in(3)) {
        settle_one(user, group);
    } else {
        fetch_some(user, group, true);
    }
}

void World::check_events(const std::string& user, const std::vector<json>& log) {
    std::map<std::string, std::int64_t> keys;
    std::map<std::string, int> effects;
    for (const auto& event : log) {
        if (event["source"] == "/effects") ++effects[event["subject"]];
        if (event["source"] != source) continue;
        const std::string key = event["data"].value("event_id", event["id"].get<std::string>());
        require(keys.emplace(key, event["userseq"]).second, "P4: an event is stored once: " + key);
        const auto& known = known_[user].published[key];
        require(known.is_null() || (known["userseq"] == event["userseq"] &&
                                    known["content"] == event["data"]["content"]),
                "P4: the first one stands: " + event.dump());
    }
    for (const auto& [key, known] : known_[user].published)
        require(known.is_null() || keys.contains(key) || log.empty() || log.front()["userseq"] != 1,
                "P1: an event that was answered is there: " + key);
    for (const auto& [subject, count] : effects)
        require(count == 1, "P4: a handler's effect is there once: event " + subject);
    daemon::Query mark(*database_,
                       "SELECT state, user_seq FROM inbox WHERE user_id = ? AND handler = 'works' "
                       "ORDER BY user_seq",
                       user);
    while (mark.step())
        require((mark.text(0) == "done") == effects.contains(std::to_string(mark.integer(1))) ||
                    (!log.empty() && log.front()["userseq"] != 1),
                "P4: a handler's mark and its effect are one: event " +
                    std::to_string(mark.integer(1)));
    for (auto& group : groups_[user]) check_group(user, group, log);
}

void World::check_group(const std::string& user, Group& group, const std::vector<json>& log) {
    daemon::Query row(*database_,
                      "SELECT position, (SELECT count(*) FROM in_flight f WHERE f.user_id = "
                      "c.user_id AND f.consumer = c.name) FROM consumer c WHERE user_id = ? AND "
                      "name = ?",
                      user, group.name);
    require(row.step(), "P1: a consumer stays");
    require(row.integer(0) <= (log.empty() ? 0 : log.back()["userseq"].get<std::int64_t>()),
            "a consumer has looked at what there is");
    // Behind its position each event it wants is settled, unsettled or a dead letter: never
    // nothing.
    for (const auto& event : log) {
        const std::int64_t number = event["userseq"];
        if (number > row.integer(0)) break;
        if (!wants(group, event["type"]) || group.settled.contains(number) ||
            group.maybe.contains(number))
            continue;
        daemon::Query kept(*database_,
                           "SELECT 1 FROM in_flight WHERE user_id = ?1 AND consumer = ?2 AND "
                           "user_seq = ?3 UNION ALL SELECT 1 FROM dead_letter WHERE user_id = ?1 "
                           "AND name = ?2 AND user_seq = ?3",
                           user, group.name, number);
        require(kept.step(), "P7: a group misses nothing: event " + std::to_string(number) +
                                 " of " + group.name);
    }
}

/// At the end of a world every group gets what is left: all of it.
void World::drain_groups() {
    for (const auto& user : users_)
        for (auto& group : groups_[user]) {
            clock_.advance(std::chrono::milliseconds{2 * lease_ms});
            for (int rounds = 0; rounds < 2000; ++rounds) {
                const auto reply = call(user, "consumer.fetch",
                                        {{"name", group.name}, {"member", "last"}, {"limit", 50}});
                require(reply.contains("result"), "a fetch is answered: " + reply.dump());
                const auto& batch = reply["result"];
                learn_fetched(user, group, "last", batch);
                if (batch["events"].empty()) {
                    if (batch["lag"] == 0) break;
                    clock_.advance(std::chrono::milliseconds{2 * lease_ms});  // what waits
                    continue;
                }
                json items = json::array();
                for (const auto& lease : batch["events"]) {
                    items.push_back(
                        {{"userseq", lease["event"]["userseq"]}, {"fence", lease["fence"]}});
                    group.settled.insert(lease["event"]["userseq"].get<std::int64_t>());
                }
                const auto acked =
                    call(user, "consumer.ack", {{"name", group.name}, {"items", items}});
                require(acked["result"]["settled"] == items.size(), "what is held is settled");
                require(rounds < 1999, "a group comes to its end (P8)");
            }
        }
}

}  // namespace taskd::sim
