// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace taskd::daemon {

/// How many requests the next turn takes. Every turn is waited for by all users, so one user's
/// thousand slow requests must come in many turns, between which the others have theirs; fast ones
/// share a transaction by the hundreds.
class TurnSize {
public:
    static constexpr std::size_t first = 64;
    static constexpr std::chrono::milliseconds goal{100};

    [[nodiscard]] std::size_t requests() const { return requests_; }

    /// What the last turn had and how long it was at it.
    void took(std::size_t requests, std::chrono::nanoseconds time) {
        if (time > goal)
            requests_ = std::clamp<std::size_t>(
                requests * static_cast<std::size_t>(goal.count()) /
                    static_cast<std::size_t>(
                        std::chrono::ceil<std::chrono::milliseconds>(time).count()),
                1, requests_);
        else if (requests >= requests_ && time < goal / 2)
            requests_ = std::min(2 * requests_, ceiling);
    }

private:
    static constexpr std::size_t ceiling = 100'000;  // of turn.requests_max, which bounds it too

    std::size_t requests_ = first;
};

}  // namespace taskd::daemon
