// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "core/ids.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>

namespace taskd::daemon {

/// Mail addresses that another service told, for a while. In memory only.
class AddressBook {
public:
    [[nodiscard]] std::optional<std::string> find(const core::UserId& user,
                                                  core::Monotonic now) const {
        const auto found = entries_.find(user);
        if (found == entries_.end() || found->second.expires <= now) return {};
        return found->second.address;
    }

    void put(const core::UserId& user, std::string address, core::Monotonic expires) {
        if (entries_.size() >= entries_max && !entries_.contains(user)) entries_.clear();
        entries_[user] = {std::move(address), expires};
    }

private:
    static constexpr std::size_t entries_max = 10'000;

    struct Entry {
        std::string address;
        core::Monotonic expires;
    };
    std::map<core::UserId, Entry> entries_;
};

}  // namespace taskd::daemon
