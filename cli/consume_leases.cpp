// SPDX-License-Identifier: Apache-2.0
#include "cli/consume_leases.h"

#include "cli/patient_call.h"

#include <algorithm>
#include <set>

namespace taskd::cli {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

ConsumeLeases::ConsumeLeases(ipc::Client fetcher, ipc::Client settler, Options options, Hooks hooks)
    : fetcher_(std::move(fetcher)),
      settler_(std::move(settler)),
      options_(std::move(options)),
      hooks_(std::move(hooks)) {}

void ConsumeLeases::give_up() {
    gave_up_ = true;
    stop_fetching_ = true;
    stop_settling_ = true;
    queue_.clear();
}

void ConsumeLeases::fetch(std::int64_t limit, milliseconds wait) {
    ipc::ConsumerFetch request;
    request.name = options_.group;
    request.member = options_.member;
    request.limit = std::min<std::int64_t>(limit, ipc::fetch_events_max);
    request.wait_ms = wait.count();
    // Also what is decided and not confirmed yet: the daemon would hand it out a second time.
    request.holding.emplace();
    for (const auto& [fence, userseq] : held_) request.holding->push_back(fence);
    fetching_ = true;
    fetch_thread_.post([this, request]() -> CallThread::Result {
        auto batch = patient_call(fetcher_, request, options_.patience, stop_fetching_);
        return [this, batch = std::move(batch)] { taken(batch); };
    });
}

void ConsumeLeases::taken(const core::Result<ipc::ConsumerBatch>& batch) {
    fetching_ = false;
    if (!batch) {
        if (!stop_fetching_ || batch.error().reason != core::Reason::unavailable)
            hooks_.failed(batch.error());
        return;
    }
    std::vector<ipc::Leased> fresh;
    for (const auto& leased : batch->events)
        if (held_.emplace(leased.fence, leased.event.userseq).second) fresh.push_back(leased);
    if (!fresh.empty() && extend_at_ == steady_clock::time_point{})
        extend_at_ = steady_clock::now() + options_.lease / 3;
    hooks_.fetched(std::move(fresh));
}

void ConsumeLeases::settle(const ipc::LeaseRef& lease, Verdict verdict, const std::string& error) {
    if (gave_up_ || !holds(lease.fence)) return;
    decided_[lease.fence] = lease.userseq;
    queue_[{verdict, error}].push_back(lease);
    send_next();
}

core::Result<ipc::Settled> ConsumeLeases::send(const Decision& decision,
                                               const std::vector<ipc::LeaseRef>& items) {
    if (decision.verdict == Verdict::ack)
        return patient_call(settler_, ipc::ConsumerAck{options_.group, items}, options_.patience,
                            stop_settling_);
    ipc::ConsumerNack request;
    request.name = options_.group;
    request.items = items;
    request.action = decision.verdict == Verdict::retry  ? "retry"
                     : decision.verdict == Verdict::dead ? "dead"
                                                         : "release";
    request.error = decision.error;
    return patient_call(settler_, request, options_.patience, stop_settling_);
}

/// One call at a time; what is decided meanwhile goes together into the next.
void ConsumeLeases::send_next() {
    if (settling_ || queue_.empty()) return;
    settling_ = true;
    auto first = queue_.begin();
    Decision decision = first->first;
    std::vector<ipc::LeaseRef> items = std::move(first->second);
    queue_.erase(first);
    if (items.size() > ipc::items_max) {
        const auto middle = items.begin() + static_cast<std::ptrdiff_t>(ipc::items_max);
        queue_[decision].assign(middle, items.end());
        items.erase(middle, items.end());
    }
    settle_thread_.post([this, decision, items]() -> CallThread::Result {
        auto answer = send(decision, items);
        return [this, decision, items, answer = std::move(answer)] {
            settled(decision, items, answer);
        };
    });
}

void ConsumeLeases::settled(const Decision& decision, const std::vector<ipc::LeaseRef>& items,
                            const core::Result<ipc::Settled>& answer) {
    settling_ = false;
    if (!answer) return hooks_.failed(answer.error());
    const std::set<std::int64_t> lost(answer->lost.begin(), answer->lost.end());
    std::int64_t good = 0;
    for (const auto& [userseq, fence] : items) {
        held_.erase(fence);
        decided_.erase(fence);
        if (lost.count(userseq) == 0)
            ++good;
        else
            hooks_.lost(userseq, true);
    }
    hooks_.settled(decision.verdict, good);
    send_next();
}

void ConsumeLeases::extend_when_due(steady_clock::time_point now) {
    if (gave_up_ || extend_at_ == steady_clock::time_point{} || now < extend_at_) return;
    extend_at_ = now + options_.lease / 3;
    if (extending_ > 0) return;  // one that waits for the daemon does for this too
    std::vector<ipc::LeaseRef> items;
    const auto post = [&] {
        ++extending_;
        settle_thread_.post([this, items]() -> CallThread::Result {
            auto answer = patient_call(settler_, ipc::ConsumerExtend{options_.group, items, {}},
                                       options_.patience, stop_settling_);
            return [this, items, answer = std::move(answer)] { extended(items, answer); };
        });
        items.clear();
    };
    for (const auto& [fence, userseq] : held_) {
        if (decided_.count(fence) != 0) continue;
        items.push_back({userseq, fence});
        if (items.size() == ipc::items_max) post();
    }
    if (!items.empty()) post();
    if (held_.empty()) extend_at_ = {};
}

void ConsumeLeases::extended(const std::vector<ipc::LeaseRef>& items,
                             const core::Result<ipc::Settled>& answer) {
    --extending_;
    if (!answer) return hooks_.failed(answer.error());
    const std::set<std::int64_t> lost(answer->lost.begin(), answer->lost.end());
    for (const auto& [userseq, fence] : items) {
        // What was decided since is told of by its own answer.
        if (lost.count(userseq) == 0 || !holds(fence) || decided_.count(fence) != 0) continue;
        forget(fence);
        hooks_.lost(userseq, false);
    }
}

void ConsumeLeases::run_results() {
    fetch_thread_.run_results();
    settle_thread_.run_results();
}

}  // namespace taskd::cli
