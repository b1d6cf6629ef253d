// SPDX-License-Identifier: Apache-2.0
#include "daemon/loop.h"

#include <algorithm>
#include <iterator>
#include <signal.h>
#include <sys/signalfd.h>

namespace taskd::daemon {
namespace {

using core::Monotonic;
using std::chrono::milliseconds;

constexpr milliseconds warning_every{1000};  // a failing disk must not fill itself with our log

}  // namespace

Loop::Loop(Engine& engine, RequestSockets& sockets, Bus& bus, WorkerPool& workers,
           CommandRunner& commands, BackupWorker& backups, const core::Clock& clock,
           ServiceManager& service, UniqueFd signals, Log log)
    : engine_(engine),
      sockets_(sockets),
      bus_(bus),
      workers_(workers),
      commands_(commands),
      backups_(backups),
      clock_(clock),
      service_(service),
      signals_(std::move(signals)),
      log_(std::move(log)) {
    watch();
}

/// What the loop waits for; anew when users came or went.
void Loop::watch() {
    items_ = {{nullptr, signals_.get(), ZMQ_POLLIN, 0},
              {nullptr, wake_timer_.fd(), ZMQ_POLLIN, 0},
              {workers_.socket().handle(), 0, ZMQ_POLLIN, 0},
              {nullptr, backups_.fd(), ZMQ_POLLIN, 0},
              {nullptr, commands_.fd(), ZMQ_POLLIN, 0}};
    if (observers_ && observers_->http != nullptr)
        items_.push_back({observers_->http->bridge().socket().handle(), 0, ZMQ_POLLIN, 0});
    first_user_item_ = items_.size();
    for (auto& [number, user] : sockets_.users()) {
        items_.push_back({user.requests.handle(), 0, ZMQ_POLLIN, 0});
        items_.push_back({user.events.handle(), 0, ZMQ_POLLIN, 0});
    }
}

void Loop::attach(const Observers& observers) {
    observers_.emplace(observers);
    watch();
}

bool Loop::run() {
    while (!stopping_) {
        wake_timer_.arm(engine_.next_due());  // sleep exactly until there is work
        wait();
        const auto now = clock_.monotonic();
        if (observers_) observers_->pulse.wakes(now);
        auto requests = sockets_.drain(engine_.settings(), now, turn_size_.requests());
        if (observers_ && observers_->http != nullptr)
            observers_->http->bridge().drain(requests, engine_.settings(), now);
        for (auto& click : workers_.clicks(now)) requests.push_back(std::move(click));
        const auto begun = std::chrono::steady_clock::now();
        auto turn = engine_.turn(requests, results(), clock_.now(),
                                 now);  // one transaction, one sync
        const auto took = std::chrono::steady_clock::now() - begun;
        turn_size_.took(requests.size(), took);
        observe(turn, requests.size(), took);
        reply(std::move(turn.replies));                       // a promise already on disk
        bus_.publish(turn.publications, clock_.monotonic());  // live copy; the log is the truth
        hand_out(std::move(turn.jobs));                       // results come back as requests
        workers_.retract(turn.publications);
        commands_.retract(turn.publications);
        if (turn.backup) backups_.start(*turn.backup);
        warn(turn.warnings);
        service_.feed(clock_.monotonic());  // a whole turn went by: the loop is alive
        if (turn.store_lost) {
            log_->critical("store_lost stopping; the next start recovers from the WAL");
            return false;
        }
        if (turn.shutdown) {
            log_->info("stopping because=shutdown");
            stopping_ = true;
        }
        if (observers_) observers_->pulse.sleeps();
    }
    if (observers_) observers_->pulse.stops();
    reply(engine_.dismiss_polls());
    engine_.stop(clock_.now());
    return true;
}

std::vector<JobResult> Loop::results() {
    auto results = workers_.results();
    auto commands = commands_.results();
    std::move(commands.begin(), commands.end(), std::back_inserter(results));
    return results;
}

void Loop::hand_out(std::vector<Job> jobs) {
    const auto commands = std::stable_partition(jobs.begin(), jobs.end(),
                                                [](const Job& job) { return !job.command; });
    commands_.start({std::make_move_iterator(commands), std::make_move_iterator(jobs.end())});
    jobs.erase(commands, jobs.end());
    workers_.start(std::move(jobs));
}

void Loop::reply(std::vector<Reply> replies) {
    std::erase_if(replies,
                  [](const Reply& one) { return one.peer.socket == WorkerPool::socket_number; });
    const auto http = std::stable_partition(replies.begin(), replies.end(), [](const Reply& one) {
        return one.peer.socket != RpcBridge::socket_number;
    });
    // Only the bridge gives requests that number, so where there are any it is there.
    for (auto one = http; one != replies.end(); ++one) observers_->http->bridge().reply(*one);
    replies.erase(http, replies.end());
    sockets_.reply(replies);
}

/// Before the replies: who reads that a token is revoked must not see it work.
void Loop::observe(const Turn& turn, std::size_t requests, std::chrono::nanoseconds took) {
    if (!observers_) return;
    if (observers_->http != nullptr && !turn.token_changes.empty())
        observers_->http->tokens().apply(turn.token_changes, clock_.now());
    if (turn.store_error) observers_->pulse.store_error(*turn.store_error);
    observers_->metrics.turn(turn.figures, requests, took);
    observers_->metrics.standing({engine_.polls_parked(), engine_.deliveries_running(),
                                  sockets_.refused(), sockets_.dropped(), bus_.send_failures()});
}

milliseconds Loop::patience() const {
    auto next = engine_.next_wait();
    if (const auto head = bus_.next_head(); head && (!next || *head < *next)) next = head;
    if (const auto feed = service_.next_feed(); feed && (!next || *feed < *next)) next = feed;
    if (!next) return milliseconds{-1};
    return std::max(milliseconds{0}, *next - clock_.monotonic());
}

void Loop::wait() {
    zmq::poll(items_.data(), items_.size(), patience());
    if (items_[0].revents != 0) read_signals();
    if (items_[1].revents != 0 && wake_timer_.drain())
        log_->info("clock_stepped timers are decided anew");
    if (items_[3].revents != 0)
        if (const auto result = backups_.take()) reply(engine_.backup_done(*result));
    std::size_t item = first_user_item_ + 1;
    for (auto& [number, user] : sockets_.users()) {
        if (items_[item].revents != 0) bus_.welcome(user.admission.caller.user);
        item += 2;
    }
    if (reload_wanted_) reload();
}

/// Last in a wait: the descriptors of users who left are looked at no more.
void Loop::reload() {
    reload_wanted_ = false;
    service_.reloading();
    if (reload_) reply(reload_());
    watch();
    service_.reloaded();
}

void Loop::read_signals() {
    signalfd_siginfo info{};
    while (read(signals_.get(), &info, sizeof info) == sizeof info) {
        const auto number = static_cast<int>(info.ssi_signo);
        if (number == SIGHUP) {
            reload_wanted_ = true;
            continue;
        }
        log_->info("stopping because=signal number={}", number);
        stopping_ = true;
    }
}

void Loop::warn(const std::vector<std::string>& warnings) {
    if (warnings.empty()) return;
    const auto now = clock_.monotonic();
    if (now < warned_at_ + warning_every) {
        unsaid_ += warnings.size();
        return;
    }
    warned_at_ = now;
    log_->warn("turn what={} others={}", field(warnings.front()), unsaid_ + warnings.size() - 1);
    unsaid_ = 0;
}

}  // namespace taskd::daemon
