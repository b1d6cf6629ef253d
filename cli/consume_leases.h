// SPDX-License-Identifier: Apache-2.0
// What "events consume" has of a group: its side of the conversation with the daemon.
#pragma once

#include "cli/call_thread.h"
#include "cli/consume_rules.h"
#include "ipc/client.h"
#include "ipc/messages.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace taskd::cli {

/// Fetches, extends and settles leases, each by calls that run on threads of their own. All
/// functions and all callbacks are the owner's thread's.
class ConsumeLeases {
public:
    struct Options {
        std::string group;
        std::string member;
        std::chrono::milliseconds lease;
        std::chrono::milliseconds patience;  ///< with a daemon that is away
    };
    struct Hooks {
        std::function<void(std::vector<ipc::Leased>)> fetched;
        std::function<void(Verdict, std::int64_t count)> settled;
        /// Another has the event by now, or nobody; what is done for it here counts no more.
        std::function<void(std::int64_t userseq, bool was_settled)> lost;
        std::function<void(const core::Error&)> failed;
    };

    ConsumeLeases(ipc::Client fetcher, ipc::Client settler, Options options, Hooks hooks);

    /// Asks for up to `limit` events; one question at a time.
    void fetch(std::int64_t limit, std::chrono::milliseconds wait);
    [[nodiscard]] bool fetching() const { return fetching_; }
    /// How many more may be held: a fetch names all that are, and the daemon takes so many names.
    [[nodiscard]] std::int64_t room() const {
        return static_cast<std::int64_t>(ipc::fetch_events_max) -
               static_cast<std::int64_t>(held_.size());
    }

    /// Decides about an event that is held.
    void settle(const ipc::LeaseRef& lease, Verdict verdict, const std::string& error);
    /// Nothing that was decided is still on its way.
    [[nodiscard]] bool all_settled() const { return queue_.empty() && !settling_; }

    /// Forgets an event whose lease is lost.
    void forget(std::int64_t fence) { held_.erase(fence); }
    [[nodiscard]] bool holds(std::int64_t fence) const { return held_.count(fence) != 0; }
    [[nodiscard]] bool extending() const { return extending_ > 0; }

    /// Renews what is held, when it is time.
    void extend_when_due(std::chrono::steady_clock::time_point now);
    [[nodiscard]] std::chrono::steady_clock::time_point next_extend() const { return extend_at_; }

    /// A fetch that finds no daemon is not repeated from now on.
    void stop_fetching() { stop_fetching_ = true; }
    /// Nothing is repeated, and nothing more is sent.
    void give_up();

    [[nodiscard]] int fetcher_fd() const { return fetch_thread_.fd(); }
    [[nodiscard]] int settler_fd() const { return settle_thread_.fd(); }
    void run_results();

private:
    struct Decision {
        Verdict verdict;
        std::string error;
        bool operator<(const Decision& other) const {
            return std::tie(verdict, error) < std::tie(other.verdict, other.error);
        }
    };
    [[nodiscard]] core::Result<ipc::Settled> send(const Decision& decision,
                                                  const std::vector<ipc::LeaseRef>& items);
    void send_next();
    void taken(const core::Result<ipc::ConsumerBatch>& batch);
    void settled(const Decision& decision, const std::vector<ipc::LeaseRef>& items,
                 const core::Result<ipc::Settled>& answer);
    void extended(const std::vector<ipc::LeaseRef>& items,
                  const core::Result<ipc::Settled>& answer);

    ipc::Client fetcher_;
    ipc::Client settler_;
    Options options_;
    Hooks hooks_;
    std::map<std::int64_t, std::int64_t> held_;  ///< fence to userseq, until the daemon said so
    std::map<Decision, std::vector<ipc::LeaseRef>> queue_;
    std::map<std::int64_t, std::int64_t> decided_;  ///< of held_, those that are on their way
    bool fetching_ = false;
    bool settling_ = false;
    int extending_ = 0;
    bool gave_up_ = false;
    std::chrono::steady_clock::time_point extend_at_{};
    std::atomic<bool> stop_fetching_{false};
    std::atomic<bool> stop_settling_{false};
    CallThread fetch_thread_;  // last: their calls use the clients
    CallThread settle_thread_;
};

}  // namespace taskd::cli
