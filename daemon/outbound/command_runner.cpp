// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/command_runner.h"

#include "daemon/outbound/program.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <iterator>
#include <optional>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace taskd::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t output_bytes_max = 16 * 1024;  // of what it printed last
constexpr milliseconds look_every{100};              // at an end that no descriptor tells of
constexpr int reads_after_end = 64;                  // what it left running may write for ever

UniqueFd make_event() {
    UniqueFd fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (fd.get() < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
    return fd;
}

void tell(const UniqueFd& event) {
    const std::uint64_t one = 1;
    (void)!write(event.get(), &one, sizeof one);
}

void drain(const UniqueFd& event) {
    std::uint64_t count = 0;
    (void)!read(event.get(), &count, sizeof count);
}

/// What a program reads as its standard input: a file of its own in memory, so that nobody waits
/// for it to read. None for "".
UniqueFd input_of(const std::string& text) {
    if (text.empty()) return {};
    UniqueFd fd(memfd_create("event", MFD_CLOEXEC));
    if (fd.get() < 0) throw std::system_error(errno, std::generic_category(), "memfd_create");
    for (std::size_t at = 0; at < text.size();) {
        const auto put = write(fd.get(), text.data() + at, text.size() - at);
        if (put < 0 && errno != EINTR)
            throw std::system_error(errno, std::generic_category(), "its standard input");
        if (put > 0) at += static_cast<std::size_t>(put);
    }
    lseek(fd.get(), 0, SEEK_SET);
    return fd;
}

Program program_of(const Job& job) {
    Program program{job.command->argv, {}, job.command->directory};
    append_variables(program.environment, job.variables);
    program.environment.insert(program.environment.end(), job.command->environment.begin(),
                               job.command->environment.end());
    // What was recorded counts; the rest is of this login, such as its D-Bus.
    for (auto& variable : inherited_environment()) {
        const auto name = variable.substr(0, variable.find('=') + 1);
        if (std::none_of(program.environment.begin(), program.environment.end(),
                         [&](const auto& one) { return one.rfind(name, 0) == 0; }))
            program.environment.push_back(std::move(variable));
    }
    return program;
}

}  // namespace

struct CommandRunner::Running {
    Job job;
    pid_t pid = 0;
    UniqueFd ended;  ///< readable once it has; without one, looking now and then is enough
    UniqueFd output;
    std::string kept;
    std::size_t left_out = 0;  ///< bytes before what is kept
    steady_clock::time_point begun;
    steady_clock::time_point until;  ///< TERM, and then KILL
    std::string ended_for;           ///< why it was told to end

    /// Gives whether there may be more.
    bool read_some() {
        std::array<char, 16 * 1024> buffer{};
        const auto got = read(output.get(), buffer.data(), buffer.size());
        if (got <= 0) {
            if (got == 0 || (errno != EAGAIN && errno != EINTR)) output.reset();
            return false;
        }
        kept.append(buffer.data(), static_cast<std::size_t>(got));
        if (kept.size() > 2 * output_bytes_max) keep_last();
        return true;
    }

    void keep_last() {
        if (kept.size() <= output_bytes_max) return;
        left_out += kept.size() - output_bytes_max;
        kept.erase(0, kept.size() - output_bytes_max);
    }

    std::string printed() {
        keep_last();
        std::string text = readable(kept, left_out > 0 ? Cut::front : Cut::none);
        if (left_out > 0) text.insert(0, "[" + std::to_string(left_out) + " bytes before this]\n");
        return text;
    }

    void stop(std::string why) {
        if (!ended_for.empty()) return;
        ended_for = std::move(why);
        kill(-pid, SIGTERM);
        until = steady_clock::now() + kill_after;
    }
};

CommandRunner::CommandRunner() : wake_fd_(make_event()), done_fd_(make_event()) {}

CommandRunner::~CommandRunner() {
    stopping_ = true;
    tell(wake_fd_);
    if (thread_.joinable()) thread_.join();
}

void CommandRunner::start(std::vector<Job> jobs) {
    if (jobs.empty()) return;
    {
        const std::lock_guard lock(mutex_);
        std::move(jobs.begin(), jobs.end(), std::back_inserter(queue_));
    }
    if (!thread_.joinable()) thread_ = std::thread(&CommandRunner::work, this);
    tell(wake_fd_);
}

std::vector<JobResult> CommandRunner::results() {
    drain(done_fd_);
    const std::lock_guard lock(mutex_);
    return std::exchange(done_, {});
}

void CommandRunner::retract(const std::vector<Publication>& publications) {
    bool any = false;
    for (const auto& [user, event] : publications) {
        if (event.type != "task.cancelled" && event.type != "task.deleted") continue;
        const std::lock_guard lock(mutex_);
        if (!thread_.joinable()) return;
        retracted_.push_back(user.str() + " " + event.subject);
        any = true;
    }
    if (any) tell(wake_fd_);
}

void CommandRunner::begin(Job job) {
    Running one;
    one.begun = steady_clock::now();
    one.job = std::move(job);
    const auto failed = [&](const std::string& why) {
        finish(one, {false, true, "can't run " + one.job.command->argv.front() + ": " + why, ""});
    };
    try {
        const auto program = program_of(one.job);
        if (access(program.directory.c_str(), X_OK) != 0)
            return failed("its directory " + program.directory + ": " + std::strerror(errno));
        Pipe output = make_pipe();
        fcntl(output.read.get(), F_SETFL, O_NONBLOCK);
        const UniqueFd input = input_of(one.job.event);
        one.pid = taskd::daemon::start(program, input.get(), output.write.get());
        if (one.pid < 0) return failed(std::strerror(-one.pid));
        one.output = std::move(output.read);
    } catch (const std::system_error& error) {
        return failed(error.what());
    }
    one.ended = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, one.pid, 0)));
    one.until = one.begun + one.job.command->time_limit;
    running_.push_back(std::move(one));
}

void CommandRunner::finish(const Running& one, core::Outcome outcome) {
    outcome.took = std::chrono::duration_cast<milliseconds>(steady_clock::now() - one.begun);
    JobResult result{one.job.user, one.job.delivery, std::move(outcome), {}, {}};
    result.is_command = true;
    {
        const std::lock_guard lock(mutex_);
        done_.push_back(std::move(result));
    }
    tell(done_fd_);
}

/// Reads what there is and sees whether it has ended, or has to; then its pid is 0.
void CommandRunner::look(Running& one) {
    if (one.output.get() >= 0) one.read_some();
    int status = 0;
    if (waitpid(one.pid, &status, WNOHANG) == one.pid) {
        for (int left = reads_after_end; left > 0 && one.output.get() >= 0 && one.read_some();
             --left) {
        }
        // What it left running in its group goes with it, if it was told to end.
        if (!one.ended_for.empty()) kill(-one.pid, SIGKILL);
        one.pid = 0;
        finish(one, one.ended_for.empty()
                        ? outcome_of(status, one.printed())
                        : core::Outcome{false, true, one.ended_for, one.printed()});
        return;
    }
    if (steady_clock::now() < one.until) return;
    if (one.ended_for.empty())
        one.stop("timed out after " + in_words(one.job.command->time_limit));
    else
        kill(-one.pid, SIGKILL);
}

void CommandRunner::work() {
    // What was told to end is waited for; what did not begin is tried again after the next start.
    while (!stopping_ || !running_.empty()) {
        std::vector<pollfd> fds{{wake_fd_.get(), POLLIN, 0}};
        auto until = steady_clock::now() + std::chrono::hours{1};
        bool is_blind = false;
        for (const auto& one : running_) {
            if (one.output.get() >= 0) fds.push_back({one.output.get(), POLLIN, 0});
            if (one.ended.get() >= 0) fds.push_back({one.ended.get(), POLLIN, 0});
            is_blind = is_blind || one.ended.get() < 0;
            // One that is killed and does not end is looked at now and then.
            until = std::min(until, std::max(one.until, steady_clock::now() + milliseconds{1}));
        }
        auto wait = std::chrono::ceil<milliseconds>(until - steady_clock::now());
        const bool ends = std::any_of(running_.begin(), running_.end(), [](const auto& one) {
            return !one.ended_for.empty() && steady_clock::now() >= one.until;
        });
        if (is_blind || ends) wait = std::min(wait, look_every);
        if (ends) wait = look_every;
        poll(fds.data(), fds.size(), static_cast<int>(std::max(wait, milliseconds{0}).count()));

        std::vector<Job> jobs;
        std::vector<std::string> retracted;
        if (fds[0].revents != 0) {
            drain(wake_fd_);
            const std::lock_guard lock(mutex_);
            jobs.swap(queue_);
            retracted.swap(retracted_);
        }
        if (stopping_) {
            for (auto& one : running_) one.stop(interrupted);
        } else {
            for (auto& job : jobs) begin(std::move(job));
        }
        for (auto& one : running_) {
            const auto name = one.job.user.str() + " " + one.job.task.str();
            if (std::find(retracted.begin(), retracted.end(), name) != retracted.end())
                one.stop("stopped: its task was cancelled");
            look(one);
        }
        running_.remove_if([](const Running& one) { return one.pid == 0; });
    }
}

}  // namespace taskd::daemon
