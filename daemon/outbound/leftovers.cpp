// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/leftovers.h"

#include "daemon/outbound/program.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <signal.h>
#include <sstream>
#include <sys/syscall.h>
#include <unistd.h>

namespace taskd::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::string text_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

/// Whether a process has one of the ids; not one that ends meanwhile, or is somebody else's.
bool is_left(const std::filesystem::path& process, const std::vector<std::string>& runs) {
    const std::string environment = '\0' + text_of(process / "environ");
    // One line a hierarchy; the unit is the last part of a path, or has parts of its own below it.
    std::string groups = text_of(process / "cgroup");
    std::replace(groups.begin(), groups.end(), '\n', '/');
    return std::any_of(runs.begin(), runs.end(), [&](const auto& run) {
        const std::string variable = '\0' + ("TASKD_RUN_ID=" + run) + '\0';
        return environment.find(variable) != std::string::npos ||
               groups.find("/" + unit_of_run(run) + "/") != std::string::npos;
    });
}

std::vector<pid_t> left_of(const std::vector<std::string>& runs) {
    std::vector<pid_t> pids;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
        const auto name = entry.path().filename().string();
        pid_t pid = 0;
        const auto [end, wrong] = std::from_chars(name.data(), name.data() + name.size(), pid);
        const bool is_process = wrong == std::errc{} && end == name.data() + name.size();
        if (is_process && pid != getpid() && is_left(entry.path(), runs)) pids.push_back(pid);
    }
    return pids;
}

/// Those that got the signal. In a unit there may be some of another user, such as what sudo runs.
std::vector<UniqueFd> signalled(const std::vector<pid_t>& pids, int number) {
    std::vector<UniqueFd> processes;
    for (const auto pid : pids)
        if (UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
            fd.get() >= 0 && syscall(SYS_pidfd_send_signal, fd.get(), number, nullptr, 0) == 0)
            processes.push_back(std::move(fd));
    return processes;
}

/// Waits for the end of those that are there; a pidfd can't be another one's.
void wait_for(const std::vector<UniqueFd>& processes, steady_clock::time_point until) {
    for (const auto& process : processes) {
        const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now());
        pollfd fd{process.get(), POLLIN, 0};
        poll(&fd, 1, static_cast<int>(std::max(left, milliseconds{0}).count()));
    }
}

}  // namespace

std::string unit_of_run(const std::string& run) {
    return "taskd-run-" + run + ".service";
}

void end_leftovers(const std::vector<std::string>& runs) {
    if (runs.empty()) return;
    // Again after the KILL: one of them may have started another.
    for (const int number : {SIGTERM, SIGKILL, SIGKILL}) {
        const auto processes = signalled(left_of(runs), number);
        if (processes.empty()) return;
        wait_for(processes, steady_clock::now() + kill_after);
    }
}

std::size_t signal_run(const std::string& run, int number) {
    return signalled(left_of({run}), number).size();
}

}  // namespace taskd::daemon
