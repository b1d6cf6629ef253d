// SPDX-License-Identifier: Apache-2.0
// A command of the user's that taskctl runs and whose exit status it passes on.
#pragma once

#include "cli/spawn.h"
#include "cli/unique_fd.h"

#include <optional>

namespace taskd::cli {

class CommandRun {
public:
    /// Errors: as spawn().
    [[nodiscard]] static core::Result<CommandRun> start(const Spawn& what);

    /// Readable once the command has ended.
    [[nodiscard]] int ended() const { return pidfd_.get(); }

    /// Its exit status as a shell has it, 128 and the number of the signal that ended it, once it
    /// has ended. What it left behind of a group that was sent a signal is killed.
    [[nodiscard]] std::optional<int> collect();

    /// To all of its processes if it has a group of its own, else to the command.
    void signal(int number);

private:
    CommandRun(pid_t pid, UniqueFd pidfd, bool own_group)
        : pid_(pid), pidfd_(std::move(pidfd)), own_group_(own_group) {}

    pid_t pid_;
    UniqueFd pidfd_;
    bool own_group_;
    bool was_signalled_ = false;
};

}  // namespace taskd::cli
