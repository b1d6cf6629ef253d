// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/random.h"

#include <random>

namespace taskd::ipc {

/// The kernel's random numbers; both programs draw their ids and keys from here.
class SystemRandom : public core::Random {
public:
    [[nodiscard]] std::uint64_t next() override {
        return (std::uint64_t{device_()} << 32U) | device_();
    }

private:
    std::random_device device_;
};

}  // namespace taskd::ipc
