// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/delivery.h"
#include "daemon/job.h"
#include "daemon/outbound/desktop.h"
#include "daemon/outbound/outside.h"
#include "ipc/dapr/http.h"

#include <atomic>
#include <optional>

namespace taskd::daemon {

/// What one worker thread has: its connection to the sidecar is made with the first call.
class Runner {
public:
    /// `stopping` asks what is under way to end early.
    Runner(const Outside& outside, Desktop& desktop, const std::atomic<bool>& stopping)
        : outside_(outside), desktop_(desktop), stopping_(stopping) {}

    /// Makes one attempt of a job; blocks until it ended. Never throws for what the outside world
    /// does.
    [[nodiscard]] core::Outcome run(const Job& job);

private:
    [[nodiscard]] core::Outcome dispatch(const Job& job);
    [[nodiscard]] core::Outcome on_channel(const Job& job);
    [[nodiscard]] core::Outcome mail(const Mail& mail);
    ipc::dapr::HttpClient& http();

    const Outside& outside_;
    Desktop& desktop_;
    const std::atomic<bool>& stopping_;
    std::optional<ipc::dapr::HttpClient> http_;
};

/// One call of an app, or one request to publish, with its Idempotency-Key.
[[nodiscard]] core::Outcome run_call(const Job& job, ipc::dapr::HttpClient& http);
/// A batch of the log: one event, or several in bulk.
[[nodiscard]] core::Outcome run_batch(const Job& job, ipc::dapr::HttpClient& http);

/// The exec channel: the user's program with its argument list, no shell; the event's JSON on
/// standard input, TASKD_* variables, an otherwise small environment; output kept up to 4 KiB. Past
/// the time limit the whole process group gets TERM, then KILL.
[[nodiscard]] core::Outcome run_exec(const Job& job, const std::atomic<bool>& stopping);

}  // namespace taskd::daemon
