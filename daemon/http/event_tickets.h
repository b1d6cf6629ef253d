// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "core/random.h"
#include "daemon/job.h"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::daemon {

/// Who asks, looked up anew each time: a token may have been revoked since, a user have left.
using CallerNow = std::function<std::optional<Caller>()>;

/// Short-lived secrets that open a stream of events, for a browser's EventSource: it can send no
/// header, so what it sends stands in an address, where a token must never be. In memory only, and
/// only their hashes. Any thread; outlives the streams.
class EventTickets {
public:
    static constexpr std::size_t tickets_max = 1000;
    static constexpr std::size_t of_user_max = 16;
    /// From when it was made, and again from the end of its stream: EventSource reconnects.
    static constexpr core::Monotonic kept{60'000};
    static constexpr core::Monotonic age_max{3'600'000};

    explicit EventTickets(const core::Clock& clock) : clock_(clock) {}

    /// A ticket that speaks for `user` as long as `maker` gives that user; the user's oldest one
    /// goes when there are too many. "" when all users together have as many as there may be.
    [[nodiscard]] std::string make(core::Random& random, const core::UserId& user, CallerNow maker);

    struct Use {
        Caller caller;                     ///< the user's rights and no more
        CallerNow again;                   ///< the same, at any later time
        std::shared_ptr<const void> open;  ///< while it is held, the ticket is in use
    };
    /// What the ticket opens; none when it was never made or is not in force.
    [[nodiscard]] std::optional<Use> use(std::string_view secret);

private:
    struct Ticket {
        std::string hash;
        core::UserId user;
        CallerNow maker;
        core::Monotonic made{0};
        core::Monotonic unused_since{0};
        std::size_t open = 0;
        bool dropped = false;
    };
    using Shared = std::shared_ptr<Ticket>;

    [[nodiscard]] bool in_force(const Ticket& ticket) const;
    [[nodiscard]] std::optional<Caller> caller_of(const Shared& ticket) const;
    void drop_surplus(const core::UserId& user);

    const core::Clock& clock_;
    mutable std::mutex mutex_;
    std::vector<Shared> tickets_;  ///< the oldest first
};

}  // namespace taskd::daemon
