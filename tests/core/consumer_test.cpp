// SPDX-License-Identifier: Apache-2.0
#include "core/consumer.h"

#include "core/rfc3339.h"

#include <catch2/catch.hpp>

using namespace taskd::core;
using namespace std::chrono_literals;

namespace {

const Timestamp now = *parse_utc("2026-11-24T08:00:00Z");

Consumer some_consumer() {
    Consumer consumer;
    consumer.name = "billing";
    consumer.retry = {3, 1s, 2, 10min};
    return consumer;
}

}  // namespace

TEST_CASE("a consumer's definition has a name and bounds") {
    CHECK(check_consumer(some_consumer()).has_value());
    struct Row {
        const char* field;
        std::function<void(Consumer&)> spoil;
    };
    const auto row = GENERATE(values<Row>({
        {"name", [](auto& c) { c.name.clear(); }},
        {"name", [](auto& c) { c.name = "a b"; }},
        {"name", [](auto& c) { c.name = "a/b"; }},
        {"name", [](auto& c) { c.name = std::string(65, 'n'); }},
        {"lease_ms", [](auto& c) { c.lease = 0ms; }},
        {"lease_ms", [](auto& c) { c.lease = 25h; }},
        {"max_in_flight", [](auto& c) { c.max_in_flight = 0; }},
        {"max_in_flight", [](auto& c) { c.max_in_flight = 1001; }},
        {"attempts_max", [](auto& c) { c.retry.attempts_max = 0; }},
        {"attempts_max", [](auto& c) { c.retry.attempts_max = 101; }},
        {"backoff_ms", [](auto& c) { c.retry.initial = 0ms; }},
        {"backoff_max_ms", [](auto& c) { c.retry.max = 25h; }},
        {"types", [](auto& c) { c.filter.types = {"*x"}; }},
        {"where", [](auto& c) { c.filter.where = {"="}; }},
    }));
    CAPTURE(row.field);
    auto consumer = some_consumer();
    row.spoil(consumer);
    CHECK(check_consumer(consumer).error().field == row.field);
}

TEST_CASE("an event is leased, fails, waits, and is given up after its attempts") {
    auto consumer = some_consumer();
    Unsettled row;
    row.user_seq = 5;
    for (int attempt = 1; attempt <= 3; ++attempt) {
        ++consumer.fence;
        row = leased(row, consumer, "m", now);
        CHECK(row.state == UnsettledState::leased);
        CHECK(row.attempts == attempt);
        CHECK(row.fence == attempt);
        CHECK(row.due == now + 30s);
        const auto after = failed(row, consumer, "exit 1", {}, now, 0);
        if (attempt == 3) {
            CHECK_FALSE(after.has_value());
            break;
        }
        REQUIRE(after.has_value());
        CHECK(after->state == UnsettledState::waiting);
        CHECK(after->reason == "exit 1");
        CHECK(after->due >= now + 500ms * attempt);
        CHECK(failed(row, consumer, "", 5s, now, 0)->due == now + 5s);
        row = *after;
    }
    CHECK_FALSE(lapsed(row, consumer, now).has_value());
    row.attempts = 1;
    CHECK(lapsed(row, consumer, now)->due == now);
    CHECK(lapsed(row, consumer, now)->reason == "the lease of m ran out");
    CHECK(released(row, now).attempts == 0);
}
