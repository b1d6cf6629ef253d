// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/job.h"
#include "daemon/outbound/outside.h"

#include <zmq.hpp>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace taskd::daemon {

/// Threads that do what may block: run the user's programs, talk to servers. Jobs go in by a
/// bounded queue (the engine hands out at most `outbound_max`), results come back on an inproc
/// socket, which wakes the loop like any request. Threads start with the first job.
class WorkerPool {
public:
    WorkerPool(zmq::context_t& context, std::size_t threads, const Outside& outside);
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;
    ~WorkerPool();

    /// The socket to poll for results.
    [[nodiscard]] zmq::socket_t& socket() { return wake_; }

    void start(std::vector<Job> jobs);
    [[nodiscard]] std::vector<JobResult> results();

private:
    void work();

    zmq::context_t& context_;
    zmq::socket_t wake_;  ///< PULL; each worker has its own PUSH, since a socket is one thread's
    const Outside& outside_;
    std::size_t threads_max_;
    std::atomic<bool> stopping_{false};
    std::mutex mutex_;
    std::condition_variable ready_;
    std::deque<Job> queue_;
    std::deque<JobResult> done_;
    std::vector<std::thread> threads_;
};

}  // namespace taskd::daemon
