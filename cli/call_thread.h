// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/unique_fd.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace taskd::cli {

/// Runs blocking calls on a thread of its own, one after another. What a call gives back is run by
/// the owner, in the same order, so that only one thread ever touches the owner's state.
class CallThread {
public:
    using Result = std::function<void()>;
    using Call = std::function<Result()>;

    CallThread();
    CallThread(const CallThread&) = delete;
    CallThread& operator=(const CallThread&) = delete;
    ~CallThread();  ///< waits for the call that runs; those behind it are dropped

    void post(Call call);

    /// Readable when there are results.
    [[nodiscard]] int fd() const { return ready_.get(); }
    void run_results();

private:
    void serve();

    UniqueFd ready_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Call> calls_;
    std::deque<Result> results_;
    bool stopping_ = false;
    std::thread thread_;  // last: it uses all of the others
};

}  // namespace taskd::cli
