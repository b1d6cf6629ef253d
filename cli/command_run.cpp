// SPDX-License-Identifier: Apache-2.0
#include "cli/command_run.h"

#include <cerrno>
#include <csignal>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace taskd::cli {

core::Result<CommandRun> CommandRun::start(const Spawn& what) {
    (void)std::signal(SIGCHLD, SIG_DFL);  // ignored, it would have no status to collect
    const auto pid = spawn(what);
    if (!pid) return tl::unexpected(pid.error());
    UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, *pid, 0)));
    if (pidfd.get() >= 0) return CommandRun(*pid, std::move(pidfd), what.own_group);
    const int why = errno;
    (void)kill(*pid, SIGKILL);
    (void)waitpid(*pid, nullptr, 0);
    throw std::system_error(why, std::generic_category(), "pidfd_open");
}

std::optional<int> CommandRun::collect() {
    siginfo_t info{};
    if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid != pid_)
        return {};
    // Its number is its own until it is collected: what it left behind can still be told apart.
    if (was_signalled_ && own_group_) (void)kill(-pid_, SIGKILL);
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void CommandRun::signal(int number) {
    was_signalled_ = true;
    (void)kill(own_group_ ? -pid_ : pid_, number);
}

}  // namespace taskd::cli
