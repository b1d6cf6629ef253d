// SPDX-License-Identifier: Apache-2.0
#include "core/ids.h"

#include "core/clock.h"

#include <catch2/catch.hpp>

#include <set>
#include <string>
#include <type_traits>

namespace taskd::core {
namespace {

template <class From, class To>
constexpr bool converts = std::is_convertible_v<From, To> || std::is_constructible_v<To, From> ||
                          std::is_assignable_v<To&, From>;

template <class One, class... Others>
constexpr bool stands_apart = (!converts<One, Others> && ...) && (!converts<Others, One> && ...);

static_assert(
    stands_apart<UserId, TaskId, SeriesId, ReminderId, EventId, DeliveryId, IdempotencyKey>);
static_assert(stands_apart<TaskId, SeriesId, ReminderId, EventId, DeliveryId, IdempotencyKey>);
static_assert(stands_apart<SeriesId, ReminderId, EventId, DeliveryId, IdempotencyKey>);
static_assert(stands_apart<ReminderId, EventId, DeliveryId, IdempotencyKey>);
static_assert(stands_apart<EventId, DeliveryId, IdempotencyKey>);
static_assert(stands_apart<DeliveryId, IdempotencyKey>);

// Text becomes an id only where someone says so, and an id never becomes text by itself.
static_assert(!std::is_convertible_v<std::string, TaskId>);
static_assert(!std::is_convertible_v<const char*, TaskId>);
static_assert(std::is_constructible_v<TaskId, std::string>);
static_assert(!std::is_convertible_v<TaskId, std::string>);
static_assert(!std::is_convertible_v<TaskId, std::string_view>);
static_assert(!std::is_convertible_v<TaskId, bool>);

// An instant and a wall-clock reading meet only in TimeZone.
static_assert(stands_apart<Timestamp, LocalTime>);
static_assert(!std::is_convertible_v<Monotonic, Timestamp>);
static_assert(!std::is_convertible_v<Timestamp, Monotonic>);
static_assert(!std::is_convertible_v<Monotonic, LocalTime>);
static_assert(!std::is_convertible_v<LocalTime, Monotonic>);
static_assert(std::is_same_v<Timestamp::duration, std::chrono::milliseconds>);

TEST_CASE("ids of one kind compare by their text") {
    CHECK(TaskId("a") == TaskId("a"));
    CHECK(TaskId("a") != TaskId("b"));
    CHECK(TaskId("a") < TaskId("b"));
    CHECK(std::set<TaskId>{TaskId("b"), TaskId("a"), TaskId("b")}.size() == 2);
}

TEST_CASE("an id that was never set is empty") {
    CHECK(UserId().empty());
    CHECK(UserId() == UserId(""));
    CHECK_FALSE(UserId("ada").empty());
    CHECK(UserId("ada").str() == "ada");
}

}  // namespace
}  // namespace taskd::core
