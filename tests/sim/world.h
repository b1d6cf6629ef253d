// SPDX-License-Identifier: Apache-2.0
// The simulated machine: a real Engine on a real SQLite file, a clock and a disk that do what the
// seed says, and what the clients know from the answers that they got.
#pragma once

#include "daemon/engine.h"
#include "daemon/http/token_table.h"
#include "tests/support/fault_vfs.h"
#include "tests/support/manual_clock.h"
#include "tests/support/seeded_random.h"
#include "tests/support/temp_dir.h"

#include <nlohmann/json.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace taskd::sim {

using nlohmann::json;

/// A broken promise; the message says which.
struct Broken : std::runtime_error {
    using std::runtime_error::runtime_error;
};
inline void require(bool condition, const std::string& promise) {
    if (!condition) throw Broken(promise);
}

/// A writing request that some client sent and has, or has not yet, an answer to.
struct Sent {
    std::string user;
    std::string method;
    json params;  ///< with its idempotency key
    json answer;  ///< `result` or `error`; null while unanswered
    std::int64_t answered_ms = 0;
};

/// What a client must find again, from acknowledged answers alone.
struct Known {
    std::map<std::string, json> tasks;           ///< by id, as the last answer showed it
    std::set<std::string> paused;                ///< series that were paused at some time
    std::set<std::string> moved;                 ///< series of which a slot was moved
    std::set<std::string> snoozed;               ///< reminders that were moved at some time
    std::map<std::string, std::string> secrets;  ///< by id, of tokens that were not revoked
    std::map<std::string, json> published;       ///< by key, the first answer to an event
};

/// What is known of a group of consumers, from the answers that its members heard.
struct Grant {
    std::string member;
    std::int64_t fence = 0;
    std::int64_t until_ms = 0;
    bool active = false;
    std::string subject{};
};
struct Group {
    std::string name;
    std::string prefix;  ///< of the types that it takes
    std::map<std::int64_t, Grant> grants;
    std::set<std::int64_t> settled;  ///< an ack was answered
    std::set<std::int64_t> maybe;    ///< an ack was sent, and its answer lost
    std::int64_t fence = 0;          ///< the highest that was heard of
};

/// A subscriber that loses live copies and reads the log on a gap (P7).
struct Listener {
    std::int64_t known = 0;
    std::vector<std::int64_t> seen;
};

class World {
public:
    explicit World(std::uint64_t seed);

    /// Runs `steps` random steps, checks after each; throws Broken.
    void run(int steps);

    /// What happened last, for the report of a failing seed.
    [[nodiscard]] std::string history() const;

private:
    void step();
    void boot();
    void crash(bool power_too);
    void arm_fault();
    void turn_with(std::vector<Sent*> sent, bool may_fail);
    void settle(std::vector<Sent*> pending);
    void learn(Sent& sent, const json& reply);
    void learn_task(const std::string& user, const json& task);
    void take_turn_output(daemon::Turn& turn);
    void advance_clock();
    void run_workers();
    void repeat_an_old_request();
    void poke_at_another_user();
    using Some = std::function<std::string()>;
    using Pick = std::function<std::string(const std::vector<std::string>&)>;
    void random_change(Sent& sent, std::int64_t kind, const Some& some_task, const Pick& pick);
    [[nodiscard]] Sent random_command(const std::string& user);
    [[nodiscard]] json call(const std::string& user, const std::string& method, json params);
    [[nodiscard]] daemon::Request request(const std::string& user, const std::string& method,
                                          const json& params, std::size_t tag) const;

    // events.cpp
    [[nodiscard]] std::vector<daemon::EventHandler> handlers();
    [[nodiscard]] std::vector<json> try_calls(const std::string& user, const std::string& method,
                                              const std::vector<json>& params);
    void publish_some();
    void learn_published(const std::string& user, const json& sent, const json& reply);
    void open_groups(const std::string& user);
    void consume_some();
    void fetch_some(const std::string& user, Group& group, bool may_fail);
    void settle_one(const std::string& user, Group& group);
    void learn_fetched(const std::string& user, Group& group, const std::string& member,
                       const json& batch);
    void check_order(const std::string& user, const Group& group, std::int64_t number,
                     const std::string& subject);
    void check_events(const std::string& user, const std::vector<json>& log);
    void check_group(const std::string& user, Group& group, const std::vector<json>& log);
    void drain_groups();

    void check_all();
    void check_tasks(const std::string& user);
    void check_log(const std::string& user, const std::vector<json>& log);
    void check_series(const std::string& user);
    void check_reminders(const std::string& user, const std::vector<json>& log);
    void check_tokens(const std::string& user);
    void check_timers();
    void check_reads_change_nothing(const std::string& user);
    void listen(const std::string& user, const std::vector<json>& log);
    [[nodiscard]] std::vector<json> read_log(const std::string& user);
    void note(const std::string& what);

    test::SeededRandom random_;
    test::SeededRandom engine_random_;
    const bool trims_;  ///< retention takes the logs' begin all the time
    test::FaultVfs& disk_;
    test::TempDir directory_;
    test::ManualClock clock_;
    std::unique_ptr<daemon::Database> database_;
    std::unique_ptr<daemon::Engine> engine_;
    std::vector<std::string> users_{"ada", "bob", "eve"};
    daemon::TokenTable tokens_{{}, "", core::UserId{}};
    std::vector<std::unique_ptr<Sent>> sent_;
    std::map<std::string, Known> known_;
    std::map<std::string, Listener> listeners_;
    std::map<std::string, std::vector<Group>> groups_;
    std::vector<daemon::Job> jobs_;
    std::map<std::string, std::string> delivery_targets_;  ///< delivery id -> what it is about
    std::vector<std::string> history_;
    std::int64_t next_key_ = 1;
    std::int64_t next_envelope_ = 1;
    bool crashed_ = false;
    core::Timestamp latest_{};
};

}  // namespace taskd::sim
