// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "core/random.h"
#include "daemon/dispatcher.h"
#include "daemon/job.h"
#include "daemon/settings.h"
#include "daemon/store/maintenance.h"
#include "daemon/store/unit_of_work.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace taskd::daemon {

/// What a turn tells the counters.
struct TurnFigures {
    std::vector<std::pair<std::string_view, std::string_view>> outcomes;  ///< method, outcome
    std::vector<std::chrono::nanoseconds> commits;                        ///< those that wrote
    std::vector<std::chrono::milliseconds> timer_lags;
    std::vector<DeliveryFigure> deliveries{};
    std::size_t void_turns = 0;
    std::int64_t copies_missed = 0;               ///< live copies that subscribers say they lost
    std::optional<Maintenance::Backlog> backlog;  ///< of consumers, now and then
    std::vector<ipc::TopicView> topics{};         ///< .. with it
    std::vector<ipc::BreakerView> breakers{};
};

/// What a turn gives to the shell, in the order in which the shell acts: replies (they are promises
/// that are on disk already), live copies, jobs.
struct Turn {
    std::vector<Reply> replies;
    std::vector<Publication> publications;
    std::vector<Job> jobs;
    std::vector<std::string> warnings;       ///< for the log
    std::vector<TokenChange> token_changes;  ///< to be in force before the replies go out
    TurnFigures figures;
    /// What the store said to the last change: "" when it took it, none when nothing was written.
    std::optional<std::string> store_error;
    std::optional<std::string> backup;  ///< copy the store there, then call backup_done
    bool shutdown = false;              ///< an operator asked for it
    bool store_lost = false;  ///< a sync failed: nothing can be promised any more; the process ends
};

/// taskd without sockets and threads: requests, results and due timers in; one transaction, one
/// sync; replies, publications and jobs out. A seeded simulation drives it exactly as the loop
/// does.
class Engine {
public:
    /// Without `handlers` those of the roles in the settings.
    Engine(Database& database, core::Random& random, Settings settings, Identity identity,
           std::optional<std::vector<EventHandler>> handlers = {});

    /// Recovers what the process before left running and starts retention; before the first turn.
    /// Throws when the store can't be written.
    void start(core::Timestamp now);

    /// One turn. Never throws for what SQLite does: a turn whose transaction was lost acknowledges
    /// nothing, and its requests are run again one by one.
    [[nodiscard]] Turn turn(const std::vector<Request>& requests,
                            const std::vector<JobResult>& results, core::Timestamp now,
                            core::Monotonic monotonic);

    /// When the wall clock next needs a turn; none while nothing is planned.
    [[nodiscard]] std::optional<core::Timestamp> next_due();

    /// When the monotonic clock next needs one: parked polls, held timers, results to write again.
    [[nodiscard]] std::optional<core::Monotonic> next_wait() const;

    /// Notes that taskd was awake until now; after the last turn.
    void stop(core::Timestamp now);

    /// The last answers of long polls that nothing will come for any more.
    [[nodiscard]] std::vector<Reply> dismiss_polls();

    /// The same for one user, who is not served any more.
    [[nodiscard]] std::vector<Reply> dismiss_polls_of(const core::UserId& user);

    /// The number of the user's newest event, between turns.
    [[nodiscard]] std::int64_t event_head(const core::UserId& user);

    /// The tokens of all users that are in force, between turns.
    [[nodiscard]] std::vector<Token> tokens(core::Timestamp now);

    [[nodiscard]] std::size_t polls_parked() const { return parked_.size(); }
    [[nodiscard]] std::size_t deliveries_running() const { return running_; }

    [[nodiscard]] const Settings& settings() const { return settings_; }

    /// Has all pending instants computed anew, by turns to come; after TimeZone::reload(). Throws
    /// when the store can't be written.
    void renew_instants(core::Timestamp now);

    /// Takes over what a reload changed; between turns.
    void reconfigure(Settings settings, std::vector<ipc::ConfigValue> config);

    /// The reply to the admin.backup whose path a turn gave in `backup`.
    [[nodiscard]] std::vector<Reply> backup_done(const core::Result<ipc::BackupReply>& result);

private:
    struct Parked {
        Peer peer;
        nlohmann::json id;
        Poll poll;
    };
    struct Asked {  ///< a backup that is to be answered when it is done
        Peer peer;
        nlohmann::json id;
    };
    /// What one attempt at a transaction would change in memory; applied when it has committed.
    struct Attempt {
        Turn turn;
        std::vector<Parked> parked;
        std::vector<std::size_t> answered;  ///< indices into parked_ followed by `parked`
        std::optional<Asked> backup;
        std::size_t ruled = 0;  ///< publications that rules were applied to
        std::set<std::pair<core::UserId, std::string>> stirred;  ///< consumers with news
        std::set<core::UserId> large_logs;
        std::size_t finished = 0;
        std::size_t commands_finished = 0;
        bool hold_timers = false;
    };
    enum class Commit { done, void_turn, store_lost };
    static constexpr std::chrono::hours retention_every{1};
    static constexpr std::chrono::minutes gap_min{1};  ///< what is shorter is no sleep

    [[nodiscard]] Commit attempt(const std::vector<Request>& requests,
                                 const std::vector<JobResult>& results, bool with_timers,
                                 core::Timestamp now, core::Monotonic monotonic, Turn& into);
    void run_requests(const std::vector<Request>& requests, core::Timestamp now,
                      core::Monotonic monotonic, Attempt& attempt);
    void note_sleep(core::Timestamp now, core::Monotonic monotonic);
    void run_timers(core::Timestamp now, core::Monotonic monotonic, Attempt& attempt);
    void run_timer(const Timer& timer, core::Timestamp now, core::Monotonic monotonic,
                   Attempt& attempt);
    static void note_deliveries(const Handling& h, Attempt& attempt);
    void run_rules(core::Timestamp now, core::Monotonic monotonic, Attempt& attempt);
    void answer_polls(core::Timestamp now, core::Monotonic monotonic, Attempt& attempt);
    [[nodiscard]] std::optional<nlohmann::json> answer_of(const Poll& poll,
                                                          const nlohmann::json& id,
                                                          core::Timestamp now,
                                                          core::Monotonic monotonic,
                                                          Attempt& attempt);
    [[nodiscard]] bool has_news(const Poll& poll, const Attempt& attempt) const;
    void look_at_backlog(core::Monotonic monotonic, Attempt& attempt);
    [[nodiscard]] Commit probe(core::Timestamp now, core::Monotonic monotonic, Turn& into);
    void note_store(core::Monotonic monotonic, Turn& turn);
    void note_clock(core::Timestamp now, core::Monotonic monotonic);
    /// What waits for workers, with those that this turn has hands out already.
    [[nodiscard]] Maintenance::Waiting waiting(const std::vector<Job>& jobs) const;

    StoreContext context_;
    Database& database_;
    Settings settings_;
    Identity identity_;
    std::vector<EventHandler> handlers_;
    EventBudget budget_;
    Breakers breakers_;
    AddressBook addresses_;
    Publisher publisher_;
    Standing standing_{handlers_, budget_, breakers_, addresses_, publisher_, publish_log_};
    Dispatcher dispatcher_;
    Maintenance maintenance_;
    PublishLog publish_log_;
    std::vector<Parked> parked_;
    std::optional<Asked> backup_;                ///< one at a time
    std::vector<JobResult> unwritten_;           ///< results whose turn failed; written again
    std::size_t running_ = 0;                    ///< jobs handed out and not yet answered
    std::size_t commands_running_ = 0;           ///< likewise, those that run a task's command
    std::optional<core::Monotonic> held_until_;  ///< timers wait after a failed turn
    core::Monotonic backlog_at_{0};              ///< looked at no more often than now and then
    std::optional<core::Monotonic> probe_at_;    ///< the store refused a change: try it again then
    core::Error last_failure_;
    std::optional<std::pair<core::Timestamp, core::Monotonic>> last_clock_;
    /// When timers were last looked at.
    std::optional<std::pair<core::Timestamp, core::Monotonic>> awake_;
    bool clock_jumped_ = false;    ///< forward by more than a day: retention waits
    bool clock_set_back_ = false;  ///< and the waits that began before it are not looked at yet
};

}  // namespace taskd::daemon
