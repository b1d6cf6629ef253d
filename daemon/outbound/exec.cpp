// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/channel.h"
#include "daemon/outbound/program.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace taskd::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t output_bytes_max = 4096;
constexpr milliseconds look_every{100};  // at `stopping` and at a child that closed its pipes

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

}  // namespace

core::Outcome run_exec(const Job& job, const std::atomic<bool>& stopping) {
    Pipe input = make_pipe();
    Pipe output = make_pipe();
    Program program{job.channel.argv, inherited_environment(), ""};
    append_variables(program.environment, job.variables);
    const pid_t pid = start(program, input.read.get(), output.write.get());
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
            ended_for = late ? "timed out after " + in_words(limit) : interrupted;
            child.signal(SIGTERM);
            until = steady_clock::now() + kill_after;
        } else if (!ended_for.empty() && late) {
            child.signal(SIGKILL);
        }
    }
    // What the program left running in its group goes with it.
    if (!ended_for.empty()) child.signal(SIGKILL);
    const bool is_cut = child.output().size() == output_bytes_max;
    auto printed = readable(child.output(), is_cut ? Cut::back : Cut::none);
    if (!ended_for.empty()) return {false, true, ended_for, std::move(printed)};
    return outcome_of(child.status(), std::move(printed));
}

}  // namespace taskd::daemon
