// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace taskd::core {

/// Exponential backoff with an end.
struct RetryPolicy {
    int attempts_max = 3;
    std::chrono::milliseconds initial{std::chrono::seconds{10}};
    int factor = 2;
    std::chrono::milliseconds max{std::chrono::minutes{10}};

    bool operator==(const RetryPolicy&) const = default;
};

/// How much of a step is by chance: nothing, its upper half, or all of it, for calls that many make
/// at once.
enum class Jitter { none, equal, full };

/// Shape:  `attempts` that were made, 64 random bits -> the wait before the next, or none when the
///         attempts are used up.
[[nodiscard]] std::optional<std::chrono::milliseconds> next_attempt(const RetryPolicy& policy,
                                                                    int attempts,
                                                                    std::uint64_t random_bits,
                                                                    Jitter jitter = Jitter::equal);

}  // namespace taskd::core
