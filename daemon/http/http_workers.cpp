// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/http_workers.h"

#include "daemon/http/http_problem.h"

#include <exception>
#include <utility>

namespace taskd::daemon {

HttpWorkers::HttpWorkers(std::size_t threads_max, std::size_t queue_max,
                         std::function<HttpHandler()> make_handler, Done done)
    : threads_max_(threads_max),
      queue_max_(queue_max),
      make_handler_(std::move(make_handler)),
      done_(std::move(done)) {}

HttpWorkers::~HttpWorkers() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    ready_.notify_all();
    for (auto& thread : threads_) thread.join();
}

bool HttpWorkers::start(HttpJob& job) {
    {
        const std::lock_guard lock(mutex_);
        if (queue_.size() >= queue_max_) return false;
        queue_.push_back(std::move(job));
        if (queue_.size() > idle_ && threads_.size() < threads_max_)
            threads_.emplace_back(&HttpWorkers::work, this);
    }
    ready_.notify_one();
    return true;
}

std::size_t HttpWorkers::queued() const {
    const std::lock_guard lock(mutex_);
    return queue_.size();
}

void HttpWorkers::work() {
    const HttpHandler handler = make_handler_();
    for (;;) {
        std::unique_lock lock(mutex_);
        ++idle_;
        ready_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
        --idle_;
        if (stopping_) return;
        const HttpJob job = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        HttpAnswer answer;
        try {
            answer = handler(job);
        } catch (const std::exception& failure) {
            answer = {problem_response({500, std::string("internal: ") + failure.what(), {}}),
                      true};
        }
        done_(job.connection, std::move(answer));
    }
}

}  // namespace taskd::daemon
