// SPDX-License-Identifier: Apache-2.0
#include "daemon/breakers.h"

#include <algorithm>

namespace taskd::daemon {

core::Breaker& Breakers::of(const std::string& target) {
    if (breakers_.size() >= targets_max && !breakers_.contains(target))
        // The closed ones say nothing that can't be learnt again.
        std::erase_if(breakers_, [](const auto& entry) {
            return entry.second.state == core::BreakerState::closed;
        });
    if (breakers_.size() >= targets_max && !breakers_.contains(target)) breakers_.clear();
    return breakers_[target];
}

std::optional<std::chrono::milliseconds> Breakers::admit(const std::string& target,
                                                         const core::BreakerPolicy& policy,
                                                         core::Monotonic now) {
    return core::admit(of(target), policy, now);
}

void Breakers::settle(const std::string& target, const core::BreakerPolicy& policy, bool failed,
                      core::Monotonic now) {
    core::settle(of(target), policy, failed, now);
}

void Breakers::withdraw(const std::string& target) {
    core::withdraw(of(target));
}

ipc::BreakerView Breakers::view(const std::string& target, const core::BreakerPolicy& policy,
                                core::Monotonic now) const {
    const auto found = breakers_.find(target);
    const core::Breaker breaker = found == breakers_.end() ? core::Breaker{} : found->second;
    ipc::BreakerView view;
    view.target = target;
    view.state = std::string(core::to_string(core::peek(breaker, policy, now)));
    view.failures = breaker.failures;
    view.opened = breaker.opened_count;
    view.refused = breaker.refused;
    if (breaker.state == core::BreakerState::open)
        view.wait_ms =
            std::max(std::chrono::milliseconds{0}, breaker.opened + policy.timeout - now).count();
    return view;
}

}  // namespace taskd::daemon
