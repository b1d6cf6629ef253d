// SPDX-License-Identifier: Apache-2.0
#include "core/uuid.h"

#include "tests/support/hostile.h"
#include "tests/support/seeded_random.h"

#include <catch2/catch.hpp>

#include <limits>
#include <set>
#include <string>
#include <vector>

namespace taskd::core {
namespace {

using std::chrono::milliseconds;
using test::SeededRandom;

/// Gives the same bits always, so that the fixed bits of a version stand out.
class ConstantRandom final : public Random {
public:
    explicit ConstantRandom(std::uint64_t bits) : bits_(bits) {}
    [[nodiscard]] std::uint64_t next() override { return bits_; }

private:
    std::uint64_t bits_;
};

TEST_CASE("a random UUID has version 4 and variant 10, whatever the random bits") {
    ConstantRandom zeros(0);
    ConstantRandom ones(~std::uint64_t{0});
    CHECK(uuid_v4(zeros) == "00000000-0000-4000-8000-000000000000");
    CHECK(uuid_v4(ones) == "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

TEST_CASE("a time-ordered UUID begins with its 48-bit milliseconds") {
    ConstantRandom zeros(0);
    ConstantRandom ones(~std::uint64_t{0});
    // The example of RFC 9562 appendix A.6: 2022-02-22T19:22:22Z.
    CHECK(uuid_v7(Timestamp{milliseconds{0x017F22E279B0}}, zeros) ==
          "017f22e2-79b0-7000-8000-000000000000");
    CHECK(uuid_v7(Timestamp{milliseconds{0x017F22E279B0}}, ones) ==
          "017f22e2-79b0-7fff-bfff-ffffffffffff");
    CHECK(uuid_v7(Timestamp{}, zeros) == "00000000-0000-7000-8000-000000000000");
}

TEST_CASE("time-ordered UUIDs sort by their time") {
    SeededRandom random(7);
    std::string before;
    for (std::int64_t ms = 1'700'000'000'000; ms < 1'700'000'001'000; ++ms) {
        const auto id = uuid_v7(Timestamp{milliseconds{ms}}, random);
        REQUIRE(before < id);
        before = id;
    }
}

TEST_CASE("a time before 1970 or beyond 48 bits still gives a UUID") {
    SeededRandom random(7);
    CHECK(is_uuid(uuid_v7(Timestamp{milliseconds{-1}}, random)));
    CHECK(is_uuid(uuid_v7(Timestamp::min(), random)));
    CHECK(is_uuid(uuid_v7(Timestamp::max(), random)));
}

TEST_CASE("UUIDs of one seed differ from each other, and are the same again for the same seed") {
    SeededRandom random(42);
    SeededRandom again(42);
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) {
        const auto id = uuid_v4(random);
        REQUIRE(is_uuid(id));
        REQUIRE(id == uuid_v4(again));
        seen.insert(id);
    }
    CHECK(seen.size() == 1000);
}

TEST_CASE("a content UUID is fixed for ever") {
    // Computed with Python's uuid.uuid5 in the same namespace. They are on disk: never change them.
    CHECK(uuid_v5("") == "de4bf541-815f-56e3-90ff-880ed04f66fb");
    CHECK(uuid_v5("a") == "02090a6e-0d8c-54ef-a556-b7910f69d1f9");
    CHECK(uuid_v5("{\"x\":1}") == "1024de03-8d2f-5391-a05a-d84dd168db64");
    CHECK(uuid_v5(std::string_view()) == uuid_v5(""));
}

TEST_CASE("a content UUID counts every byte, NUL too") {
    using namespace std::string_literals;
    CHECK(uuid_v5("a\0b"s) != uuid_v5("a"));
    CHECK(uuid_v5("a\0b"s) != uuid_v5("a\0c"s));
    CHECK(is_uuid(uuid_v5(std::string(5'000'000, 'x'))));
}

TEST_CASE("only 36 lower-case characters in five groups are a UUID") {
    const std::string valid = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
    CHECK(is_uuid(valid));
    CHECK_FALSE(is_uuid("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"));
    CHECK_FALSE(is_uuid("017f22e279b07cc398c4dc0c0c07398f"));
    CHECK_FALSE(is_uuid("{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}"));
    CHECK_FALSE(is_uuid("017f22e2-79b0-7cc3-98c4-dc0c0c07398g"));
    CHECK_FALSE(is_uuid("017f22e2079b0-7cc3-98c4-dc0c0c07398f"));
    for (const auto& input : test::hostile_inputs(valid))
        if (input.size() != 36) CHECK_FALSE(is_uuid(input));
}

}  // namespace
}  // namespace taskd::core
