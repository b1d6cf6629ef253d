// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace taskd::core {

/// Exponential backoff with jitter (the upper half of each step) and an end.
struct RetryPolicy {
    int attempts_max = 3;
    std::chrono::milliseconds initial{std::chrono::seconds{10}};
    int factor = 2;
    std::chrono::milliseconds max{std::chrono::minutes{10}};

    bool operator==(const RetryPolicy&) const = default;
};

/// Shape:  `attempts` that were made, 64 random bits -> the wait before the next, or none when the
///         attempts are used up. Between half of the step and the whole step.
[[nodiscard]] std::optional<std::chrono::milliseconds> next_attempt(const RetryPolicy& policy,
                                                                    int attempts,
                                                                    std::uint64_t random_bits);

/// The same, between nothing and the whole step: for calls that many make at once.
[[nodiscard]] std::optional<std::chrono::milliseconds> next_attempt_full_jitter(
    const RetryPolicy& policy, int attempts, std::uint64_t random_bits);

}  // namespace taskd::core
