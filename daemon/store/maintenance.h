// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/settings.h"
#include "daemon/store/unit_of_work.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace taskd::daemon {

/// A clock that goes back by less than this is not looked at.
inline constexpr std::chrono::milliseconds clock_tolerance{std::chrono::minutes{1}};

/// The work that crosses users: timers, retention, recovery. Kept apart from UnitOfWork, whose
/// every call names one user, so that a handler can't reach over by accident.
class Maintenance {
public:
    explicit Maintenance(Database& database) : db_(database) {}

    /// What is left alone until a worker is free.
    struct Waiting {
        bool deliveries = false;
        bool commands = false;

        [[nodiscard]] bool holds(TimerKind kind) const {
            return kind == TimerKind::delivery
                       ? deliveries
                       : (kind == TimerKind::command || kind == TimerKind::attempt) && commands;
        }
    };

    /// The timers due at `now`, the earliest first within each kind, at most `limit`.
    [[nodiscard]] std::vector<Timer> due_timers(core::Timestamp now, std::size_t limit,
                                                Waiting waiting);
    [[nodiscard]] std::optional<core::Timestamp> next_timer(Waiting waiting);

    /// What was running when the process before this one ended.
    [[nodiscard]] std::vector<std::pair<core::UserId, core::DeliveryId>> running_deliveries();
    /// Whether any user has rules for events.
    [[nodiscard]] bool has_event_rules();
    /// The ids of runs of commands among them.
    [[nodiscard]] std::vector<std::string> running_commands();
    /// Whose runs wait for others to end.
    [[nodiscard]] std::vector<core::UserId> users_in_line();

    /// The rows that keep instants of the future: running series, open tasks, pending reminders,
    /// users with an agenda, open deliveries, consumers and handlers that wait, runs. A page of
    /// them, behind the given one.
    enum class Times { series, task, reminder, user, delivery, consumer, handler, run };
    [[nodiscard]] std::vector<std::pair<core::UserId, std::string>> rows_with(
        Times times, const core::UserId& user, const std::string& id, std::int64_t limit);

    /// Whether the newest event came at a time that is still to come: the clock was set back.
    [[nodiscard]] bool is_ahead_of(core::Timestamp now);

    /// The last time at which it is known that taskd ran; none in a new store.
    [[nodiscard]] std::optional<core::Timestamp> last_sign();
    /// Notes that it does, within a transaction.
    void note_awake(core::Timestamp now);
    /// Keeps when taskd was not awake, for who asks why something was missed.
    void note_gap(const core::Gap& gap);

    /// Keeps the version of tzdata; says whether it was another one before.
    bool note_tzdata(const std::string& version);

    /// The tokens of all users that are in force.
    [[nodiscard]] std::vector<Token> tokens(core::Timestamp now);

    /// The same in a transaction of its own (SQLite leaves out what changes nothing); throws
    /// StoreFailure while the store takes no change.
    void prove_writable(core::Timestamp now);

    /// Removes a batch of what is past its time: replies, change rows, deleted tasks, finished
    /// deliveries, expired tokens, dead letters, and per user a prefix of the log, as far as that
    /// user's consumers have settled it. Says whether a batch was full, so that more may be left.
    [[nodiscard]] bool trim(core::Timestamp now, const Settings& settings);

    /// Removes a batch of the oldest events of a user whose log weighs more than
    /// retention.max_bytes, whoever may still want them; says how many.
    int trim_to_size(const core::UserId& user, core::Timestamp now, const Settings& settings);

    /// What all users' consumers have before them and what was given up, for the counters.
    struct Backlog {
        std::int64_t consumers = 0;
        std::int64_t lag_max = 0;               ///< of the one furthest behind
        std::optional<core::Timestamp> oldest;  ///< when its first unsettled event came
        std::int64_t in_flight = 0;
        std::int64_t dead_letters = 0;
    };
    [[nodiscard]] Backlog backlog();

private:
    [[nodiscard]] int trim_log(const core::UserId& user, std::int64_t last, core::Timestamp now,
                               const Settings& settings);
    int forget_seen(core::Timestamp now);
    [[nodiscard]] bool trim_logs(core::Timestamp now, const Settings& settings);
    void give_back_pages();

    Database& db_;
};

/// Reads the whole file on a connection of its own and says what is wrong with it, "" for nothing.
/// Linear in the file's size; never on the loop's thread while serving. What it gives is of no
/// meaning when `stopping` is set before it returns.
[[nodiscard]] std::string quick_check(const std::string& path, const std::atomic<bool>& stopping);

}  // namespace taskd::daemon
