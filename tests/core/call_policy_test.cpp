// SPDX-License-Identifier: Apache-2.0
#include "core/call_policy.h"

#include "tests/support/seeded_random.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <limits>

namespace taskd::core {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr int attempts_most = 1'000'000'000;
constexpr std::uint64_t bits_most = std::numeric_limits<std::uint64_t>::max();

TEST_CASE("a status is in a range with both of its ends") {
    const StatusRanges statuses{{{429, 429}, {500, 599}}};
    for (const int status : {429, 500, 503, 599}) CHECK(statuses.contains(status));
    for (const int status : {0, 200, 428, 430, 499, 600}) CHECK_FALSE(statuses.contains(status));
    CHECK_FALSE(StatusRanges{}.contains(500));
}

TEST_CASE("retries are counted without the first attempt") {
    struct Row {
        int retries_max;
        int attempts_made;
        bool again;
    };
    const auto row = GENERATE(values<Row>({
        {0, 1, false},
        {1, 1, true},
        {1, 2, false},
        {3, 3, true},
        {3, 4, false},
        {-1, 1, true},
        {-1, attempts_most, true},
        {1'000'000, 1'000'000, true},
        {1'000'000, 1'000'001, false},
    }));
    CAPTURE(row.retries_max, row.attempts_made);
    for (const bool exponential : {false, true}) {
        const CallRetry retry{.exponential = exponential, .retries_max = row.retries_max};
        CHECK(wait_before(retry, row.attempts_made, 7).has_value() == row.again);
    }
}

TEST_CASE("a constant wait is the duration, whatever happens") {
    const CallRetry retry{.duration = 1234ms, .retries_max = -1};
    for (const int attempts : {1, 2, 100, attempts_most})
        for (const auto bits : {std::uint64_t{0}, std::uint64_t{12345}, bits_most})
            CHECK(wait_before(retry, attempts, bits) == 1234ms);
}

TEST_CASE("an exponential wait grows by half, with half of it up or down") {
    struct Row {
        milliseconds max;
        int attempts_made;
        milliseconds least;
        milliseconds most;
    };
    const auto row = GENERATE(values<Row>({
        {60s, 1, 250ms, 750ms},
        {60s, 2, 375ms, 1125ms},
        {60s, 3, 563ms, 1687ms},  // of 1125 ms
        {60s, 4, 844ms, 2530ms},  // of 1687 ms
        {60s, 13, 30s, 90s},      // the bound is of the step, as Dapr's
        {60s, attempts_most, 30s, 90s},
        {1s, 3, 500ms, 1500ms},
        {100ms, 1, 50ms, 150ms},
        {1ms, 5, 1ms, 1ms},
        {0ms, 5, 0ms, 0ms},
        {24h, attempts_most, 12h, 36h},
        {milliseconds::max(), attempts_most, 12h, 36h},
        {milliseconds::min(), attempts_most, 0ms, 0ms},
    }));
    CAPTURE(row.max.count(), row.attempts_made);
    const CallRetry retry{.exponential = true, .max_interval = row.max};
    milliseconds least = milliseconds::max();
    milliseconds most{0};
    test::SeededRandom random(8);
    for (int i = 0; i < 1000; ++i) {
        const auto wait = wait_before(retry, row.attempts_made, random.next());
        REQUIRE(wait);
        least = std::min(least, *wait);
        most = std::max(most, *wait);
    }
    CHECK(least >= row.least);
    CHECK(most <= row.most);
    const auto width = row.most - row.least;
    CHECK(most - least >= width - width / 20);
    CHECK(wait_before(retry, row.attempts_made, 0) == row.least);
    CHECK(wait_before(retry, row.attempts_made, bits_most));
}

TEST_CASE("what is worth another attempt") {
    struct Row {
        int status;
        bool by_default;
        bool by_policy;
    };
    const auto row = GENERATE(values<Row>({
        {200, false, false},
        {404, false, true},
        {408, true, false},
        {425, true, false},
        {429, true, true},
        {499, false, false},
        {500, true, false},
        {503, true, true},
        {599, true, false},
    }));
    CAPTURE(row.status);
    const CallRetry plain;
    const CallRetry own{.matching = StatusRanges{{{404, 404}, {429, 429}, {502, 504}}}};
    CHECK(retries_status(nullptr, row.status) == row.by_default);
    CHECK(retries_status(&plain, row.status) == row.by_default);
    CHECK(retries_status(&own, row.status) == row.by_policy);
}

}  // namespace
}  // namespace taskd::core
