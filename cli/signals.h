// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>

namespace taskd::cli {

/// A reader of standard output that went away shows as a failed write, and is no reason to end with
/// anything but 0; see OutputFailed.
inline void ignore_broken_pipe() {
    (void)std::signal(SIGPIPE, SIG_IGN);
}

/// As nohup has it, and a shell for what it runs in the background.
[[nodiscard]] inline bool is_ignored(int number) {
    struct sigaction action {};
    return sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

/// Holds back the signals that ask a process to end, as long as it lives.
class SignalsHeld {
public:
    SignalsHeld() {
        sigset_t set{};
        sigemptyset(&set);
        for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, number);
        pthread_sigmask(SIG_BLOCK, &set, &before_);
    }
    SignalsHeld(const SignalsHeld&) = delete;
    SignalsHeld& operator=(const SignalsHeld&) = delete;
    ~SignalsHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

}  // namespace taskd::cli
