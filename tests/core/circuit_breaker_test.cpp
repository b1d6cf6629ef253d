// SPDX-License-Identifier: Apache-2.0
#include "core/circuit_breaker.h"

#include <catch2/catch.hpp>

#include <vector>

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

TEST_CASE("a probe whose caller died does not hold it half-open for ever") {
    Breaker breaker;
    fail(breaker, 5, 0ms);
    REQUIRE_FALSE(admit(breaker, policy, 70s));  // and nobody settles it
    CHECK(admit(breaker, policy, 80s) == 50s);
    CHECK(admit(breaker, policy, 130s - 1ms) == 1ms);
    CHECK_FALSE(admit(breaker, policy, 130s));
    CHECK(breaker.probes == 1);
    CHECK(breaker.probed == 130s);
    CHECK(admit(breaker, policy, 131s) == 59s);
    SECTION("the second probe closes it") {
        settle(breaker, policy, false, 132s);
        CHECK(breaker.state == BreakerState::closed);
    }
    SECTION("the second probe opens it") {
        settle(breaker, policy, true, 132s);
        CHECK(breaker.state == BreakerState::open);
        CHECK(breaker.opened_count == 2);
    }
}

TEST_CASE("the newest of several probes says when none counts any more") {
    const BreakerPolicy two{.failures_max = 1, .timeout = 10s, .probes_max = 2};
    Breaker breaker;
    REQUIRE_FALSE(admit(breaker, two, 0s));
    settle(breaker, two, true, 0s);
    REQUIRE_FALSE(admit(breaker, two, 10s));
    REQUIRE_FALSE(admit(breaker, two, 15s));
    CHECK(admit(breaker, two, 20s) == 5s);
    CHECK_FALSE(admit(breaker, two, 25s));
    CHECK_FALSE(admit(breaker, two, 25s));
    CHECK(admit(breaker, two, 25s) == 10s);
}

TEST_CASE("an interval forgets failures while it is closed") {
    struct Row {
        const char* what;
        std::chrono::milliseconds interval;
        std::vector<std::chrono::milliseconds> failures;
        BreakerState state;
    };
    const auto row = GENERATE(values<Row>({
        {"no interval", 0s, {100s, 1000s, 10'000s}, BreakerState::open},
        {"all within one", 10s, {100s, 105s, 109s}, BreakerState::open},
        {"the third is late", 10s, {100s, 109s, 110s}, BreakerState::closed},
        {"the window doesn't slide", 10s, {100s, 109s, 111s, 119s}, BreakerState::closed},
        {"three in the second", 10s, {100s, 109s, 111s, 119s, 120s}, BreakerState::open},
        {"each is alone", 10s, {100s, 110s, 120s, 130s, 140s}, BreakerState::closed},
    }));
    CAPTURE(row.what);
    const BreakerPolicy three{.failures_max = 3, .timeout = 60s, .interval = row.interval};
    Breaker breaker;
    for (const auto at : row.failures) {
        REQUIRE_FALSE(admit(breaker, three, at));
        settle(breaker, three, true, at);
    }
    CHECK(breaker.state == row.state);
}

TEST_CASE("an interval begins when it closes, and does not close what is open") {
    const BreakerPolicy two{.failures_max = 2, .timeout = 60s, .interval = 10s};
    Breaker breaker;
    const auto call = [&](bool failed, std::chrono::milliseconds now) {
        REQUIRE_FALSE(admit(breaker, two, now));
        settle(breaker, two, failed, now);
    };
    call(true, 100s);
    call(true, 101s);
    CHECK(admit(breaker, two, 120s) == 41s);
    call(false, 161s);
    CHECK(breaker.cleared == 161s);
    call(true, 170s);
    call(true, 172s);
    CHECK(breaker.state == BreakerState::closed);
    call(true, 180s);
    CHECK(breaker.state == BreakerState::open);
}

TEST_CASE("looking at it changes nothing") {
    Breaker breaker;
    CHECK(peek(breaker, policy, 0s) == BreakerState::closed);
    fail(breaker, 5, 10s);
    const Breaker before = breaker;
    CHECK(peek(breaker, policy, 10s) == BreakerState::open);
    CHECK(peek(breaker, policy, 70s - 1ms) == BreakerState::open);
    CHECK(peek(breaker, policy, 70s) == BreakerState::half_open);
    CHECK(breaker == before);
    REQUIRE_FALSE(admit(breaker, policy, 70s));
    CHECK(peek(breaker, policy, 1000s) == BreakerState::half_open);
    settle(breaker, policy, false, 1000s);
    CHECK(peek(breaker, policy, 1000s) == BreakerState::closed);
}

TEST_CASE("it counts what became of all calls") {
    Breaker breaker;
    REQUIRE_FALSE(admit(breaker, policy, 0s));
    settle(breaker, policy, false, 0s);
    fail(breaker, 5, 0s);
    CHECK(admit(breaker, policy, 1s));
    CHECK(admit(breaker, policy, 2s));
    fail(breaker, 1, 60s);
    settle(breaker, policy, false, 61s);  // from before it opened
    CHECK(breaker.refused == 2);
    CHECK(breaker.opened_count == 2);
    CHECK(breaker.successes_total == 2);
    CHECK(breaker.failures_total == 6);
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
