// SPDX-License-Identifier: Apache-2.0
// How calls of one app or component are tried, in Dapr's words: retry(breaker(timeout(call))).
#pragma once

#include "core/circuit_breaker.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace taskd::core {

/// HTTP statuses, both ends included: "429,500-599".
struct StatusRanges {
    std::vector<std::pair<int, int>> ranges;

    [[nodiscard]] bool contains(int status) const;
    bool operator==(const StatusRanges&) const = default;
};

/// When a call that failed is made again. The values here are Dapr's for words that are left out.
struct CallRetry {
    bool exponential = false;
    std::chrono::milliseconds duration{std::chrono::seconds{5}};       ///< when constant
    std::chrono::milliseconds max_interval{std::chrono::seconds{60}};  ///< when exponential
    int retries_max = -1;                    ///< after the first attempt; -1 for no limit
    std::optional<StatusRanges> matching{};  ///< none: 408, 425, 429 and 5xx

    bool operator==(const CallRetry&) const = default;
};

/// None stands for taskd's default, which the caller knows.
struct CallPolicy {
    std::optional<std::chrono::milliseconds> timeout{};  ///< of each attempt
    std::optional<CallRetry> retry{};
    std::optional<BreakerPolicy> breaker{};

    bool operator==(const CallPolicy&) const = default;
};

/// A longer duration or max_interval than a day is taken as a day.
inline constexpr std::chrono::milliseconds call_interval_max{std::chrono::hours{24}};

/// How long to wait before the next attempt.
///
/// Shape:  `attempts_made` with the first, and 64 random bits -> the wait, or none when the retries
///         are used up. Constant: `duration`. Exponential: 500 ms, then 1.5 times the step before,
///         at most max_interval; of each step between half and one and a half of it. Dapr ends
///         exponential retries after 15 minutes; a durable call has its own end instead.
/// Source: Dapr's retry policies; as there, max_interval bounds the step, not the wait.
[[nodiscard]] std::optional<std::chrono::milliseconds> wait_before(const CallRetry& retry,
                                                                   int attempts_made,
                                                                   std::uint64_t random_bits);

/// Whether an answer with this status is worth another attempt; null for taskd's default. No answer
/// at all (a refused connection, a timeout) always is, and isn't asked about here.
[[nodiscard]] bool retries_status(const CallRetry* retry, int status);

}  // namespace taskd::core
