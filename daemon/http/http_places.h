// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/ids.h"

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>

namespace taskd::daemon {

/// A bounded number of places, of which one user gets at most a share. Any thread; outlives the
/// places that it gave.
class HttpPlaces {
public:
    /// Given back when the last copy is gone, however that comes.
    using Place = std::shared_ptr<const void>;

    HttpPlaces(std::size_t max, std::size_t of_user_max) : max_(max), of_user_max_(of_user_max) {}

    /// None when all are taken, or this user's share is.
    [[nodiscard]] Place take(const core::UserId& user);

private:
    void give_back(const core::UserId& user);

    std::size_t max_;
    std::size_t of_user_max_;
    std::mutex mutex_;
    std::size_t taken_ = 0;
    std::map<core::UserId, std::size_t> of_user_;
};

}  // namespace taskd::daemon
