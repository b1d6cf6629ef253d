// SPDX-License-Identifier: Apache-2.0
// Commands that are run once: holders that finish, die, stall past their lease and come back, keys
// that are another command's, results that are forgotten.
#include "core/rfc3339.h"
#include "tests/sim/world.h"

namespace taskd::sim {
namespace {

constexpr std::int64_t lease_ms = 600'000;

std::int64_t until_of(const json& run) {
    return core::parse_utc(run["until"].get<std::string>())->time_since_epoch().count();
}

bool has_result(const json& run) {
    return run["state"] == "succeeded" || run["state"] == "failed";
}

}  // namespace

/// One call about a run, which may be lost with the daemon: then the caller asks again, or is gone,
/// and what became of it is not known.
json World::call_run(const std::string& user, OnceKey& key, const std::string& method,
                     const json& params) {
    auto reply = try_calls(user, method, {params})[0];
    if (reply.is_null() && !random_.one_in(4)) reply = call(user, method, params);
    if (reply.is_null()) key.is_doubtful = true;
    latest_ = std::max(latest_, clock_.now());
    return reply;
}

void World::run_some() {
    const auto& user = users_[static_cast<std::size_t>(random_.between(0, 2))];
    const std::string name =
        "run-" + std::to_string(random_.between(0, 2) + static_cast<std::int64_t>(next_key_) / 40);
    auto& key = once_keys_[user][name];
    const auto kind = random_.between(0, 9);
    if (kind <= 4 || key.fence == 0)
        claim_some(user, name, key);
    else if (kind <= 8)
        hold_some(user, name, key);
    else
        forget_some(user, name, key);
}

void World::claim_some(const std::string& user, const std::string& name, OnceKey& key) {
    const bool again = !key.holder.empty() && random_.one_in(4);
    const std::string holder = again ? key.holder : "h" + std::to_string(next_envelope_++);
    const bool is_other = random_.one_in(8);
    const bool retry_failed = random_.one_in(3);
    const json params{{"key", name},
                      {"command", {"make", is_other ? "other" : "all"}},
                      {"holder", holder},
                      {"lease_ms", lease_ms},
                      {"ttl_ms", random_.one_in(2) ? 3'600'000 : 3 * 86'400'000},
                      {"retry_failed", retry_failed}};
    const auto reply = call_run(user, key, "run.claim", params);
    if (reply.is_null()) return;
    const std::string what = name + ": " + reply.dump();
    note("  -> " + reply.dump());
    const auto now = latest_.time_since_epoch().count();
    if (reply.contains("error")) {
        require(reply["error"]["data"]["reason"] == "conflict", "a claim is answered: " + what);
        require(key.is_doubtful || key.command != params["command"],
                "a key is a conflict for another command only: " + what);
        return;
    }
    const auto& run = reply["result"]["run"];
    const std::int64_t fence = run["fence"];
    require(run["command"] == params["command"], "a key has one command: " + what);
    if (reply["result"]["granted"] == true) {
        require(run["holder"] == holder && run["state"] == "running", "a grant is one: " + what);
        if (fence != key.fence) {
            require(fence > key.fence, "a fence only rises: " + what);
            require(key.is_doubtful || key.until_ms <= now ||
                        (!key.is_active && key.run.is_null()) ||
                        (retry_failed && !key.run.is_null() && key.run["state"] == "failed"),
                    "a run is one holder's at a time, and ended once: " + what);
        } else {
            require(key.holder == holder, "a fence is one holder's: " + what);
        }
        key.take(run, until_of(run));
        key.is_active = true;
        return;
    }
    if (!has_result(run)) {
        require(run["state"] == "running" && run["holder"] != holder, "a run is busy: " + what);
        require(key.is_doubtful || key.fence == fence, "who runs it is who was told so: " + what);
        return;
    }
    require(!retry_failed || run["state"] == "succeeded", "a failure is run again: " + what);
    if (!key.is_doubtful && !key.run.is_null() && key.until_ms > now)
        require(run == key.run && reply["result"].value("output", json()) == key.output,
                "P1: a result that was recorded is the one that is replayed: " + what + " was " +
                    key.run.dump());
    key.take(run, until_of(run));
    key.run = run;
    key.output = reply["result"].value("output", json());
}

/// What a holder does, or one that was one.
void World::hold_some(const std::string& user, const std::string& name, OnceKey& key) {
    const bool is_late = key.lost_fence > 0 && random_.one_in(3);
    json params{{"key", name}, {"fence", is_late ? key.lost_fence : key.fence}};
    const bool extends = random_.one_in(3);
    if (!extends) {
        params["status"] = random_.one_in(2) ? 0 : 3;
        const std::string printed = "printed by " + std::to_string(next_envelope_++);
        params["output"] = {{{"stream", "stdout"}, {"data", printed}}};
        params["output_bytes"] = printed.size();
    }
    const bool was_doubtful = key.is_doubtful;
    const auto reply = call_run(user, key, extends ? "run.extend" : "run.finish", params);
    if (reply.is_null()) return;
    const std::string what = name + ": " + reply.dump();
    note("  -> " + reply.dump());
    if (reply.contains("error")) {
        const std::string reason = reply["error"]["data"]["reason"];
        require(reason == "failed_precondition" || reason == "not_found",
                "a holder is answered: " + what);
        // While its lease has not run out nobody can have taken the run from it.
        require(is_late || was_doubtful || !key.is_active ||
                    key.until_ms <= latest_.time_since_epoch().count(),
                "a holder in time is the holder: " + what);
        return;
    }
    const auto& run = reply["result"];
    require(!is_late, "P1: a holder that was followed by another has no say: " + what);
    require(run["fence"] == params["fence"], "a holder hears of its own run: " + what);
    const json known = key.run;
    const json output = key.output;
    key.take(run, until_of(run));
    if (extends) {
        key.is_active = true;
        return;
    }
    require(has_result(run), "what is finished has a result: " + what);
    if (was_doubtful) {
        key.is_doubtful = true;  // it may have ended with what was sent before
        return;
    }
    require(known.is_null() || run == known, "P1: the first result stands: " + what);
    key.run = run;
    key.output = known.is_null() ? params["output"] : output;
}

void World::forget_some(const std::string& user, const std::string& name, OnceKey& key) {
    const auto reply = call_run(user, key, "run.forget", {{"key", name}});
    if (reply.is_null()) return;
    note("  -> " + reply.dump());
    if (reply.contains("error")) {
        const std::string reason = reply["error"]["data"]["reason"];
        require(reason == "not_found" || (reason == "failed_precondition" &&
                                          (key.is_doubtful || key.is_active || key.run.is_null())),
                "what has ended can be forgotten: " + reply.dump());
        return;
    }
    require(reply["result"]["state"] != "running", "what runs is kept: " + reply.dump());
    key.forget();
}

/// The clock was set back: nothing lasts longer than it would from now on.
void World::shorten_runs() {
    const auto now = clock_.now().time_since_epoch().count();
    for (auto& [user, keys] : once_keys_)
        for (auto& [name, key] : keys) {
            // `until` of a result that was not heard of again may have changed.
            key.until_ms = std::min(key.until_ms, now + (key.run.is_null() ? lease_ms : 3'600'000));
            key.run = nullptr;
            key.is_doubtful = true;
        }
}

/// Each holder's story in the log: started, then abandoned or finished before the next one starts;
/// finished once for a fence; nothing after it was forgotten.
void World::check_runs(const std::string& user, const std::vector<json>& log) {
    struct Story {
        std::string state;
        std::int64_t fence = 0;
        std::set<std::int64_t> finished{};
    };
    std::map<std::string, Story> stories;
    const bool is_whole = log.empty() || log.front()["userseq"] == 1;
    for (const auto& event : log) {
        const std::string type = event["type"];
        if (type.rfind("run.", 0) != 0 || event["source"] != own_source) continue;
        const auto& run = event["data"]["payload"];
        auto& story = stories[event["subject"]];
        if (story.fence == 0 && !is_whole) story.state = "unknown";
        const auto was = [&](std::initializer_list<const char*> states) {
            bool found = story.state == "unknown";
            for (const auto* state : states) found = found || story.state == state;
            require(found, "a run goes step by step: " + event.dump() + " after " + story.state);
        };
        const std::int64_t fence = run["fence"];
        if (type == "run.started") {
            was({"", "run.abandoned", "run.finished", "run.forgotten"});
            require(fence == event["userseq"] && fence > story.fence,
                    "a fence is the number of its event: " + event.dump());
        } else {
            require(fence == story.fence || story.state == "unknown",
                    "what is told of a run is its holder's: " + event.dump());
            if (type == "run.abandoned") was({"run.started", "run.resumed"});
            if (type == "run.resumed") was({"run.abandoned"});
            if (type == "run.finished") was({"run.started", "run.resumed", "run.abandoned"});
            if (type == "run.forgotten") was({"run.finished", "run.abandoned"});
            if (type == "run.finished")
                require(story.finished.insert(fence).second, "a run ends once: " + event.dump());
        }
        story.state = type;
        story.fence = fence;
    }
    daemon::Query row(*database_,
                      "SELECT key, state, fence FROM run WHERE user_id = ? ORDER BY key", user);
    while (is_whole && row.step()) {
        const auto& story = stories[row.text(0)];
        const std::string state = row.text(1) == "running"     ? "run.started"
                                  : row.text(1) == "abandoned" ? "run.abandoned"
                                                               : "run.finished";
        require(
            row.integer(2) == story.fence &&
                (story.state == state || (state == "run.started" && story.state == "run.resumed")),
            "P2: a run is what its events say: " + row.text(0) + " " + row.text(1));
        stories.erase(row.text(0));
    }
    for (const auto& [name, story] : stories)
        require(!is_whole || story.state == "run.forgotten", "P2: a run is not lost: " + name);
}

}  // namespace taskd::sim
