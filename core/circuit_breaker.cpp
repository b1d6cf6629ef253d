// SPDX-License-Identifier: Apache-2.0
#include "core/circuit_breaker.h"

#include <algorithm>

namespace taskd::core {

using std::chrono::milliseconds;

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
    if (breaker.state == BreakerState::open) {
        const milliseconds left = breaker.opened + policy.timeout - now;
        if (left > milliseconds{0}) {
            ++breaker.refused;
            return left;
        }
        breaker.state = BreakerState::half_open;
        breaker.probes = 0;
    }
    if (breaker.state == BreakerState::closed) return {};
    if (breaker.probes >= policy.probes_max) {
        ++breaker.refused;
        return policy.timeout;  // the probe decides; if it fails, it is open for so long
    }
    ++breaker.probes;
    return {};
}

void settle(Breaker& breaker, const BreakerPolicy& policy, bool failed, milliseconds now) {
    breaker.probes = std::max(0, breaker.probes - 1);
    // Calls from before it opened come back late; they say nothing about what is now.
    if (breaker.state == BreakerState::open) return;
    if (!failed) {
        breaker.failures = 0;
        breaker.state = BreakerState::closed;
        return;
    }
    ++breaker.failures;
    if (breaker.state == BreakerState::half_open || breaker.failures >= policy.failures_max) {
        breaker.state = BreakerState::open;
        breaker.opened = now;
        breaker.probes = 0;
    }
}

void withdraw(Breaker& breaker) {
    breaker.probes = std::max(0, breaker.probes - 1);
}

}  // namespace taskd::core
