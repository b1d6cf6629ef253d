// SPDX-License-Identifier: Apache-2.0
#include "core/circuit_breaker.h"

#include <algorithm>

namespace taskd::core {

using std::chrono::milliseconds;

namespace {

void forget_failures(Breaker& breaker, const BreakerPolicy& policy, milliseconds now) {
    if (policy.interval <= milliseconds{0} || now - breaker.cleared < policy.interval) return;
    breaker.failures = 0;
    breaker.cleared = now;
}

}  // namespace

std::string_view to_string(BreakerState state) {
    switch (state) {
    case BreakerState::closed:
        return "closed";
    case BreakerState::open:
        return "open";
    case BreakerState::half_open:
        return "half-open";
    }
    return "closed";
}

std::optional<milliseconds> admit(Breaker& breaker, const BreakerPolicy& policy, milliseconds now) {
    breaker.state = peek(breaker, policy, now);
    if (breaker.state == BreakerState::closed) return {};
    if (breaker.state == BreakerState::open) {
        ++breaker.refused;
        return breaker.opened + policy.timeout - now;
    }
    const milliseconds left = breaker.probed + policy.timeout - now;
    if (left <= milliseconds{0}) breaker.probes = 0;
    if (breaker.probes >= policy.probes_max) {
        ++breaker.refused;
        return left;  // the probe decides before that, or counts no more
    }
    ++breaker.probes;
    breaker.probed = now;
    return {};
}

void settle(Breaker& breaker, const BreakerPolicy& policy, bool failed, milliseconds now) {
    breaker.probes = std::max(0, breaker.probes - 1);
    ++(failed ? breaker.failures_total : breaker.successes_total);
    // Calls from before it opened come back late; they say nothing about what is now.
    if (breaker.state == BreakerState::open) return;
    if (breaker.state == BreakerState::closed) forget_failures(breaker, policy, now);
    if (!failed) {
        breaker.failures = 0;
        if (breaker.state == BreakerState::half_open) breaker.cleared = now;
        breaker.state = BreakerState::closed;
        return;
    }
    ++breaker.failures;
    if (breaker.state == BreakerState::half_open || breaker.failures >= policy.failures_max) {
        breaker.state = BreakerState::open;
        breaker.opened = now;
        breaker.probes = 0;
        ++breaker.opened_count;
    }
}

void withdraw(Breaker& breaker) {
    breaker.probes = std::max(0, breaker.probes - 1);
}

BreakerState peek(const Breaker& breaker, const BreakerPolicy& policy, milliseconds now) {
    const bool is_over =
        breaker.state == BreakerState::open && now - breaker.opened >= policy.timeout;
    return is_over ? BreakerState::half_open : breaker.state;
}

}  // namespace taskd::core
