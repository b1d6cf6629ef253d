// SPDX-License-Identifier: Apache-2.0
#include "cli/user_manager.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <spawn.h>
#include <string>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace taskd::cli {
namespace {

// systemd itself waits for a start that takes long; who types a command does not.
constexpr std::chrono::milliseconds start_max{30'000};

/// Whether systemctl said that both units run. The service too, not only its sockets: a daemon
/// that can't start is then an answer, not a request that nobody takes.
bool systemctl_start() {
    std::array<std::string, 5> words{"systemctl", "--user", "start", "taskd.socket",
                                     "taskd.service"};
    std::array<char*, 6> argv{};
    for (std::size_t i = 0; i < words.size(); ++i) argv.at(i) = words.at(i).data();

    posix_spawn_file_actions_t actions{};
    posix_spawn_file_actions_init(&actions);
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        posix_spawn_file_actions_addopen(&actions, standard, "/dev/null", O_RDWR, 0);
    pid_t child = 0;
    const int failed = posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) return false;

    // A wait with a bound: the descriptor of a process is readable once it has ended.
    const int handle = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
    pollfd item{handle, POLLIN, 0};
    if (handle < 0 || poll(&item, 1, static_cast<int>(start_max.count())) <= 0)
        kill(child, SIGKILL);
    if (handle >= 0) close(handle);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

core::Result<bool> start_by_user_manager(const ipc::Endpoint& endpoint) {
    // taskctl starts no thread that changes the environment.
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    std::error_code error;
    if (runtime == nullptr || endpoint.directory() != ipc::personal_directory() ||
        !std::filesystem::exists(std::string(runtime) + "/systemd/private", error))
        return false;
    const bool started = systemctl_start();
    if (!endpoint.is_listening()) return false;
    if (started) return true;
    return tl::unexpected(core::Error{core::Reason::unavailable,
                                      "taskd can't start: systemctl --user start taskd.service "
                                      "failed",
                                      {},
                                      "journalctl --user -u taskd says more"});
}

}  // namespace taskd::cli
