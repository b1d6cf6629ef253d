// SPDX-License-Identifier: Apache-2.0
#include "daemon/publisher.h"

#include "core/retry.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

constexpr std::size_t batch_bytes_max = std::size_t{2} << 20U;  // a sidecar takes 4 MiB
constexpr core::RetryPolicy retry{1'000'000, std::chrono::milliseconds{500}, 2,
                                  std::chrono::seconds{30}};

}  // namespace

bool Publisher::may_begin(const std::string& topic, const std::vector<JobResult>& results,
                          core::Monotonic now) const {
    const auto known = topics_.find(topic);
    if (known == topics_.end()) return true;
    const State& state = known->second;
    if (!state.is_busy) return !state.hold_until || now >= *state.hold_until;
    return std::any_of(results.begin(), results.end(), [&](const JobResult& result) {
        return result.batch && result.batch->topic == topic && result.outcome.succeeded;
    });
}

std::vector<Job> Publisher::due(PublishLog& log, const Roles& roles, const std::string& source,
                                const std::vector<JobResult>& results, core::Monotonic now) {
    std::vector<Job> jobs;
    has_more_ = false;
    for (const auto& [topic, types] : roles.topics) {
        if (!may_begin(topic, results, now)) continue;
        const auto before = log.cursor(topic);
        auto next = log.next(topic, source, types, roles.publish_max, batch_bytes_max);
        if (next.events.empty()) {
            if (next.seq > before) log.advance(topic, next.seq);
            has_more_ = has_more_ || next.has_more;
            continue;
        }
        Job job;
        const auto count = static_cast<std::int64_t>(next.events.size());
        job.batch = PublishBatch{roles.pubsub, topic, std::move(next.events), next.seq, count};
        job.timeout = roles.call_timeout;
        jobs.push_back(std::move(job));
    }
    return jobs;
}

void Publisher::looked(core::Monotonic now) {
    is_new_ = has_more_;
    // What was held may be gone: retention does not wait for ever.
    for (auto& [topic, state] : topics_)
        if (!state.is_busy && state.hold_until && *state.hold_until <= now)
            state.hold_until.reset();
}

void Publisher::begin(const PublishBatch& batch) {
    State& state = topics_[batch.topic];
    state.is_busy = true;
    state.hold_until.reset();
}

void Publisher::end(const PublishBatch& batch, const core::Outcome& outcome, core::Monotonic now,
                    std::uint64_t random_bits) {
    State& state = topics_[batch.topic];
    state.is_busy = false;
    if (outcome.succeeded) {
        state.published += batch.count;
        state.failures = 0;
        state.error.clear();
        return;
    }
    ++state.failures;
    state.error = outcome.result;
    const auto attempts = static_cast<int>(std::min<std::int64_t>(state.failures, 1000));
    state.hold_until = now + *core::next_attempt(retry, attempts, random_bits);
}

std::optional<core::Monotonic> Publisher::next_wait() const {
    std::optional<core::Monotonic> next;
    if (is_new_) next = core::Monotonic{0};
    for (const auto& [topic, state] : topics_)
        if (!state.is_busy && state.hold_until && (!next || *state.hold_until < *next))
            next = state.hold_until;
    return next;
}

std::vector<ipc::TopicView> Publisher::views(PublishLog& log, const Roles& roles) const {
    std::vector<ipc::TopicView> views;
    for (const auto& [topic, types] : roles.topics) {
        ipc::TopicView view;
        view.topic = topic;
        view.lag = log.lag(topic);
        view.lost = log.lost(topic);
        if (const auto known = topics_.find(topic); known != topics_.end()) {
            view.published = known->second.published;
            view.failures = known->second.failures;
            view.error = known->second.error;
        }
        views.push_back(std::move(view));
    }
    return views;
}

}  // namespace taskd::daemon
