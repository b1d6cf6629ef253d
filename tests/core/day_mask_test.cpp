// SPDX-License-Identifier: Apache-2.0
#include "core/day_mask.h"

#include "tests/support/seeded_random.h"

#include <catch2/catch.hpp>

#include <set>

namespace taskd::core {
namespace {

TEST_CASE("an empty mask has no day") {
    const DayMask mask;
    CHECK(mask.count() == 0);
    for (unsigned day = 0; day < DayMask::days_max; ++day) {
        CHECK_FALSE(mask.test(day));
        CHECK_FALSE(mask.at_or_after(day));
        CHECK_FALSE(mask.at_or_before(day));
    }
}

TEST_CASE("each single day is found from every side") {
    for (unsigned day = 0; day < DayMask::days_max; ++day) {
        DayMask mask;
        mask.set(day);
        REQUIRE(mask.test(day));
        REQUIRE(mask.count() == 1);
        REQUIRE(mask.at_or_after(0) == day);
        REQUIRE(mask.at_or_after(day) == day);
        REQUIRE(mask.at_or_before(day) == day);
        REQUIRE(mask.at_or_before(DayMask::days_max - 1) == day);
        if (day > 0) REQUIRE_FALSE(mask.at_or_before(day - 1));
        if (day + 1 < DayMask::days_max) REQUIRE_FALSE(mask.at_or_after(day + 1));
        mask.clear(day);
        REQUIRE(mask == DayMask());
    }
}

TEST_CASE("a mask answers as a set of days does") {
    test::SeededRandom random(366);
    for (int round = 0; round < 50; ++round) {
        DayMask mask;
        std::set<unsigned> days;
        for (auto left = random.between(0, 60); left > 0; --left) {
            const auto day = static_cast<unsigned>(random.between(0, DayMask::days_max - 1));
            if (random.one_in(4)) {
                mask.clear(day);
                days.erase(day);
            } else {
                mask.set(day);
                days.insert(day);
            }
        }
        REQUIRE(mask.count() == days.size());
        for (unsigned day = 0; day < DayMask::days_max; ++day) {
            const auto after = days.lower_bound(day);
            const auto before = days.upper_bound(day);
            REQUIRE(mask.test(day) == (days.count(day) == 1));
            REQUIRE(mask.at_or_after(day) ==
                    (after == days.end() ? std::nullopt : std::optional(*after)));
            REQUIRE(mask.at_or_before(day) ==
                    (before == days.begin() ? std::nullopt : std::optional(*std::prev(before))));
        }
    }
}

}  // namespace
}  // namespace taskd::core
