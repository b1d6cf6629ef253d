// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/worker_pool.h"

#include "daemon/outbound/channel.h"
#include "daemon/outbound/open_page.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <signal.h>

namespace taskd::daemon {
namespace {

constexpr const char* results_address = "inproc://taskd-results";

constexpr std::size_t clicks_max = 1000;

bool runs_program(const Job& job) {
    return !job.call && !job.batch && job.channel.kind == core::ChannelKind::exec;
}

/// Nothing of a task's is left to be seen after these.
bool is_over(const std::string& type) {
    constexpr std::array types{"task.completed", "task.cancelled", "task.deleted",
                               "reminder.snoozed", "reminder.acknowledged"};
    return std::find(types.begin(), types.end(), type) != types.end();
}

/// A click as the command that it stands for; "" for none. Its key makes a repeat harmless.
std::string request_of(const Click& click) {
    std::string method = "reminder.acknowledge";
    nlohmann::json params{{"task", click.task}};
    switch (click.action) {
    case Click::Action::done:
        method = "task.complete";
        break;
    case Click::Action::snooze:
        method = "reminder.snooze";
        params["until"] = "10m";
        break;
    case Click::Action::open:
    case Click::Action::seen:
        break;
    case Click::Action::dismissed:
        return "";  // a desktop may clear them all at once: that is no sign of a reader
    }
    params["idempotency_key"] = "click " + click.delivery + " " + method;
    const nlohmann::json request{
        {"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}};
    return request.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

WorkerPool::WorkerPool(zmq::context_t& context, std::size_t threads, std::size_t exec_max,
                       const Outside& outside)
    : context_(context),
      wake_(context, zmq::socket_type::pull),
      outside_(outside),
      threads_max_(threads),
      exec_max_(exec_max) {
    wake_.set(zmq::sockopt::linger, 0);
    wake_.bind(results_address);
    desktop_.emplace([this](const Click& click) { clicked(click); }, "", outside_.screen_file);
}

WorkerPool::~WorkerPool() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    ready_.notify_all();
    desktop_->stop();
    for (auto& thread : threads_) thread.join();
    desktop_.reset();
}

void WorkerPool::start(std::vector<Job> jobs) {
    if (jobs.empty()) return;
    {
        const std::lock_guard lock(mutex_);
        for (auto& job : jobs) queue_.push_back(std::move(job));
        const auto wanted = std::min(threads_max_, threads_.size() + queue_.size());
        while (threads_.size() < wanted) threads_.emplace_back(&WorkerPool::work, this);
    }
    ready_.notify_all();
}

std::vector<JobResult> WorkerPool::results() {
    zmq::message_t wake;
    while (wake_.recv(wake, zmq::recv_flags::dontwait)) {
    }
    const std::lock_guard lock(mutex_);
    std::vector<JobResult> results(std::make_move_iterator(done_.begin()),
                                   std::make_move_iterator(done_.end()));
    done_.clear();
    return results;
}

std::deque<Job>::iterator WorkerPool::next_job() {
    // Nobody has all the workers: one is left for others, however long somebody's servers take.
    const std::size_t share = std::max<std::size_t>(1, threads_max_ - 1);
    return std::find_if(queue_.begin(), queue_.end(), [&](const Job& job) {
        const auto running = running_.find(job.user);
        return (exec_running_ < exec_max_ || !runs_program(job)) &&
               (running == running_.end() || running->second < share);
    });
}

void WorkerPool::clicked(const Click& click) {
    if (click.action == Click::Action::open) open_page(click.url);
    {
        const std::lock_guard lock(mutex_);
        if (clicks_.size() < clicks_max) clicks_.push_back(click);
    }
    if (!click_wake_) {
        click_wake_.emplace(context_, zmq::socket_type::push);
        click_wake_->set(zmq::sockopt::linger, 0);
        click_wake_->connect(results_address);
    }
    (void)click_wake_->send(zmq::message_t(), zmq::send_flags::dontwait);
}

std::vector<Request> WorkerPool::clicks(core::Monotonic now) {
    std::vector<Click> clicks;
    {
        const std::lock_guard lock(mutex_);
        clicks.swap(clicks_);
    }
    std::vector<Request> requests;
    for (const auto& click : clicks)
        if (auto body = request_of(click); !body.empty())
            requests.push_back({{socket_number, {}, false, false},
                                {core::UserId{click.user}},
                                std::move(body),
                                now});
    return requests;
}

void WorkerPool::retract(const std::vector<Publication>& publications) {
    for (const auto& [user, event] : publications) {
        if (!is_over(event.type)) continue;
        {
            const std::lock_guard lock(mutex_);
            for (auto& job : queue_)
                if (job.channel.kind == core::ChannelKind::desktop && job.user == user &&
                    job.notice.tag == event.subject)
                    job.taken_back = true;
        }
        desktop_->close(user.str() + " " + event.subject);
    }
}

void WorkerPool::work() {
    zmq::socket_t wake(context_, zmq::socket_type::push);
    wake.set(zmq::sockopt::linger, 0);
    wake.connect(results_address);
    Runner runner(outside_, *desktop_, stopping_);
    for (;;) {
        std::unique_lock lock(mutex_);
        ready_.wait(lock, [&] { return stopping_ || next_job() != queue_.end(); });
        if (stopping_) return;  // what is still queued is `running` on disk and tried again later
        const auto next = next_job();
        const Job job = std::move(*next);
        queue_.erase(next);
        const bool is_exec = runs_program(job);
        if (is_exec) ++exec_running_;
        ++running_[job.user];
        lock.unlock();
        JobResult result{job.user, job.delivery, runner.run(job), {}, job.channel};
        if (job.batch)
            result.batch = PublishBatch{
                job.batch->pubsub, job.batch->topic, {}, job.batch->seq, job.batch->count};
        lock.lock();
        if (is_exec) --exec_running_;
        if (--running_[job.user] == 0) running_.erase(job.user);
        done_.push_back(std::move(result));
        lock.unlock();
        ready_.notify_one();  // perhaps for one that had to wait for this
        (void)wake.send(zmq::message_t(), zmq::send_flags::dontwait);
    }
}

}  // namespace taskd::daemon
