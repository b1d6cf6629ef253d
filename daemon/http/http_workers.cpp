// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/http_workers.h"

#include "daemon/http/http_problem.h"

#include <exception>
#include <system_error>
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
        // What a free thread is about to take does not wait, also while that thread starts.
        const auto free = threads_max_ - busy_;
        if (queue_.size() >= queue_max_ + free) return false;
        queue_.push_back(std::move(job));
        if (queue_.size() > threads_.size() - busy_ && threads_.size() < threads_max_ &&
            !add_thread() && threads_.empty()) {
            job = std::move(queue_.back());
            queue_.pop_back();
            return false;
        }
    }
    ready_.notify_one();
    return true;
}

/// A process that may have no more threads goes on with those it has.
bool HttpWorkers::add_thread() {
    try {
        threads_.emplace_back(&HttpWorkers::work, this);
        return true;
    } catch (const std::system_error&) {
        return false;
    }
}

std::size_t HttpWorkers::queued() const {
    const std::lock_guard lock(mutex_);
    return queue_.size();
}

void HttpWorkers::work() {
    const HttpHandler handler = make_handler_();
    for (;;) {
        std::unique_lock lock(mutex_);
        ready_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
        if (stopping_) return;
        ++busy_;
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
        lock.lock();
        --busy_;
        lock.unlock();
        done_(job.connection, std::move(answer));
    }
}

}  // namespace taskd::daemon
