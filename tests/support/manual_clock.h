// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"

namespace taskd::test {

/// A clock that stands still until the test moves it.
class ManualClock final : public core::Clock {
public:
    ManualClock() = default;
    explicit ManualClock(core::Timestamp now) : now_(now) {}

    [[nodiscard]] core::Timestamp now() const override { return now_; }
    [[nodiscard]] core::Monotonic monotonic() const override { return monotonic_; }

    /// Time passes: both clocks move.
    void advance(std::chrono::milliseconds by) {
        now_ += by;
        monotonic_ += by;
    }

    /// The wall clock steps, as when someone sets it; the monotonic one doesn't.
    void set_now(core::Timestamp now) { now_ = now; }
    void set_monotonic(core::Monotonic monotonic) { monotonic_ = monotonic; }

private:
    core::Timestamp now_{};
    core::Monotonic monotonic_{};
};

}  // namespace taskd::test
