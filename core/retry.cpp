// SPDX-License-Identifier: Apache-2.0
#include "core/retry.h"

#include <algorithm>

namespace taskd::core {

std::optional<std::chrono::milliseconds> next_attempt(const RetryPolicy& policy, int attempts,
                                                      std::uint64_t random_bits) {
    if (attempts >= policy.attempts_max) return {};
    auto step = policy.initial;
    for (int i = 1; i < attempts && step < policy.max; ++i) step *= policy.factor;
    step = std::min(step, policy.max);
    const auto half = step.count() / 2;
    const auto jitter =
        half == 0 ? 0
                  : static_cast<std::int64_t>(random_bits % static_cast<std::uint64_t>(half + 1));
    return std::chrono::milliseconds{step.count() - half + jitter};
}

}  // namespace taskd::core
