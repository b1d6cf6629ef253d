// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/context.h"
#include "cli/patient_call.h"
#include "ipc/messages.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace taskd::cli {

/// Waits for events of the log, as long as the user has patience: --timeout, or for ever.
class LogWait {
public:
    LogWait(Context& context, std::vector<std::string> types);

    /// Begins behind the newest event: what is looked at after this and has not happened yet is
    /// told by next().
    [[nodiscard]] core::Result<void> begin_now();
    /// Begins with what came at `time` or later, or behind an event's number.
    void begin_at(core::Timestamp time) { since_ = time; }
    void begin_behind(std::int64_t number) { after_ = number; }

    /// What came since; waits for it, but may come back with nothing.
    ///
    /// Errors: deadline_exceeded - the patience is over; `waited_for` says for what; others of the
    ///         daemon.
    [[nodiscard]] core::Result<std::vector<ipc::CloudEvent>> next(const std::string& waited_for);

    /// A request of the same caller, which outlives a restart of the daemon.
    template <class Request>
    [[nodiscard]] core::Result<ipc::Answer<typename Request::Reply>> ask(const Request& request) {
        if (auto ready = connect(); !ready) return tl::unexpected(ready.error());
        if (!was_answered_) {
            auto answer = client_->call(request);
            was_answered_ = answer.has_value();
            return answer;
        }
        auto patience = context_.settings().timeout;
        if (until_)
            patience = std::clamp(std::chrono::ceil<std::chrono::milliseconds>(
                                      *until_ - std::chrono::steady_clock::now()),
                                  std::chrono::milliseconds{0}, patience);
        return patient_answer(*client_, request, patience, gives_up_);
    }

private:
    [[nodiscard]] core::Result<void> connect();

    Context& context_;
    std::vector<std::string> types_;
    std::optional<ipc::Client> client_{};
    bool was_answered_ = false;  ///< there is a daemon; if it goes away, it comes back
    std::atomic<bool> gives_up_{false};
    std::optional<std::chrono::steady_clock::time_point> until_{};
    std::int64_t after_ = 0;
    std::optional<core::Timestamp> since_{};
};

}  // namespace taskd::cli
