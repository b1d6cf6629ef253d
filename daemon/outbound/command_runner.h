// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/job.h"
#include "daemon/outbound/unit_bus.h"
#include "daemon/unique_fd.h"

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace taskd::daemon {

/// Runs the commands of tasks, all of them on one thread that only waits: for what they print, for
/// their end, and for their time limits. How many at once is the engine's to say.
///
/// Each is a unit of systemd where there is a place for one and systemd takes it, and else a child.
class CommandRunner {
public:
    /// `told` hears why a command is a child although there is a place, once for each reason and
    /// from another thread.
    explicit CommandRunner(std::optional<UnitPlace> place = {},
                           std::function<void(const std::string& why)> told = {});
    CommandRunner(const CommandRunner&) = delete;
    CommandRunner& operator=(const CommandRunner&) = delete;
    ~CommandRunner();  ///< ends what runs: TERM, and KILL after two seconds

    /// Readable when there are results.
    [[nodiscard]] int fd() const { return done_fd_.get(); }

    void start(std::vector<Job> jobs);
    [[nodiscard]] std::vector<JobResult> results();

    /// Ends the command of a task that was cancelled or deleted.
    void retract(const std::vector<Publication>& publications);

private:
    struct Running;

    void work();
    void wait();
    void begin(Job job);
    [[nodiscard]] bool begin_unit(Running& one);
    void begin_child(Running& one);
    void look(Running& one);
    void look_at_child(Running& one);
    void look_at_unit(Running& one);
    void begin_again(Running& one);
    void see_limit(Running& one);
    void see_end_by_hand(Running& one, int number);
    void end(Running& one, int status, bool is_unseen);
    void stop(Running& one, const std::string& why);
    void tell_once(const std::string& why);
    void finish(Running& one, core::Outcome outcome);

    UniqueFd wake_fd_;  ///< of the thread: jobs, retractions, the end
    UniqueFd done_fd_;
    std::atomic<bool> stopping_{false};
    std::mutex mutex_;
    std::vector<Job> queue_;
    std::vector<std::string> retracted_;  ///< "USER TASK"
    std::vector<JobResult> done_;
    const std::optional<UnitPlace> place_;
    const std::function<void(const std::string&)> told_;

    // The thread's own:
    std::list<Running> running_;
    std::unique_ptr<UnitBus> bus_;  ///< since the first unit, or since the last one was lost
    std::string told_last_;

    std::thread thread_;  ///< begun with the first job
};

}  // namespace taskd::daemon
