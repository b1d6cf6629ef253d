// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace taskd::core {

/// Where ids and jitter come from; a seeded one makes a whole run repeatable.
class Random {
public:
    Random() = default;
    Random(const Random&) = delete;
    Random& operator=(const Random&) = delete;
    virtual ~Random() = default;

    [[nodiscard]] virtual std::uint64_t next() = 0;  ///< 64 uniformly random bits
};

}  // namespace taskd::core
