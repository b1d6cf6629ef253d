// SPDX-License-Identifier: Apache-2.0
// A command that is run again until it succeeds.
#pragma once

#include "cli/code_set.h"
#include "cli/command_run.h"
#include "cli/command_signals.h"
#include "cli/context.h"
#include "cli/replayed_input.h"
#include "core/random.h"
#include "core/retry.h"

#include <chrono>
#include <string>
#include <vector>

namespace taskd::cli {

inline constexpr int retry_refused = 120;
inline constexpr int retry_deadline = 123;
inline constexpr int retry_no_command = 124;
inline constexpr int retry_internal = 125;

class RetryLoop {
public:
    struct Options {
        std::vector<std::string> argv{};
        core::RetryPolicy policy{};
        core::Jitter jitter = core::Jitter::equal;
        CodeSet on{};  ///< tried again after these; none: after any but 0
        std::optional<std::chrono::milliseconds> deadline{};  ///< for all attempts and waits
    };

    RetryLoop(Context& context, core::Random& random, Options options);
    RetryLoop(const RetryLoop&) = delete;
    RetryLoop& operator=(const RetryLoop&) = delete;
    ~RetryLoop() = default;

    /// The status of the last attempt, or one of taskctl's own.
    [[nodiscard]] int run();

private:
    using Clock = std::chrono::steady_clock;

    [[nodiscard]] int attempt(ReplayedInput& input, int number);
    [[nodiscard]] bool wait(std::chrono::milliseconds span);
    [[nodiscard]] std::optional<std::chrono::milliseconds> wait_after(int status, int attempts);
    void say(const std::string& text);
    void end(CommandRun& command);
    [[nodiscard]] int ms_until(std::optional<Clock::time_point> time) const;

    Context& context_;
    Screen& screen_;
    core::Random& random_;
    Options options_;
    std::optional<Clock::time_point> deadline_;
    std::optional<Clock::time_point> kill_at_{};
    int own_status_ = 0;
    CommandSignals signals_;
};

}  // namespace taskd::cli
