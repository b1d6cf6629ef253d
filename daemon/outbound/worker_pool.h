// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/job.h"
#include "daemon/outbound/desktop.h"
#include "daemon/outbound/outside.h"

#include <zmq.hpp>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace taskd::daemon {

/// Threads that do what may block: run the user's programs, talk to servers. Jobs go in by a
/// bounded queue (the engine hands out at most `outbound_max`), results come back on an inproc
/// socket, which wakes the loop like any request. Threads start with the first job.
class WorkerPool {
public:
    /// At most `exec_max` of the threads run commands at once, so that some are left for others.
    WorkerPool(zmq::context_t& context, std::size_t threads, std::size_t exec_max,
               const Outside& outside);
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;
    ~WorkerPool();

    /// The socket to poll for results.
    [[nodiscard]] zmq::socket_t& socket() { return wake_; }

    void start(std::vector<Job> jobs);
    [[nodiscard]] std::vector<JobResult> results();

    /// What users have clicked on their desktops, as requests of theirs; nobody wants the replies.
    [[nodiscard]] std::vector<Request> clicks(core::Monotonic now);
    static constexpr std::size_t socket_number = ~std::size_t{0} - 1;  ///< in Peer.socket

    /// A task was done or a reminder seen: its notification goes off the screen.
    void retract(const std::vector<Publication>& publications);

private:
    void work();
    void clicked(const Click& click);
    [[nodiscard]] std::deque<Job>::iterator next_job();

    zmq::context_t& context_;
    zmq::socket_t wake_;  ///< PULL; each worker has its own PUSH, since a socket is one thread's
    const Outside& outside_;
    std::size_t threads_max_;
    std::size_t exec_max_;
    std::size_t exec_running_ = 0;
    std::map<core::UserId, std::size_t> running_;
    std::atomic<bool> stopping_{false};
    std::mutex mutex_;
    std::condition_variable ready_;
    std::deque<Job> queue_;
    std::deque<JobResult> done_;
    std::vector<Click> clicks_;
    std::optional<zmq::socket_t> click_wake_;  ///< of the desktop's thread
    std::optional<Desktop> desktop_;
    std::vector<std::thread> threads_;
};

}  // namespace taskd::daemon
