// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/open_page.h"

#include <array>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

extern char** environ;

namespace taskd::daemon {

void open_page(const std::string& url) {
    // setsid leaves the browser to init, so that nobody has to wait for it.
    std::array<std::string, 4> words{"setsid", "--fork", "xdg-open", url};
    std::array<char*, 5> arguments{words[0].data(), words[1].data(), words[2].data(),
                                   words[3].data(), nullptr};
    posix_spawnattr_t attributes{};
    posix_spawnattr_init(&attributes);
    sigset_t none{};
    sigset_t all{};
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    pid_t pid = 0;
    if (posix_spawnp(&pid, arguments[0], nullptr, &attributes, arguments.data(), environ) == 0)
        waitpid(pid, nullptr, 0);
    posix_spawnattr_destroy(&attributes);
}

}  // namespace taskd::daemon
