// SPDX-License-Identifier: Apache-2.0
#include "core/delivery.h"

#include "core/retry.h"
#include "core/rfc3339.h"
#include "tests/support/seeded_random.h"

#include <catch2/catch.hpp>

#include <limits>
#include <string>

namespace taskd::core {
namespace {

using namespace std::chrono_literals;

const Timestamp now = parse_utc("2026-11-24T08:30:00Z").value();
constexpr auto all_bits = ~std::uint64_t{0};

TEST_CASE("the wait grows by the factor, up to its bound") {
    struct Row {
        int attempts;
        std::chrono::milliseconds step;
    };
    const auto row = GENERATE(values<Row>({
        {0, 10s},
        {1, 10s},
        {2, 20s},
        {3, 40s},
        {4, 80s},
        {6, 320s},
        {7, 600s},
        {8, 600s},
        {1'000'000, 600s},
    }));
    CAPTURE(row.attempts);
    RetryPolicy policy;
    policy.attempts_max = std::numeric_limits<int>::max();
    test::SeededRandom random(1);
    for (int i = 0; i < 200; ++i) {
        const auto wait = next_attempt(policy, row.attempts, random.next());
        REQUIRE(wait);
        REQUIRE(*wait >= row.step / 2);
        REQUIRE(*wait <= row.step);
    }
    CHECK(next_attempt(policy, row.attempts, 0) == row.step / 2);
}

TEST_CASE("the whole of the upper half is used") {
    RetryPolicy policy;
    policy.initial = 3ms;
    CHECK(next_attempt(policy, 1, 0) == 2ms);
    CHECK(next_attempt(policy, 1, 1) == 3ms);
    CHECK(next_attempt(policy, 1, 2) == 2ms);
    policy.initial = 1ms;
    CHECK(next_attempt(policy, 1, all_bits) == 1ms);
    policy.initial = 0ms;
    CHECK(next_attempt(policy, 1, all_bits) == 0ms);
}

TEST_CASE("after the last attempt there is no next") {
    const RetryPolicy policy;
    CHECK(next_attempt(policy, 2, 0));
    CHECK_FALSE(next_attempt(policy, 3, 0));
    CHECK_FALSE(next_attempt(policy, 4, 0));
    CHECK_FALSE(next_attempt(policy, std::numeric_limits<int>::max(), 0));
    RetryPolicy once;
    once.attempts_max = 1;
    CHECK_FALSE(next_attempt(once, 1, 0));
}

TEST_CASE("a first wait above the bound is cut to it") {
    RetryPolicy policy;
    policy.initial = 2h;
    CHECK(*next_attempt(policy, 1, all_bits) <= policy.max);
}

Delivery pending() {
    Delivery delivery;
    delivery.id = DeliveryId("delivery");
    delivery.next_attempt = now;
    delivery.created = now;
    return delivery;
}

TEST_CASE("an attempt is counted when it begins") {
    const auto running = started(pending(), now);
    CHECK(running.state == DeliveryState::running);
    CHECK(running.attempts == 1);
    CHECK_FALSE(running.next_attempt);
    CHECK_FALSE(running.finished);
    CHECK(started(running, now).attempts == 2);  // interrupted by a crash, and begun again
}

TEST_CASE("a success ends a delivery") {
    const auto done =
        finished(started(pending(), now), {true, true, "exit 0", "hello"}, now + 1s, {});
    CHECK(done.state == DeliveryState::succeeded);
    CHECK(done.finished == now + 1s);
    CHECK_FALSE(done.next_attempt);
    CHECK(done.result == "exit 0");
    CHECK(done.output == "hello");
    CHECK(done.attempts == 1);
    CHECK(done.id == pending().id);
}

TEST_CASE("a failure is tried again until the attempts are used up, then it is dead") {
    auto delivery = pending();
    for (int attempt = 1; attempt <= 2; ++attempt) {
        delivery = finished(started(delivery, now), {false, true, "exit 1", ""}, now,
                            next_attempt(RetryPolicy{}, attempt, all_bits));
        CAPTURE(attempt);
        CHECK(delivery.state == DeliveryState::pending);
        CHECK(delivery.attempts == attempt);
        REQUIRE(delivery.next_attempt);
        CHECK(*delivery.next_attempt > now);
        CHECK_FALSE(delivery.finished);
    }
    delivery = finished(started(delivery, now), {false, true, "exit 1", ""}, now,
                        next_attempt(RetryPolicy{}, 3, all_bits));
    CHECK(delivery.state == DeliveryState::dead);
    CHECK(delivery.finished == now);
    CHECK_FALSE(delivery.next_attempt);
    CHECK(delivery.attempts == 3);
}

TEST_CASE("a failure that can't become better is dead at once") {
    const auto dead =
        finished(started(pending(), now), {false, false, "no such command", ""}, now, {});
    CHECK(dead.state == DeliveryState::dead);
    CHECK(dead.finished == now);
    CHECK_FALSE(dead.next_attempt);
}

TEST_CASE("a success on the last attempt counts") {
    auto delivery = pending();
    delivery.attempts = 2;
    CHECK(finished(started(delivery, now), {true, true, "", ""}, now, {}).state ==
          DeliveryState::succeeded);
}

TEST_CASE("every state of a delivery has its word, and an unknown word means dead") {
    for (const auto state : {DeliveryState::pending, DeliveryState::running,
                             DeliveryState::succeeded, DeliveryState::dead})
        CHECK(delivery_state_from(to_string(state)) == state);
    CHECK(delivery_state_from("") == DeliveryState::dead);
    CHECK(delivery_state_from("Pending") == DeliveryState::dead);
}

}  // namespace

TEST_CASE("what is not needed any more is suppressed while it waits") {
    const auto after = revoked(pending(), "the task is completed", now + 1s);
    CHECK(after.state == DeliveryState::suppressed);
    CHECK(after.finished == now + 1s);
    CHECK_FALSE(after.next_attempt);
    CHECK(after.result == "the task is completed");
}

TEST_CASE("an attempt that is under way is the last one once it is revoked") {
    const auto running = revoked(started(pending(), now), "snoozed", now + 1s);
    CHECK(running.state == DeliveryState::running);
    SECTION("a late success is told as it was") {
        const auto done = finished(running, {true, true, "250 kept", ""}, now + 2s, 5s);
        CHECK(done.state == DeliveryState::succeeded);
        CHECK(done.revoked == "snoozed");
    }
    SECTION("a failure is not tried again") {
        const auto done = finished(running, {false, true, "421 later", ""}, now + 2s, 5s);
        CHECK(done.state == DeliveryState::suppressed);
        CHECK(done.result == "snoozed; the last attempt: 421 later");
        CHECK_FALSE(done.next_attempt);
    }
}

TEST_CASE("what has ended is not revoked") {
    const auto done = finished(started(pending(), now), {true, true, "", ""}, now, {});
    CHECK(revoked(done, "snoozed", now + 1s) == done);
}

TEST_CASE("a dead delivery is tried again from the beginning, under its id") {
    auto dead = finished(started(pending(), now), {false, false, "550 no", ""}, now, {});
    REQUIRE(dead.state == DeliveryState::dead);
    const auto again = revived(dead, now + 1s);
    REQUIRE(again);
    CHECK(again->id == dead.id);
    CHECK(again->state == DeliveryState::pending);
    CHECK(again->attempts == 0);
    CHECK(again->log.size() == 1);
    CHECK_FALSE(revived(*again, now));
}

TEST_CASE("what waits does so no longer when the clock was set back") {
    auto waiting =
        finished(started(pending(), now), {false, true, "450 later", ""}, now + 1s, 5min);
    const auto after = clock_set_back(waiting, now - 72h);
    CHECK(after.next_attempt == now - 72h + 5min);
    CHECK(clock_set_back(after, now - 72h) == after);
    // Begun before the clock was wrong, and interrupted while it was.
    auto interrupted = waiting;
    interrupted.started = now - 96h;
    interrupted.log = {{now + 1s, "interrupted", {}}};
    const auto again = clock_set_back(interrupted, now - 72h);
    CHECK(*again.next_attempt == *after.next_attempt);
    CHECK(clock_set_back(again, now - 72h) == again);
    CHECK(clock_set_back(waiting, now + 1s) == waiting);
    CHECK(clock_set_back(pending(), now - 72h) == pending());
    const auto done = finished(started(pending(), now), {true, true, "", ""}, now, {});
    CHECK(clock_set_back(done, now - 72h) == done);
}

}  // namespace taskd::core
