// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"

#include <ctime>

namespace taskd::daemon {

class SystemClock : public core::Clock {
public:
    [[nodiscard]] core::Timestamp now() const override {
        return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    }
    /// CLOCK_BOOTTIME: a laptop that slept for three days is no clock that jumped by three days.
    [[nodiscard]] core::Monotonic monotonic() const override {
        timespec time{};
        clock_gettime(CLOCK_BOOTTIME, &time);
        return std::chrono::duration_cast<core::Monotonic>(std::chrono::seconds{time.tv_sec} +
                                                           std::chrono::nanoseconds{time.tv_nsec});
    }
};

}  // namespace taskd::daemon
