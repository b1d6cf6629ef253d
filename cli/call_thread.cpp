// SPDX-License-Identifier: Apache-2.0
#include "cli/call_thread.h"

#include <cerrno>
#include <cstdint>
#include <exception>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

namespace taskd::cli {

CallThread::CallThread() : ready_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (ready_.get() < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
    thread_ = std::thread([this] { serve(); });
}

CallThread::~CallThread() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void CallThread::post(Call call) {
    {
        const std::lock_guard lock(mutex_);
        calls_.push_back(std::move(call));
    }
    wake_.notify_one();
}

void CallThread::serve() {
    for (;;) {
        Call call;
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return stopping_ || !calls_.empty(); });
            if (stopping_) return;
            call = std::move(calls_.front());
            calls_.pop_front();
        }
        Result result;
        try {
            result = call();
        } catch (...) {
            result = [failure = std::current_exception()] { std::rethrow_exception(failure); };
        }
        {
            const std::lock_guard lock(mutex_);
            results_.push_back(std::move(result));
        }
        const std::uint64_t one = 1;
        (void)!write(ready_.get(), &one, sizeof one);  // full means readable already
    }
}

void CallThread::run_results() {
    std::uint64_t count = 0;
    (void)!read(ready_.get(), &count, sizeof count);
    std::deque<Result> results;
    {
        const std::lock_guard lock(mutex_);
        results.swap(results_);
    }
    for (const auto& result : results) result();
}

}  // namespace taskd::cli
