// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace taskd::core {

/// When calls of one remote service stop being tried for a while.
struct BreakerPolicy {
    int failures_max = 5;                                         ///< in a row; then it opens
    std::chrono::milliseconds timeout{std::chrono::seconds{60}};  ///< open for so long
    int probes_max = 1;                     ///< at once, while it is half-open
    std::chrono::milliseconds interval{0};  ///< after which failures are forgotten; 0 never

    bool operator==(const BreakerPolicy&) const = default;
};

enum class BreakerState { closed, open, half_open };
[[nodiscard]] std::string_view to_string(BreakerState state);

/// What is known of one remote service. Times are of a monotonic clock: a wall clock that jumps
/// must not open or close anything.
struct Breaker {
    BreakerState state = BreakerState::closed;
    int failures = 0;  ///< in a row
    int probes = 0;    ///< under way
    std::chrono::milliseconds opened{0};
    std::chrono::milliseconds probed{0};   ///< when the newest probe was admitted
    std::chrono::milliseconds cleared{0};  ///< when it closed or an interval last ended
    std::int64_t refused = 0;              ///< calls that were not made
    std::int64_t opened_count = 0;
    std::int64_t successes_total = 0;
    std::int64_t failures_total = 0;

    bool operator==(const Breaker&) const = default;
};

/// Asks for a call at `now`; one that is admitted has to be settled.
///
/// Shape:  how long to wait when the call is refused, and none when it is admitted. While half-open
///         at most probes_max calls are under way; when the newest of them is as old as `timeout`,
///         their callers are taken for dead and none of them counts any more.
[[nodiscard]] std::optional<std::chrono::milliseconds> admit(Breaker& breaker,
                                                             const BreakerPolicy& policy,
                                                             std::chrono::milliseconds now);

/// What became of an admitted call: `failed` as core::is_retryable_status says. While it is closed,
/// failures are forgotten once per `interval` (Dapr's breaker counts so too).
void settle(Breaker& breaker, const BreakerPolicy& policy, bool failed,
            std::chrono::milliseconds now);

/// A call that was given up before anything was known of it.
void withdraw(Breaker& breaker);

/// The state as a call at `now` would find it: open whose timeout has passed is half-open. Changes
/// nothing, so that looking at a breaker never lets a call through.
[[nodiscard]] BreakerState peek(const Breaker& breaker, const BreakerPolicy& policy,
                                std::chrono::milliseconds now);

/// Whether a try again may help: 408, 425, 429 and 5xx. Other 4xx neither retry nor count as
/// failures of the service (they blame the request).
[[nodiscard]] constexpr bool is_retryable_status(int status) {
    return status == 408 || status == 425 || status == 429 || (status >= 500 && status <= 599);
}

}  // namespace taskd::core
