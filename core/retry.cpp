// SPDX-License-Identifier: Apache-2.0
#include "core/retry.h"

#include <algorithm>

namespace taskd::core {

using std::chrono::milliseconds;

namespace {

milliseconds step_of(const RetryPolicy& policy, int attempts) {
    auto step = policy.initial;
    for (int i = 1; i < attempts && step < policy.max; ++i) step *= policy.factor;
    return std::min(step, policy.max);
}

/// From 0 up to the limit.
std::int64_t part_of(std::int64_t limit, std::uint64_t random_bits) {
    return limit <= 0
               ? 0
               : static_cast<std::int64_t>(random_bits % (static_cast<std::uint64_t>(limit) + 1));
}

}  // namespace

std::optional<milliseconds> next_attempt(const RetryPolicy& policy, int attempts,
                                         std::uint64_t random_bits, Jitter jitter) {
    if (attempts >= policy.attempts_max) return {};
    const auto step = step_of(policy, attempts).count();
    const auto by_chance = jitter == Jitter::none ? 0 : jitter == Jitter::equal ? step / 2 : step;
    return milliseconds{step - by_chance + part_of(by_chance, random_bits)};
}

}  // namespace taskd::core
