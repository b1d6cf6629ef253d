// SPDX-License-Identifier: Apache-2.0
#include "core/call_policy.h"

#include <algorithm>

namespace taskd::core {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds exponential_first{500};

milliseconds step_of(milliseconds max, int attempts_made) {
    auto step = exponential_first;
    // A day is reached after 30 steps, whatever attempts_made is.
    for (int i = 1; i < attempts_made && step < max; ++i) step += step / 2;
    return std::min(step, max);
}

milliseconds jittered(milliseconds step, std::uint64_t random_bits) {
    const auto half = step.count() / 2;
    const auto choices = static_cast<std::uint64_t>(2 * half) + 1;
    return milliseconds{step.count() - half + static_cast<std::int64_t>(random_bits % choices)};
}

milliseconds bounded(milliseconds interval) {
    return std::clamp(interval, milliseconds{0}, call_interval_max);
}

}  // namespace

bool StatusRanges::contains(int status) const {
    return std::any_of(ranges.begin(), ranges.end(), [&](const auto& range) {
        return range.first <= status && status <= range.second;
    });
}

std::optional<milliseconds> wait_before(const CallRetry& retry, int attempts_made,
                                        std::uint64_t random_bits) {
    if (retry.retries_max >= 0 && attempts_made > retry.retries_max) return {};
    if (!retry.exponential) return bounded(retry.duration);
    return jittered(step_of(bounded(retry.max_interval), attempts_made), random_bits);
}

bool retries_status(const CallRetry* retry, int status) {
    if (retry == nullptr || !retry->matching) return is_retryable_status(status);
    return retry->matching->contains(status);
}

}  // namespace taskd::core
