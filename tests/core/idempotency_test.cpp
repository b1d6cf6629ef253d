// SPDX-License-Identifier: Apache-2.0
#include "core/idempotency.h"

#include <catch2/catch.hpp>

namespace taskd::core {
namespace {

TEST_CASE("a key that was never seen is fresh") {
    CHECK(seen_before(std::nullopt, "digest") == Seen::fresh);
    CHECK(seen_before(std::nullopt, "") == Seen::fresh);
}

TEST_CASE("the same key with the same request is a replay") {
    CHECK(seen_before("digest", "digest") == Seen::replay);
    CHECK(seen_before("", "") == Seen::replay);
}

TEST_CASE("the same key with another request is a conflict") {
    CHECK(seen_before("digest", "other") == Seen::conflict);
    CHECK(seen_before("digest", "diges") == Seen::conflict);
    CHECK(seen_before("digest", "") == Seen::conflict);
    CHECK(seen_before("", "digest") == Seen::conflict);
}

}  // namespace
}  // namespace taskd::core
