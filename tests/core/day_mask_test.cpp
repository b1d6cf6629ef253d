// SPDX-License-Identifier: Apache-2.0
#include "core/day_mask.h"

#include "tests/support/seeded_random.h"

#include <catch2/catch.hpp>

#include <iterator>
#include <set>

namespace taskd::core {
namespace {

TEST_CASE("an empty mask has no day") {
    const DayMask mask;
    CHECK(mask.empty());
    CHECK(mask.count() == 0);
    for (unsigned day = 0; day < DayMask::days_max; ++day) CHECK_FALSE(mask.test(day));
}

TEST_CASE("a run of days is set where it belongs, and what lies before day 0 is not there") {
    for (int first = -3; first < 320; ++first) {
        DayMask run;
        run.set_from(first, 0b1'0110'1001);
        for (int day = 0; day < static_cast<int>(DayMask::days_max); ++day) {
            const int offset = day - first;
            const bool wanted = offset >= 0 && offset < 9 && (0b1'0110'1001 >> offset & 1) != 0;
            REQUIRE(run.test(static_cast<unsigned>(day)) == wanted);
        }
    }
}

TEST_CASE("a mask answers as a set of days does") {
    test::SeededRandom random(366);
    for (int round = 0; round < 50; ++round) {
        DayMask mask;
        std::set<unsigned> days;
        for (auto left = random.between(0, 60); left > 0; --left) {
            const auto day = static_cast<unsigned>(random.between(0, DayMask::days_max - 1));
            mask.set(day);
            days.insert(day);
        }
        REQUIRE(mask.count() == days.size());
        unsigned index = 0;
        for (const unsigned day : days) REQUIRE(mask.nth(index++) == day);
        for (unsigned day = 0; day < DayMask::days_max; ++day) {
            REQUIRE(mask.test(day) == (days.count(day) == 1));
            REQUIRE(mask.count_before(day) == std::distance(days.begin(), days.lower_bound(day)));
        }
    }
}

}  // namespace
}  // namespace taskd::core
