// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "core/ids.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <unordered_map>

namespace taskd::daemon {

/// How many events each user may still publish: so many a second, ten seconds' worth at once (a
/// token bucket). In memory only; a restart fills every bucket.
class EventBudget {
public:
    /// Takes `count` out of the user's bucket; false, and nothing is taken, when they are not
    /// there. One request is never larger than what a full bucket holds.
    [[nodiscard]] bool take(const core::UserId& user, std::int64_t count, std::int64_t per_second,
                            core::Monotonic now) {
        if (buckets_.size() >= buckets_max && !buckets_.contains(user.str())) buckets_.clear();
        const auto capacity =
            std::max(static_cast<double>(per_second) * burst_seconds, static_cast<double>(count));
        const auto [found, is_new] = buckets_.try_emplace(user.str(), Bucket{capacity, now});
        Bucket& bucket = found->second;
        const std::chrono::duration<double> passed = now - bucket.at;
        bucket.left = std::min(capacity, bucket.left + std::max(0.0, passed.count()) *
                                                           static_cast<double>(per_second));
        bucket.at = now;
        if (bucket.left < static_cast<double>(count)) return false;
        bucket.left -= static_cast<double>(count);
        return true;
    }

private:
    static constexpr double burst_seconds = 10;
    static constexpr std::size_t buckets_max = 10'000;

    struct Bucket {
        double left;
        core::Monotonic at;
    };
    std::unordered_map<std::string, Bucket> buckets_;
};

}  // namespace taskd::daemon
