// SPDX-License-Identifier: Apache-2.0
#include "cli/consume_loop.h"

#include "core/text.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <sys/signalfd.h>
#include <system_error>
#include <unistd.h>

namespace taskd::cli {
namespace {

using std::chrono::milliseconds;

// A long poll is not ended early, so this is also how long Ctrl-C may take when nothing runs.
constexpr milliseconds fetch_wait{1000};
constexpr milliseconds grace{5000};  // from SIGTERM to SIGKILL

}  // namespace

ConsumeLoop::ConsumeLoop(Screen& screen, Options options)
    : screen_(screen), options_(std::move(options)) {
    sigset_t set{};
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGPIPE}) sigaddset(&set, number);
    pthread_sigmask(SIG_BLOCK, &set, &before_);
    sigdelset(&set, SIGPIPE);  // held back only: a command need not read
    signals_ = UniqueFd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (signals_.get() < 0) throw std::system_error(errno, std::generic_category(), "signalfd");
}

ConsumeLoop::~ConsumeLoop() {
    // Not SIGINT and SIGTERM: the exit status says already that they came. What waits stays held.
    for (auto& run : runs_) run.process.signal(SIGKILL);
}

ConsumeLeases::Hooks ConsumeLoop::hooks() {
    return {[this](std::vector<ipc::Leased> events) { take(std::move(events)); },
            [this](Verdict verdict, std::int64_t count) {
                found_nothing_ = false;
                settled_meanwhile_ = true;
                (verdict == Verdict::ack     ? acked_
                 : verdict == Verdict::retry ? retried_
                 : verdict == Verdict::dead  ? dead_
                                             : released_) += count;
            },
            [this](std::int64_t userseq, bool was_settled) { lost(userseq, was_settled); },
            [this](const core::Error& error) { failed(error); }};
}

void ConsumeLoop::take(std::vector<ipc::Leased> events) {
    found_nothing_ = events.empty() && !settled_meanwhile_;
    for (auto& leased : events) waiting_.push_back(std::move(leased));
    if (stopping_) release_waiting();
}

void ConsumeLoop::release_waiting() {
    for (const auto& leased : waiting_)
        leases_->settle({leased.event.userseq, leased.fence}, Verdict::release, {});
    waiting_.clear();
}

bool ConsumeLoop::in_work(std::int64_t userseq) const {
    return std::any_of(runs_.begin(), runs_.end(), [&](const Run& run) {
        return std::any_of(run.events.begin(), run.events.end(),
                           [&](const auto& leased) { return leased.event.userseq == userseq; });
    });
}

void ConsumeLoop::start_runs() {
    while (!stopping_ && !waiting_.empty() &&
           runs_.size() < static_cast<std::size_t>(options_.concurrency)) {
        // An event whose first lease was lost may have come back while its command still ends.
        if (in_work(waiting_.front().event.userseq)) return;
        std::vector<ipc::Leased> events;
        while (!waiting_.empty() && events.size() < static_cast<std::size_t>(options_.batch) &&
               !in_work(waiting_.front().event.userseq)) {
            events.push_back(std::move(waiting_.front()));
            waiting_.pop_front();
        }
        auto started = ConsumeRun::start(options_.command, events);
        if (!started) {
            for (const auto& leased : events)
                leases_->settle({leased.event.userseq, leased.fence}, Verdict::release, {});
            fail(started.error(), started.error().reason == core::Reason::not_found
                                      ? consume_no_command
                                      : consume_internal);
            return;
        }
        Run run{std::move(*started), std::move(events), {}, true, {}};
        for (const auto& leased : run.events) run.open.insert(leased.event.userseq);
        runs_.push_back(std::move(run));
        runs_.back().process.write_input();
    }
}

void ConsumeLoop::fetch_more() {
    const auto busy = static_cast<std::int64_t>(runs_.size());
    if (stopping_ || leases_->fetching() || !waiting_.empty() || busy >= options_.concurrency)
        return;
    // With --once, what is not ready now may be once something was settled: the next of a subject.
    if (options_.once && found_nothing_) return;
    const auto limit = std::min((options_.concurrency - busy) * options_.batch, leases_->room());
    if (limit <= 0) return;  // what is decided makes room when that is confirmed
    settled_meanwhile_ = false;
    leases_->fetch(limit, options_.once ? milliseconds{0} : fetch_wait);
}

bool ConsumeLoop::is_over() const {
    const bool at_rest = runs_.empty() && waiting_.empty() && !leases_->fetching() &&
                         leases_->all_settled() && !leases_->extending();
    return at_rest && (stopping_ || (options_.once && found_nothing_));
}

int ConsumeLoop::run(ConsumeLeases& leases) {
    leases_ = &leases;
    for (;;) {
        start_runs();
        fetch_more();
        if (is_over()) break;
        leases.extend_when_due(Clock::now());
        wait();
    }
    say_summary();
    return status_;
}

void ConsumeLoop::wait() {
    std::vector<pollfd> items{{signals_.get(), POLLIN, 0},
                              {leases_->fetcher_fd(), POLLIN, 0},
                              {leases_->settler_fd(), POLLIN, 0}};
    auto until = Clock::time_point::max();
    if (leases_->next_extend() != Clock::time_point{}) until = leases_->next_extend();
    for (const auto& run : runs_) {
        if (run.process.input() >= 0) items.push_back({run.process.input(), POLLOUT, 0});
        if (run.process.results() >= 0) items.push_back({run.process.results(), POLLIN, 0});
        if (run.kill_at) until = std::min(until, *run.kill_at);
    }
    int timeout = -1;
    if (until != Clock::time_point::max())
        timeout = static_cast<int>(std::clamp<std::int64_t>(
            std::chrono::ceil<milliseconds>(until - Clock::now()).count(), 0, 60'000));
    if (poll(items.data(), items.size(), timeout) < 0 && errno != EINTR)
        throw std::system_error(errno, std::generic_category(), "poll");
    read_signals();
    for (auto& run : runs_) {
        run.process.write_input();
        take_verdicts(run);
    }
    collect();
    leases_->run_results();
    kill_late(Clock::now());
}

void ConsumeLoop::read_signals() {
    signalfd_siginfo info{};
    while (read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info))
        if (info.ssi_signo != SIGCHLD) stop(static_cast<int>(info.ssi_signo));
}

/// The first signal lets what runs finish, the second ends it, the third leaves it no choice.
void ConsumeLoop::stop(int signal_number) {
    ++signals_seen_;
    if (signals_seen_ == 1) {
        stopping_ = true;
        leases_->stop_fetching();
        release_waiting();
        if (status_ == 0) status_ = 128 + signal_number;
        if (!runs_.empty())
            screen_.note("waiting for " +
                         counted(static_cast<std::int64_t>(runs_.size()), "command", "commands") +
                         " to finish; a second signal ends them");
        return;
    }
    for (auto& run : runs_) {
        if (signals_seen_ > 2) run.process.signal(SIGKILL);
        end_run(run);
    }
}

/// The run counts no more; what it had goes back.
void ConsumeLoop::end_run(Run& run) {
    if (run.kill_at) return;
    run.kill_at = Clock::now() + grace;
    run.counts = false;
    run.process.signal(SIGTERM);
}

void ConsumeLoop::kill_late(Clock::time_point now) {
    for (auto& run : runs_)
        if (run.kill_at && now >= *run.kill_at) {
            run.process.signal(SIGKILL);
            run.kill_at = now + grace;
        }
}

}  // namespace taskd::cli
