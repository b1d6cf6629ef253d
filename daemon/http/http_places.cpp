// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/http_places.h"

namespace taskd::daemon {

HttpPlaces::Place HttpPlaces::take(const core::UserId& user) {
    {
        const std::lock_guard lock(mutex_);
        if (taken_ >= max_) return {};
        const auto mine = of_user_.find(user);
        if (mine != of_user_.end() && mine->second >= of_user_max_) return {};
        ++taken_;
        ++of_user_[user];
    }
    return {this, [this, user](const void*) { give_back(user); }};
}

void HttpPlaces::give_back(const core::UserId& user) {
    const std::lock_guard lock(mutex_);
    --taken_;
    const auto mine = of_user_.find(user);
    if (--mine->second == 0) of_user_.erase(mine);
}

}  // namespace taskd::daemon
