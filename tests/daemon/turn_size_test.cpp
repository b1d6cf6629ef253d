// SPDX-License-Identifier: Apache-2.0
#include "daemon/turn_size.h"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using taskd::daemon::TurnSize;

TEST_CASE("turn size: full turns that are fast let more in, others don't") {
    TurnSize size;
    CHECK(size.requests() == 64);
    size.took(63, 1ms);
    CHECK(size.requests() == 64);
    size.took(64, 49ms);
    CHECK(size.requests() == 128);
    size.took(128, 50ms);
    CHECK(size.requests() == 128);
    for (int i = 0; i < 100; ++i) size.took(size.requests(), 0ms);
    CHECK(size.requests() == 100'000);
}

TEST_CASE("turn size: a slow turn is followed by one that fits the goal") {
    TurnSize size;
    size.took(64, 100ms);
    CHECK(size.requests() == 64);
    size.took(64, 6400ms);
    CHECK(size.requests() == 1);
    size.took(1, 10s);
    CHECK(size.requests() == 1);
    size.took(0, 10s);  // timers alone
    CHECK(size.requests() == 1);
    size.took(1, 1ms);
    CHECK(size.requests() == 2);
}
