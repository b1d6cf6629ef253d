// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace taskd::core {

/// An instant: UTC, milliseconds since 1970, no leap seconds. What is stored and compared.
using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;

/// A wall-clock reading without a zone: what people say and what a rule computes. It doesn't
/// convert to a Timestamp; TimeZone does that, in one place.
using LocalTime = std::chrono::local_time<std::chrono::seconds>;

/// Time since some start that is the same within one boot; goes on during suspend (CLOCK_BOOTTIME).
/// Deadlines and waits are measured with it, due times never.
using Monotonic = std::chrono::milliseconds;

/// A time in which taskd did not run, or its machine slept; `since` is the last sign of it before.
struct Gap {
    Timestamp since;
    Timestamp until;

    bool operator==(const Gap&) const = default;
};

class Clock {
public:
    Clock() = default;
    Clock(const Clock&) = delete;
    Clock& operator=(const Clock&) = delete;
    virtual ~Clock() = default;

    [[nodiscard]] virtual Timestamp now() const = 0;
    [[nodiscard]] virtual Monotonic monotonic() const = 0;
};

}  // namespace taskd::core
