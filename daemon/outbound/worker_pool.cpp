// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/worker_pool.h"

#include "daemon/outbound/channel.h"

#include <algorithm>
#include <signal.h>

namespace taskd::daemon {
namespace {

constexpr const char* results_address = "inproc://taskd-results";

}  // namespace

WorkerPool::WorkerPool(zmq::context_t& context, std::size_t threads, const Outside& outside)
    : context_(context),
      wake_(context, zmq::socket_type::pull),
      outside_(outside),
      threads_max_(threads) {
    wake_.set(zmq::sockopt::linger, 0);
    wake_.bind(results_address);
}

WorkerPool::~WorkerPool() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    ready_.notify_all();
    for (auto& thread : threads_) thread.join();
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

void WorkerPool::work() {
    zmq::socket_t wake(context_, zmq::socket_type::push);
    wake.set(zmq::sockopt::linger, 0);
    wake.connect(results_address);
    Runner runner(outside_, stopping_);
    for (;;) {
        std::unique_lock lock(mutex_);
        ready_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
        if (stopping_) return;  // what is still queued is `running` on disk and tried again later
        const Job job = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        JobResult result{job.user, job.delivery, runner.run(job)};
        if (job.batch)
            result.batch = PublishBatch{
                job.batch->pubsub, job.batch->topic, {}, job.batch->seq, job.batch->count};
        lock.lock();
        done_.push_back(std::move(result));
        lock.unlock();
        (void)wake.send(zmq::message_t(), zmq::send_flags::dontwait);
    }
}

}  // namespace taskd::daemon
