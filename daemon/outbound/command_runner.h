// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/job.h"
#include "daemon/unique_fd.h"

#include <atomic>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

namespace taskd::daemon {

/// Runs the commands of tasks, all of them on one thread that only waits: for what they print, for
/// their end, and for their time limits. How many at once is the engine's to say.
class CommandRunner {
public:
    CommandRunner();
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
    void begin(Job job);
    void look(Running& one);
    void finish(const Running& one, core::Outcome outcome);

    UniqueFd wake_fd_;  ///< of the thread: jobs, retractions, the end
    UniqueFd done_fd_;
    std::atomic<bool> stopping_{false};
    std::mutex mutex_;
    std::vector<Job> queue_;
    std::vector<std::string> retracted_;  ///< "USER TASK"
    std::vector<JobResult> done_;
    std::list<Running> running_;  ///< the thread's own
    std::thread thread_;          ///< begun with the first job
};

}  // namespace taskd::daemon
