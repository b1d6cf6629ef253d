// SPDX-License-Identifier: Apache-2.0
// The simulated machine: a real Engine on a real SQLite file, a clock and a disk that do what the
// seed says, and what the clients know from the answers that they got.
#pragma once

#include "daemon/engine.h"
#include "daemon/http/token_table.h"
#include "daemon/roles.h"
#include "tests/sim/history.h"
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

inline constexpr const char* own_source = "/taskd/sim";

/// A task as an event of it shows it, without the names that only events have.
inline json task_in(json payload) {
    for (const char* name : {"title", "due_at", "completed_at"}) payload.erase(name);
    return payload;
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
    std::set<std::string> channels;              ///< by name
    std::map<std::string, std::string> secrets;  ///< by id, of tokens that were not revoked
    std::map<std::string, json> published;       ///< by key, the first answer to an event
    std::map<std::string, std::string> calls;    ///< durable ones: the key of each, by its id
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

/// A task of another service that recurs, as that service and the events about it have it.
struct Occurrence {
    std::string user;
    json id;
    std::string pattern;
    core::Timestamp first;  ///< of its chain
    core::Timestamp slot;
    std::set<core::Timestamp> completed{};  ///< what the events say, which may differ
    bool is_known = false;                  ///< the daemon acknowledged one of them
};

/// What is outside of a daemon in a Dapr system: the other services, the mail server, the broker.
struct Outside {
    using Parent = std::pair<std::string, std::string>;  ///< user and id, JSON
    struct Made {
        json id;
        json body;
        Parent parent;
    };
    std::map<std::string, Made> made;      ///< the backend's tasks, by Idempotency-Key
    std::map<Parent, std::string> key_of;  ///< .. the key of each
    std::map<Parent, Occurrence> occurrences;
    std::map<std::string, std::set<std::string>> mails;  ///< by subject: Message-IDs
    std::map<std::string, std::string> reminders;        ///< by subject: whose, once acknowledged
    std::set<std::string> done;                        ///< the keys of calls that were carried out
    std::set<std::string> denied;                      ///< .. that were refused for good
    std::map<std::string, std::vector<json>> topic;    ///< by user, each event as it first came
    std::vector<std::pair<std::string, json>> unsent;  ///< user and event
    std::int64_t next_id = 1;
    int outage = 0;  ///< steps that it goes on
    bool is_calm = false;
};

/// A delivery on a channel as those who are behind the channel see it: its id is the key.
struct Sending {
    std::string about;       ///< the firing and channel, or the event, that it is for
    std::int64_t begun = 0;  ///< attempts, since it was last revived
    std::string over{};      ///< how it ended, once that was written
};

/// A key of commands that are run once, from the answers that were heard.
struct OnceKey {
    std::string holder{};         ///< the last that was granted it
    std::int64_t fence = 0;       ///< the highest that was heard of
    std::int64_t lost_fence = 0;  ///< of a holder before
    json command{};
    std::int64_t until_ms = 0;  ///< of the lease or, once it has ended, of the result
    bool is_active = false;     ///< its holder has not ended it
    json run{};                 ///< that has ended
    json output{};
    bool is_doubtful = false;  ///< the answer to a call was lost

    void take(const json& shown, std::int64_t until) {
        if (shown["fence"] != fence) lost_fence = fence;
        fence = shown["fence"];
        holder = shown["holder"];
        command = shown["command"];
        until_ms = until;
        is_active = false;
        run = nullptr;
        output = nullptr;
        is_doubtful = false;
    }
    void forget() {
        command = nullptr;
        until_ms = 0;
        is_active = false;
        run = nullptr;
        is_doubtful = false;
    }
};

/// A run of a task's command, as whoever runs it sees it.
struct CommandRun {
    std::string user{};
    std::string group{};
    std::int64_t begun = 0;  ///< attempts
    bool is_running = false;
};

class World {
public:
    /// As the seed says, or without the roles that taskd has in a Dapr system.
    explicit World(std::uint64_t seed, bool plain = false);

    /// Runs `steps` random steps, checks after each; throws Broken.
    void run(int steps);

    /// What happened last, for the report of a failing seed.
    [[nodiscard]] std::string history() const { return history_.text(); }

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
    void set_back(std::chrono::minutes by);
    void shorten_leases();
    void check_order(const std::string& user, const Group& group, std::int64_t number,
                     const std::string& subject);
    void check_events(const std::string& user, const std::vector<json>& log);
    void check_group(const std::string& user, Group& group, const std::vector<json>& log);
    void drain_groups();

    // rules.cpp
    void random_expectation(Sent& sent, const Pick& pick);
    void random_rule(Sent& sent, const Pick& pick);
    void learn_ruled(const std::string& user, const json& task);
    void check_rules(const std::string& user, const std::vector<json>& log);
    void check_rule_rows();

    // commands.cpp
    void add_command(json& params, const Pick& pick);
    void random_run(Sent& sent, const Some& some_task, const Pick& pick);
    void begin_command(const daemon::Job& job);
    [[nodiscard]] core::Outcome end_command(const daemon::Job& job);
    void lose_commands();
    void learn_commanded(const std::string& user, const json& task);
    void check_commands();

    // deliveries.cpp
    void open_channels();
    void set_channel(Sent& sent, const Pick& pick);
    void random_channel(Sent& sent, const Pick& pick);
    void begin_attempt(const daemon::Job& job);
    void count_start(const daemon::Job& job);
    void send_some(bool may_fail);
    [[nodiscard]] core::Outcome send(const daemon::Job& job);
    void resume_sendings();
    void check_deliveries(const std::string& user, const std::vector<json>& log);
    void check_ends(const std::string& user, const std::vector<json>& log);
    void check_digests(const std::string& user, const std::vector<json>& log);
    void check_delivery_rows();
    void drain_deliveries();

    // runs.cpp
    [[nodiscard]] json call_run(const std::string& user, OnceKey& key, const std::string& method,
                                const json& params);
    void run_some();
    void claim_some(const std::string& user, const std::string& name, OnceKey& key);
    void hold_some(const std::string& user, const std::string& name, OnceKey& key);
    void forget_some(const std::string& user, const std::string& name, OnceKey& key);
    void shorten_runs();
    void check_runs(const std::string& user, const std::vector<json>& log);

    // reminders.cpp
    [[nodiscard]] std::string reminded_task(const std::string& user);
    void add_reminding(json& params, const std::string& user, const Pick& pick);
    void check_reminders(const std::string& user, const std::vector<json>& log);
    void check_firings(const std::string& user, const std::vector<json>& log);

    // dapr.cpp
    void dapr_step();
    void complete_some();
    void remind_some();
    void keep_calls();
    void send_events();
    void learn_sent(const std::string& user, const json& event, const json& result);
    void retry_calls(const std::string& origin);
    void call_outside(bool may_fail);
    [[nodiscard]] core::Outcome carry_out(const daemon::Job& job);
    [[nodiscard]] core::Outcome answer_of(const core::UserId& user, const core::Call& call);
    [[nodiscard]] core::Outcome make_task(const core::UserId& user, const core::Call& call);
    void publish_batch(const daemon::PublishBatch& batch, std::size_t count);
    void check_next(const Occurrence& before, core::Timestamp next);
    void check_chains(const std::string& user, const std::vector<json>& log);
    void check_topic(const std::string& user, const std::vector<json>& log);
    void check_calls(const std::string& user);
    void drain_outside();
    void check_drained(const std::string& user);

    void check_all();
    void check_tasks(const std::string& user);
    void check_log(const std::string& user, const std::vector<json>& log);
    void check_series(const std::string& user);
    void check_tokens(const std::string& user);
    void check_timers();
    void check_reads_change_nothing(const std::string& user);
    void listen(const std::string& user, const std::vector<json>& log);
    [[nodiscard]] std::vector<json> read_log(const std::string& user);
    void run_timers();
    [[nodiscard]] bool holds(const char* literal);
    void note(const std::string& what);

    test::SeededRandom random_;
    test::SeededRandom engine_random_;
    const bool trims_;  ///< retention takes the logs' begin all the time
    const bool dapr_;   ///< taskd has its roles in a Dapr system
    const daemon::Settings settings_;
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
    std::map<std::string, std::map<std::string, OnceKey>> once_keys_;
    Outside outside_;
    std::vector<daemon::Job> jobs_;
    std::map<std::string, CommandRun> command_runs_;  ///< by delivery
    std::map<std::string, Sending> sendings_;         ///< by delivery id
    std::map<std::string, std::string> delivery_of_;  ///< what it is about -> its id
    std::chrono::minutes set_back_{0};                ///< the clock, all in all
    std::set<std::string> removals_;                  ///< of channels, asked for: user, name
    std::set<std::string> retried_;                   ///< deliveries that a user tried again
    std::map<std::string, std::vector<core::Timestamp>> starts_;  ///< by user and channel
    std::map<std::string, int> troubles_;  ///< .. attempts that its destination will fail
    History history_;
    std::int64_t next_key_ = 1;
    std::int64_t next_envelope_ = 1;
    bool crashed_ = false;
    core::Timestamp latest_{};
};

}  // namespace taskd::sim
