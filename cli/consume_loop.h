// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/consume_leases.h"
#include "cli/consume_runner.h"
#include "cli/screen.h"
#include "cli/unique_fd.h"

#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace taskd::cli {

/// "events consume": hands events to commands until it is told to stop. One thread; children,
/// pipes, signals and the calls of ConsumeLeases are descriptors that it polls.
class ConsumeLoop {
public:
    struct Options {
        ConsumeCommand command;
        ConsumeRules rules;
        std::int64_t concurrency = 1;
        std::int64_t batch = 1;
        std::int64_t attempts_max = 0;  ///< the group's, for what is said of a failure
        bool once = false;
    };

    /// Blocks the signals that it reads; the threads of `leases` inherit that.
    ConsumeLoop(Screen& screen, Options options);
    ConsumeLoop(const ConsumeLoop&) = delete;
    ConsumeLoop& operator=(const ConsumeLoop&) = delete;
    ~ConsumeLoop();

    /// What `leases` calls.
    [[nodiscard]] ConsumeLeases::Hooks hooks();

    /// The exit status.
    int run(ConsumeLeases& leases);

private:
    using Clock = std::chrono::steady_clock;
    struct Run {
        ConsumeRun process;
        std::vector<ipc::Leased> events;
        std::set<std::int64_t> open;  ///< numbers of those that nothing was decided about
        bool counts = true;           ///< false: a lease was lost, so its end says nothing
        std::optional<Clock::time_point> kill_at;
    };

    void take(std::vector<ipc::Leased> events);
    void start_runs();
    [[nodiscard]] bool in_work(std::int64_t userseq) const;
    void fetch_more();
    [[nodiscard]] bool is_over() const;
    void wait();
    void read_signals();
    void stop(int signal_number);
    void release_waiting();
    void end_run(Run& run);
    void kill_late(Clock::time_point now);
    void take_verdicts(Run& run);
    void collect();
    void conclude(Run& run, int wait_status);
    void decide(const Run& run, std::int64_t userseq, const Outcome& outcome);
    void lost(std::int64_t userseq, bool was_settled);
    void fail(const core::Error& error, int status);
    void failed(const core::Error& error);
    void say_summary();

    Screen& screen_;
    Options options_;
    ConsumeLeases* leases_ = nullptr;
    UniqueFd signals_;
    sigset_t before_{};
    std::deque<ipc::Leased> waiting_;  ///< fetched, not started
    std::list<Run> runs_;
    bool stopping_ = false;  ///< nothing new is begun
    int signals_seen_ = 0;
    int status_ = 0;
    bool found_nothing_ = false;      ///< the last fetch did, and nothing was settled since
    bool settled_meanwhile_ = false;  ///< since the last fetch was asked: its "nothing" is old
    bool said_strange_ = false;
    std::int64_t acked_ = 0;
    std::int64_t retried_ = 0;
    std::int64_t dead_ = 0;
    std::int64_t released_ = 0;
};

/// The exit status for an error of the daemon, once the group was there.
[[nodiscard]] int consume_status(const core::Error& error);

}  // namespace taskd::cli
