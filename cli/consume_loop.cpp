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

std::string event_words(const ipc::Leased& leased) {
    return "event " + std::to_string(leased.event.userseq) + " (" +
           core::clipped(leased.event.type, 64) + ")";
}

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
                (verdict == Verdict::ack     ? acked_
                 : verdict == Verdict::retry ? retried_
                 : verdict == Verdict::dead  ? dead_
                                             : released_) += count;
            },
            [this](std::int64_t userseq, bool was_settled) { lost(userseq, was_settled); },
            [this](const core::Error& error) { failed(error); }};
}

void ConsumeLoop::take(std::vector<ipc::Leased> events) {
    found_nothing_ = events.empty();
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
    leases_->fetch((options_.concurrency - busy) * options_.batch,
                   options_.once ? milliseconds{0} : fetch_wait);
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

void ConsumeLoop::take_verdicts(Run& run) {
    std::vector<std::string> strange;
    for (const auto& [userseq, verdict] : run.process.read_results(strange)) {
        if (!run.counts) continue;
        if (run.open.erase(userseq) == 0) continue;  // the first word counts
        decide(run, userseq, {verdict, verdict == Verdict::ack ? "" : "the command said so", 0});
    }
    if (strange.empty() || said_strange_) return;
    said_strange_ = true;
    screen_.warn("\"" + core::clipped(strange.front(), 64) +
                 "\" is no verdict; the command may write NUMBER and ack, retry or drop");
}

void ConsumeLoop::collect() {
    for (auto run = runs_.begin(); run != runs_.end();) {
        const auto ended = run->process.collect();
        if (!ended) {
            ++run;
            continue;
        }
        take_verdicts(*run);  // what it wrote last
        conclude(*run, *ended);
        run = runs_.erase(run);
    }
}

void ConsumeLoop::conclude(Run& run, int wait_status) {
    Outcome outcome = outcome_of(wait_status, options_.rules);
    if (!run.counts) outcome = {Verdict::release, {}, 0};
    for (const auto userseq : run.open) decide(run, userseq, outcome);
    if (outcome.stop == 0) return;
    if (status_ == 0) status_ = outcome.stop;
    stopping_ = true;
    leases_->stop_fetching();
    release_waiting();
}

void ConsumeLoop::decide(const Run& run, std::int64_t userseq, const Outcome& outcome) {
    const auto found = std::find_if(run.events.begin(), run.events.end(), [&](const auto& leased) {
        return leased.event.userseq == userseq;
    });
    const auto& leased = *found;
    if (!leases_->holds(leased.fence)) return;
    leases_->settle({userseq, leased.fence}, outcome.verdict, outcome.error);
    if (outcome.verdict == Verdict::ack || outcome.error.empty()) return;
    std::string then = "it is tried again";
    if (outcome.verdict == Verdict::dead) then = "it is a dead letter now";
    if (outcome.verdict == Verdict::release) then = "it goes back, and nothing more is taken";
    if (outcome.verdict == Verdict::retry && options_.attempts_max > 0 &&
        leased.attempt >= options_.attempts_max)
        then = "that was the last attempt, so it is a dead letter now";
    screen_.note(event_words(leased) + ": " + outcome.error + " in attempt " +
                 std::to_string(leased.attempt) + "; " + then);
}

void ConsumeLoop::lost(std::int64_t userseq, bool was_settled) {
    if (was_settled)
        return screen_.warn("event " + std::to_string(userseq) +
                            " was done too late: its lease had ended, so another may do it again");
    waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(),
                                  [&](const auto& leased) {
                                      return leased.event.userseq == userseq &&
                                             !leases_->holds(leased.fence);
                                  }),
                   waiting_.end());
    for (auto& run : runs_) {
        if (run.open.erase(userseq) == 0) continue;
        screen_.warn("event " + std::to_string(userseq) +
                     ": its lease was lost, so its command is ended");
        end_run(run);
    }
}

void ConsumeLoop::fail(const core::Error& error, int status) {
    if (status_ == 0) {
        screen_.error(error);
        status_ = status;
    }
    stopping_ = true;
    leases_->stop_fetching();
    release_waiting();
}

/// The daemon refused, or is away for too long: nothing that runs can be brought to its end.
void ConsumeLoop::failed(const core::Error& error) {
    fail(error, consume_status(error));
    leases_->give_up();
    waiting_.clear();
    for (auto& run : runs_) end_run(run);
}

void ConsumeLoop::say_summary() {
    std::string text = std::to_string(acked_) + " acknowledged";
    if (retried_ > 0) text += ", " + std::to_string(retried_) + " to be tried again";
    if (dead_ > 0) text += ", " + counted(dead_, "dead letter", "dead letters");
    if (released_ > 0) text += ", " + std::to_string(released_) + " given back";
    screen_.note(text);
}

int consume_status(const core::Error& error) {
    switch (error.reason) {
    case core::Reason::unavailable:
    case core::Reason::deadline_exceeded:
    case core::Reason::unknown:
    case core::Reason::resource_exhausted:
        return consume_no_daemon;
    case core::Reason::not_found:
    case core::Reason::failed_precondition:
    case core::Reason::conflict:
        return consume_no_group;
    case core::Reason::data_loss:
        return consume_data_loss;
    case core::Reason::invalid_argument:
    case core::Reason::permission_denied:
    case core::Reason::unauthenticated:
        return consume_refused;
    case core::Reason::internal:
        break;
    }
    return consume_internal;
}

}  // namespace taskd::cli
