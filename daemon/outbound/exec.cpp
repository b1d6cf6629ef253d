// SPDX-License-Identifier: Apache-2.0
#include "core/text.h"
#include "daemon/outbound/channel.h"
#include "daemon/unique_fd.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace taskd::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t output_bytes_max = 4096;
constexpr milliseconds kill_after{2000};  // from TERM to KILL
constexpr milliseconds look_every{100};   // at `stopping` and at a child that closed its pipes

// What a program needs to find its home, its language and the desktop; nothing else of the daemon's
// own environment leaks into it.
constexpr std::array inherited{"PATH",
                               "HOME",
                               "USER",
                               "LOGNAME",
                               "SHELL",
                               "LANG",
                               "LC_ALL",
                               "TZ",
                               "DISPLAY",
                               "WAYLAND_DISPLAY",
                               "XDG_RUNTIME_DIR",
                               "DBUS_SESSION_BUS_ADDRESS",
                               "XAUTHORITY"};

struct Pipe {
    UniqueFd read;
    UniqueFd write;
};

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        throw std::system_error(errno, std::generic_category(), "pipe");
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::vector<std::string> environment_of(const Job& job) {
    std::vector<std::string> environment;
    for (const char* name : inherited)
        // No thread of ours ever writes the environment.
        if (const char* value = std::getenv(name); value != nullptr)
            environment.push_back(std::string(name) + "=" + value);
    for (const auto& [name, value] : job.variables) {
        // A title may hold a NUL; a variable can't.
        environment.push_back(name + "=" + value.substr(0, value.find('\0')));
    }
    return environment;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> list;
    list.reserve(texts.size() + 1);
    for (auto& text : texts) list.push_back(text.data());
    list.push_back(nullptr);
    return list;
}

/// Starts the program in a process group of its own, with all signals as new; gives the pid, or the
/// negative error number.
pid_t start(const Job& job, const Pipe& input, const Pipe& output) {
    std::vector<std::string> arguments = job.channel.argv;
    std::vector<std::string> environment = environment_of(job);
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, input.read.get(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output.write.get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output.write.get(), STDERR_FILENO);
    sigset_t none{};
    sigset_t all{};
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    pid_t pid = 0;
    const int error = posix_spawnp(&pid, arguments.front().c_str(), &actions, &attributes,
                                   pointers(arguments).data(), pointers(environment).data());
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return error == 0 ? pid : -error;
}

/// Feeds and reads a running child without ever blocking on it.
class Child {
public:
    Child(pid_t pid, const Job& job, Pipe& input, Pipe& output)
        : pid_(pid),
          ended_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))),
          left_(job.event),
          input_(input.write),
          output_(output.read) {
        for (const int fd : {input_.get(), output_.get()})
            fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    }

    /// Waits up to `wait` for something to happen; true once the child has ended.
    bool step(milliseconds wait) {
        std::array<pollfd, 3> fds{
            {{output_.get(), POLLIN, 0}, {input_.get(), POLLOUT, 0}, {ended_.get(), POLLIN, 0}}};
        poll(fds.data(), fds.size(), static_cast<int>(wait.count()));
        if (fds[0].revents != 0) read_some();
        if (fds[1].revents != 0) write_some();
        int status = 0;
        if (waitpid(pid_, &status, WNOHANG) != pid_) return false;
        // What it left running may write for ever.
        for (int left = reads_after_end; left > 0 && output_.get() >= 0 && read_some(); --left) {
        }
        status_ = status;
        return true;
    }

    void signal(int number) const { kill(-pid_, number); }
    [[nodiscard]] int status() const { return status_; }
    [[nodiscard]] const std::string& output() const { return kept_; }

private:
    bool read_some() {
        std::array<char, 4096> buffer{};
        const auto got = read(output_.get(), buffer.data(), buffer.size());
        if (got <= 0) {
            if (got == 0 || (errno != EAGAIN && errno != EINTR)) output_.reset();
            return false;
        }
        const auto room = output_bytes_max - kept_.size();
        kept_.append(buffer.data(), std::min(room, static_cast<std::size_t>(got)));
        return true;
    }

    void write_some() {
        const auto put = write(input_.get(), left_.data(), left_.size());
        if (put > 0) left_.remove_prefix(static_cast<std::size_t>(put));
        if (left_.empty() || (put < 0 && errno != EAGAIN && errno != EINTR)) input_.reset();
    }

    static constexpr int reads_after_end = 64;

    pid_t pid_;
    UniqueFd ended_;  // readable once it has; without one, looking now and then is enough
    std::string_view left_;
    UniqueFd& input_;
    UniqueFd& output_;
    std::string kept_;
    int status_ = 0;
};

std::string readable(std::string text) {
    if (text.size() == output_bytes_max) {
        // The limit may have cut the last character in two.
        for (std::size_t cut = 0; cut < 3 && !core::is_utf8(text); ++cut)
            if (core::is_utf8(std::string_view(text).substr(0, text.size() - cut - 1)))
                text.resize(text.size() - cut - 1);
    }
    if (core::is_utf8(text)) return text;
    for (char& c : text)
        if (static_cast<unsigned char>(c) >= 0x80) c = '?';
    return text;
}

core::Outcome outcome_of(int status, const std::string& output) {
    const std::string text = readable(output);
    if (WIFSIGNALED(status))
        return {false, true, "killed by signal " + std::to_string(WTERMSIG(status)), text};
    const int code = WEXITSTATUS(status);
    return {code == 0, true, "exit " + std::to_string(code), text};
}

std::string in_words(milliseconds span) {
    using std::chrono::seconds;
    if (span % seconds{1} == milliseconds{0}) return std::to_string(span / seconds{1}) + " s";
    return std::to_string(span.count()) + " ms";
}

}  // namespace

core::Outcome run_exec(const Job& job, const std::atomic<bool>& stopping) {
    Pipe input = make_pipe();
    Pipe output = make_pipe();
    const pid_t pid = start(job, input, output);
    if (pid < 0) {
        const std::string why = std::strerror(-pid);
        return {false, true, "can't run " + job.channel.argv.front() + ": " + why, ""};
    }
    input.read.reset();
    output.write.reset();

    Child child(pid, job, input, output);
    const auto limit = job.channel.timeout;
    auto until = steady_clock::now() + limit;
    std::string ended_for;
    while (!child.step(look_every)) {
        const bool late = steady_clock::now() >= until;
        if (ended_for.empty() && (late || stopping)) {
            ended_for = late ? "timed out after " + in_words(limit) : "interrupted: taskd stopped";
            child.signal(SIGTERM);
            until = steady_clock::now() + kill_after;
        } else if (!ended_for.empty() && late) {
            child.signal(SIGKILL);
        }
    }
    // What the program left running in its group goes with it.
    if (!ended_for.empty()) child.signal(SIGKILL);
    if (!ended_for.empty()) return {false, true, ended_for, readable(child.output())};
    return outcome_of(child.status(), child.output());
}

}  // namespace taskd::daemon
