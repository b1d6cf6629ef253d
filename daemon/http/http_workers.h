// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/http/http_job.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace taskd::daemon {

/// A bounded number of threads behind a bounded queue. Threads start when there is work for them.
class HttpWorkers {
public:
    using Done = std::function<void(std::uint64_t connection, HttpAnswer answer)>;

    /// `make_handler` is called on each thread, `done` by each thread after each request.
    HttpWorkers(std::size_t threads_max, std::size_t queue_max,
                std::function<HttpHandler()> make_handler, Done done);
    HttpWorkers(const HttpWorkers&) = delete;
    HttpWorkers& operator=(const HttpWorkers&) = delete;
    ~HttpWorkers();

    /// False when the queue is full; nothing was taken then.
    [[nodiscard]] bool start(HttpJob& job);

    [[nodiscard]] std::size_t queued() const;

private:
    void work();
    bool add_thread();

    std::size_t threads_max_;
    std::size_t queue_max_;
    std::function<HttpHandler()> make_handler_;
    Done done_;
    mutable std::mutex mutex_;
    std::condition_variable ready_;
    bool stopping_ = false;
    std::size_t busy_ = 0;  ///< threads that run a request
    std::deque<HttpJob> queue_;
    std::vector<std::thread> threads_;
};

}  // namespace taskd::daemon
