// SPDX-License-Identifier: Apache-2.0
// A command that is run once for its key.
#pragma once

#include "cli/call_thread.h"
#include "cli/command_signals.h"
#include "cli/context.h"
#include "cli/output_relay.h"
#include "ipc/run_messages.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>

namespace taskd::cli {

inline constexpr int once_refused = 120;
inline constexpr int once_no_daemon = 121;
inline constexpr int once_other_command = 122;
inline constexpr int once_busy = 123;
inline constexpr int once_no_command = 124;
inline constexpr int once_internal = 125;

/// The exit status for a failure before the command was run.
[[nodiscard]] int once_status(const core::Error& error);

class OnceLoop {
public:
    struct Options {
        core::RunRequest request{};
        bool waits = true;  ///< for the result of whoever runs it
    };

    OnceLoop(Context& context, Options options);
    OnceLoop(const OnceLoop&) = delete;
    OnceLoop& operator=(const OnceLoop&) = delete;
    ~OnceLoop() = default;

    /// The status of the command, now or when it was run, or one of taskctl's own.
    [[nodiscard]] int run();

private:
    using Clock = std::chrono::steady_clock;

    [[nodiscard]] core::Result<ipc::RunClaimed> claim();
    [[nodiscard]] core::Result<void> wait_for_end(std::int64_t head, Clock::time_point latest);
    [[nodiscard]] int refuse(const core::Error& error);
    [[nodiscard]] std::optional<int> refuse_to_wait(const core::Run& run, bool has_patience);
    void say(const std::string& text);
    [[nodiscard]] int replay(const ipc::RunClaimed& claimed);
    [[nodiscard]] int run_command(const core::Run& run);
    void give_back();
    [[nodiscard]] int unwritten(int why);
    [[nodiscard]] int finish(int status, Clock::time_point begun);
    void extend_when_due();

    Context& context_;
    Screen& screen_;
    Options options_;
    std::optional<ipc::Client> client_{};

    std::int64_t fence_ = 0;
    KeptOutput kept_{};
    Clock::time_point extend_at_{};
    bool extending_ = false;
    bool is_lost_ = false;  ///< the lease
    std::atomic<bool> has_ended_{false};
    std::optional<ipc::Client> extend_client_{};
    std::unique_ptr<CallThread> extend_thread_{};  // last: it uses the client
};

}  // namespace taskd::cli
