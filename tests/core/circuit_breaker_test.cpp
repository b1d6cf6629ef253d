// SPDX-License-Identifier: Apache-2.0
#include "core/circuit_breaker.h"

#include <catch2/catch.hpp>

namespace taskd::core {
namespace {

using namespace std::chrono_literals;

const BreakerPolicy policy{};

/// A call that is admitted and fails, so many times.
void fail(Breaker& breaker, int times, std::chrono::milliseconds now) {
    for (int i = 0; i < times; ++i) {
        REQUIRE_FALSE(admit(breaker, policy, now));
        settle(breaker, policy, true, now);
    }
}

TEST_CASE("five failures in a row open it for a minute") {
    Breaker breaker;
    fail(breaker, 4, 0ms);
    CHECK(breaker.state == BreakerState::closed);
    fail(breaker, 1, 10ms);
    CHECK(breaker.state == BreakerState::open);
    CHECK(admit(breaker, policy, 10ms) == 60s);
    CHECK(admit(breaker, policy, 30s + 10ms) == 30s);
    CHECK(breaker.refused == 2);
}

TEST_CASE("a success between them begins the count again") {
    Breaker breaker;
    fail(breaker, 4, 0ms);
    REQUIRE_FALSE(admit(breaker, policy, 0ms));
    settle(breaker, policy, false, 0ms);
    fail(breaker, 4, 0ms);
    CHECK(breaker.state == BreakerState::closed);
}

TEST_CASE("after that minute one probe decides") {
    Breaker breaker;
    fail(breaker, 5, 0ms);
    CHECK_FALSE(admit(breaker, policy, 60s));
    CHECK(breaker.state == BreakerState::half_open);
    CHECK(admit(breaker, policy, 60s));  // another call, while the probe is under way
    SECTION("it succeeds") {
        settle(breaker, policy, false, 61s);
        CHECK(breaker.state == BreakerState::closed);
        fail(breaker, 4, 62s);
        CHECK(breaker.state == BreakerState::closed);
    }
    SECTION("it fails") {
        settle(breaker, policy, true, 61s);
        CHECK(breaker.state == BreakerState::open);
        CHECK(admit(breaker, policy, 62s) == 59s);
    }
    SECTION("nobody learns of it") {
        withdraw(breaker);
        CHECK_FALSE(admit(breaker, policy, 62s));
    }
}

TEST_CASE("calls from before it opened say nothing about what is now") {
    Breaker breaker;
    REQUIRE_FALSE(admit(breaker, policy, 0ms));
    fail(breaker, 5, 0ms);
    settle(breaker, policy, false, 1s);
    CHECK(breaker.state == BreakerState::open);
}

TEST_CASE("what blames the request is no failure of the service") {
    for (const int status : {408, 425, 429, 500, 503, 599}) CHECK(is_retryable_status(status));
    for (const int status : {200, 302, 400, 401, 404, 409, 422, 600})
        CHECK_FALSE(is_retryable_status(status));
}

}  // namespace
}  // namespace taskd::core
