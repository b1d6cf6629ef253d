// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/command_runner.h"

#include "daemon/outbound/leftovers.h"
#include "daemon/outbound/program.h"
#include "daemon/outbound/run_output.h"

#include <systemd/sd-journal.h>

#include <algorithm>
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
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <system_error>
#include <unistd.h>

namespace taskd::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int systemds_own_min = 200;    // systemd.exec(5), PROCESS EXIT CODES
constexpr milliseconds look_every{100};  // at an end that no descriptor tells of

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

core::Outcome not_begun(const Job& job, const std::string& why) {
    return {false, true, "can't run " + job.command->argv.front() + ": " + why, ""};
}

/// What the task is about, for who lists units.
std::string summary_of(const Job& job) {
    const auto found = std::find_if(job.variables.begin(), job.variables.end(),
                                    [](const auto& one) { return one.first == "TASKD_SUMMARY"; });
    return found == job.variables.end() ? job.command->argv.front() : found->second;
}

bool may_run(const NewUnit& unit) {
    return access(unit.file.c_str(), X_OK) == 0 &&
           access(unit.program.directory.c_str(), X_OK) == 0;
}

/// None where there is no journal.
UniqueFd journal_of(const UnitPlace& place, const std::string& unit) {
    constexpr int no_level_prefixes = 0;
    return UniqueFd(place.journal
                        ? place.journal(unit)
                        : sd_journal_stream_fd(unit.c_str(), LOG_INFO, no_level_prefixes));
}

}  // namespace

struct CommandRunner::Running {
    Job job;
    pid_t pid = 0;     ///< of a child
    UniqueFd ended;    ///< of a child: readable once it has; else it is looked at now and then
    std::string unit;  ///< its name; "": a child
    std::optional<steady_clock::time_point> again{};  ///< ask for the unit, which is taken
    bool is_lost = false;  ///< systemd knows nothing of the unit: it is ended by hand
    RunOutput output;
    steady_clock::time_point begun;
    steady_clock::time_point until;  ///< TERM, and then KILL
    std::string ended_for;           ///< why it was told to end
    bool is_over = false;

    [[nodiscard]] std::string run() const { return job.delivery.str(); }
};

CommandRunner::CommandRunner(std::optional<UnitPlace> place,
                             std::function<void(const std::string& why)> told)
    : wake_fd_(make_event()),
      done_fd_(make_event()),
      place_(std::move(place)),
      told_(std::move(told)) {}

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
    one.until = one.begun + job.command->time_limit;
    one.job = std::move(job);
    try {
        if (!begin_unit(one)) begin_child(one);
    } catch (const std::system_error& error) {
        finish(one, not_begun(one.job, error.what()));
    }
    if (!one.is_over) running_.push_back(std::move(one));
}

/// Asks for it; what becomes of that is seen by look_at_unit().
bool CommandRunner::begin_unit(Running& one) {
    if (!place_) return false;
    NewUnit unit{unit_of_run(one.run()), summary_of(one.job), {}, program_of(one.job)};
    unit.file = file_of(unit.program);
    // What can't be run is told as a child's error. A system daemon may not see what a unit sees.
    if (unit.file.empty() || (!place_->is_system && !may_run(unit))) return false;
    std::string why = "the connection to systemd ended";
    if (!bus_) bus_ = UnitBus::open(*place_, why);
    if (!bus_ || !bus_->is_open()) {
        tell_once(why);
        return false;
    }
    Pipe output = make_output();
    const UniqueFd input = input_of(one.job.event);
    unit.input = input.get();
    unit.output = output.write.get();
    bus_->start(unit);
    one.unit = unit.name;
    one.output = RunOutput(std::move(output.read), journal_of(*place_, unit.name));
    return true;
}

void CommandRunner::begin_child(Running& one) {
    const auto program = program_of(one.job);
    if (access(program.directory.c_str(), X_OK) != 0)
        return finish(one, not_begun(one.job, "its directory " + program.directory + ": " +
                                                  std::strerror(errno)));
    Pipe output = make_output();
    const UniqueFd input = input_of(one.job.event);
    one.pid = taskd::daemon::start(program, input.get(), output.write.get());
    if (one.pid < 0) return finish(one, not_begun(one.job, std::strerror(-one.pid)));
    one.output = RunOutput(std::move(output.read));
    one.ended = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, one.pid, 0)));
}

void CommandRunner::tell_once(const std::string& why) {
    if (why == told_last_ || !told_) return;
    told_last_ = why;
    told_(why);
}

void CommandRunner::finish(Running& one, core::Outcome outcome) {
    one.is_over = true;
    outcome.took = std::chrono::duration_cast<milliseconds>(steady_clock::now() - one.begun);
    JobResult result{one.job.user, one.job.delivery, std::move(outcome), {}, {}};
    result.is_command = true;
    {
        const std::lock_guard lock(mutex_);
        done_.push_back(std::move(result));
    }
    tell(done_fd_);
}

void CommandRunner::stop(Running& one, const std::string& why) {
    if (!one.ended_for.empty()) return;
    one.ended_for = why;
    one.until = steady_clock::now() + kill_after;
    if (one.unit.empty())
        kill(-one.pid, SIGTERM);
    else if (!one.again)
        bus_->stop(one.unit);
}

/// Reads what there is and sees whether it has ended, or has to.
void CommandRunner::look(Running& one) {
    one.output.read_some();
    if (one.unit.empty())
        look_at_child(one);
    else
        look_at_unit(one);
    if (!one.is_over && steady_clock::now() >= one.until) see_limit(one);
}

void CommandRunner::end(Running& one, int status, bool is_unseen) {
    one.output.read_rest();
    if (!one.ended_for.empty()) return finish(one, {false, true, one.ended_for, one.output.text()});
    auto outcome = outcome_of(status, one.output.text());
    if (is_unseen && WIFEXITED(status) && WEXITSTATUS(status) >= systemds_own_min)
        outcome.result += " (of systemd.exec(5), if not its own)";
    finish(one, std::move(outcome));
}

void CommandRunner::look_at_child(Running& one) {
    int status = 0;
    if (waitpid(one.pid, &status, WNOHANG) != one.pid) return;
    // What it left running in its group goes with it, if it was told to end.
    if (!one.ended_for.empty()) kill(-one.pid, SIGKILL);
    end(one, status, false);
}

void CommandRunner::look_at_unit(Running& one) {
    if (one.is_lost) return see_end_by_hand(one, 0);
    if (one.again) return begin_again(one);
    const auto unit = bus_->at(one.unit);
    switch (unit.state) {
    case UnitBus::State::asked:
    case UnitBus::State::running:
        return;
    case UnitBus::State::lost:
        one.is_lost = true;
        stop(one, "interrupted: " + unit.why);
        bus_->forget(one.unit);
        return see_end_by_hand(one, SIGTERM);
    case UnitBus::State::ended:
        bus_->forget(one.unit);
        return end(one, unit.status, unit.is_unseen);
    case UnitBus::State::taken:
        // Of an attempt of a daemon before this one, if systemd is slow to see that it has ended.
        bus_->forget(one.unit);
        bus_->stop(one.unit);
        one.again = steady_clock::now() + look_every;
        return;
    case UnitBus::State::refused:
        bus_->forget(one.unit);
        one.unit.clear();
        if (!one.ended_for.empty()) return finish(one, {false, true, one.ended_for, ""});
        tell_once(unit.why);
        try {
            begin_child(one);
        } catch (const std::system_error& error) {
            finish(one, not_begun(one.job, error.what()));
        }
        return;
    }
}

/// Two attempts must not run side by side, so what has its name is waited for.
void CommandRunner::begin_again(Running& one) {
    if (!one.ended_for.empty()) return finish(one, {false, true, one.ended_for, ""});
    const auto now = steady_clock::now();
    if (now < *one.again) return;
    one.again.reset();
    const bool is_late = now >= one.begun + place_->patience;
    try {
        if (!is_late && begin_unit(one)) return;
    } catch (const std::system_error& error) {
        return finish(one, not_begun(one.job, error.what()));
    }
    finish(one, {false, true, "interrupted: the unit of its last attempt does not end", ""});
}

void CommandRunner::see_limit(Running& one) {
    if (one.ended_for.empty())
        stop(one, "timed out after " + in_words(one.job.command->time_limit));
    else if (one.unit.empty())
        kill(-one.pid, SIGKILL);
    else
        see_end_by_hand(one, SIGKILL);
}

/// Where systemd does not end a unit, or does not say so. What is left of it is found as what a
/// killed daemon left; the next attempt waits until there is none.
void CommandRunner::see_end_by_hand(Running& one, int number) {
    const auto left = signal_run(one.run(), number);
    const bool is_late = steady_clock::now() >= one.until + place_->patience;
    if (!is_late && (left > 0 || !one.is_lost)) return;
    one.output.read_rest();
    finish(one, {false, true, one.ended_for, one.output.text()});
    if (!one.is_lost) bus_->forget(one.unit);
}

/// Until there is something to do.
void CommandRunner::wait() {
    std::vector<pollfd> fds{{wake_fd_.get(), POLLIN, 0}};
    const auto now = steady_clock::now();
    auto until = now + std::chrono::hours{1};
    bool is_blind = false;
    for (const auto& one : running_) {
        if (one.output.fd() >= 0) fds.push_back({one.output.fd(), POLLIN, 0});
        if (one.ended.get() >= 0) fds.push_back({one.ended.get(), POLLIN, 0});
        // One that is killed and does not end is looked at now and then.
        const bool is_late = !one.ended_for.empty() && now >= one.until;
        is_blind = is_blind || is_late || one.is_lost || (one.unit.empty() && one.ended.get() < 0);
        if (one.again) until = std::min(until, *one.again);
        if (!is_late) until = std::min(until, std::max(one.until, now + milliseconds{1}));
    }
    if (is_blind) until = std::min(until, now + look_every);
    if (bus_) {
        fds.push_back({bus_->fd(), bus_->events(), 0});
        if (const int ms = bus_->wait_ms(); ms >= 0)
            until = std::min(until, now + milliseconds{ms});
    }
    const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now());
    poll(fds.data(), fds.size(), static_cast<int>(std::max(left, milliseconds{0}).count()));
    if (fds[0].revents != 0) drain(wake_fd_);
}

void CommandRunner::work() {
    // What was told to end is waited for; what did not begin is tried again after the next start.
    while (!stopping_ || !running_.empty()) {
        wait();
        if (bus_) bus_->process();

        std::vector<Job> jobs;
        std::vector<std::string> retracted;
        {
            const std::lock_guard lock(mutex_);
            jobs.swap(queue_);
            retracted.swap(retracted_);
        }
        if (stopping_) {
            for (auto& one : running_) stop(one, interrupted);
        } else {
            for (auto& job : jobs) begin(std::move(job));
        }
        for (auto& one : running_) {
            const auto name = one.job.user.str() + " " + one.job.task.str();
            if (std::find(retracted.begin(), retracted.end(), name) != retracted.end())
                stop(one, "stopped: its task was cancelled");
            look(one);
        }
        running_.remove_if([](const Running& one) { return one.is_over; });
        // systemd tells of all units that there are, which is of interest for ours only.
        if (bus_ && !bus_->has_units()) bus_.reset();
    }
}

}  // namespace taskd::daemon
