// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/random.h"

#include <cstdint>

namespace taskd::test {

/// splitmix64 (Steele, Lea, Flood 2014): the same seed gives the same run on every machine.
class SeededRandom final : public core::Random {
public:
    explicit SeededRandom(std::uint64_t seed) : state_(seed) {}

    [[nodiscard]] std::uint64_t next() override {
        state_ += 0x9e3779b97f4a7c15U;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31U);
    }

    /// A number in [from, to]; slightly uneven, which no test minds.
    [[nodiscard]] std::int64_t between(std::int64_t from, std::int64_t to) {
        return from + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(to - from + 1));
    }

    [[nodiscard]] bool one_in(std::uint64_t n) { return next() % n == 0; }

private:
    std::uint64_t state_;
};

}  // namespace taskd::test
