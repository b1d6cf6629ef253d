// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_run.h"

#include <csignal>

namespace taskd::cli {

/// The signals that ask taskctl to end (INT, TERM, HUP, QUIT), but for those that were ignored
/// before: read from a descriptor as long as it lives, and passed to the command that runs.
class CommandSignals {
public:
    /// At a terminal the command stays in taskctl's own group: Ctrl-C and Ctrl-Z reach both, and
    /// what the terminal sent is not sent again.
    explicit CommandSignals(bool has_terminal);
    CommandSignals(const CommandSignals&) = delete;
    CommandSignals& operator=(const CommandSignals&) = delete;
    ~CommandSignals();

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] bool has_terminal() const { return has_terminal_; }

    /// The last one that came, or 0.
    [[nodiscard]] int last() const { return last_; }

    /// Reads what has come; `command` may be none.
    void pass_to(CommandRun* command);

private:
    bool has_terminal_;
    int last_ = 0;
    sigset_t before_{};
    UniqueFd fd_;
};

}  // namespace taskd::cli
