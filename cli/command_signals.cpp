// SPDX-License-Identifier: Apache-2.0
#include "cli/command_signals.h"

#include "cli/signals.h"

#include <cerrno>
#include <sys/signalfd.h>
#include <system_error>
#include <unistd.h>

namespace taskd::cli {

CommandSignals::CommandSignals(bool has_terminal) : has_terminal_(has_terminal) {
    sigset_t set{};
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT})
        if (!is_ignored(number)) sigaddset(&set, number);
    pthread_sigmask(SIG_BLOCK, &set, &before_);
    fd_ = UniqueFd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (fd_.get() < 0) throw std::system_error(errno, std::generic_category(), "signalfd");
}

CommandSignals::~CommandSignals() {
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void CommandSignals::pass_to(CommandRun* command) {
    signalfd_siginfo info{};
    while (read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        last_ = static_cast<int>(info.ssi_signo);
        // A terminal that hangs up tells only the leader of its session.
        const bool from_terminal = has_terminal_ && info.ssi_code == SI_KERNEL && last_ != SIGHUP;
        if (command != nullptr && !from_terminal) command->signal(last_);
    }
}

}  // namespace taskd::cli
