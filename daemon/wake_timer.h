// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "daemon/unique_fd.h"

#include <optional>

namespace taskd::daemon {

/// Wakes the loop at a wall-clock time. The descriptor is readable when the time has come, and at
/// once when somebody sets the clock or the machine resumes: what is due is decided anew then (P9).
class WakeTimer {
public:
    WakeTimer();

    [[nodiscard]] int fd() const { return fd_.get(); }

    /// Sets the next time; without one it still watches the clock.
    void arm(const std::optional<core::Timestamp>& due);

    /// Empties the descriptor; true if the clock was stepped since.
    bool drain();

private:
    UniqueFd fd_;
    std::optional<core::Timestamp> armed_for_;
    bool armed_ = false;
};

}  // namespace taskd::daemon
