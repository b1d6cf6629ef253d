// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/circuit_breaker.h"
#include "core/clock.h"
#include "ipc/dapr_messages.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace taskd::daemon {

/// One circuit breaker per remote service, for all who call through this daemon. In memory only: a
/// restart closes them all. A turn that was void may have asked twice; a probe that nobody settles
/// is let go by core.
class Breakers {
public:
    /// How long to wait when the call is not to be made now.
    [[nodiscard]] std::optional<std::chrono::milliseconds> admit(const std::string& target,
                                                                 const core::BreakerPolicy& policy,
                                                                 core::Monotonic now);
    void settle(const std::string& target, const core::BreakerPolicy& policy, bool failed,
                core::Monotonic now);
    void withdraw(const std::string& target);

    [[nodiscard]] ipc::BreakerView view(const std::string& target,
                                        const core::BreakerPolicy& policy,
                                        core::Monotonic now) const;
    [[nodiscard]] const std::map<std::string, core::Breaker>& all() const { return breakers_; }

private:
    static constexpr std::size_t targets_max = 1000;
    core::Breaker& of(const std::string& target);

    std::map<std::string, core::Breaker> breakers_;
};

}  // namespace taskd::daemon
