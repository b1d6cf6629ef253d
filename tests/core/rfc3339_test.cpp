// SPDX-License-Identifier: Apache-2.0
#include "core/rfc3339.h"

#include "tests/support/hostile.h"
#include "tests/support/seeded_random.h"

#include <catch2/catch.hpp>

#include <string>

namespace taskd::core {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using std::chrono::milliseconds;
using std::chrono::seconds;

Timestamp ms(std::int64_t since_epoch) {
    return Timestamp{milliseconds{since_epoch}};
}

TEST_CASE("instants are written in UTC with milliseconds") {
    struct Row {
        std::int64_t at;
        std::string text;
    };
    const auto row = GENERATE(values<Row>({
        {0, "1970-01-01T00:00:00.000Z"},
        {1, "1970-01-01T00:00:00.001Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {-1000, "1969-12-31T23:59:59.000Z"},
        {1795509000000, "2026-11-24T08:30:00.000Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {-62135596800000, "0001-01-01T00:00:00.000Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
    }));
    CAPTURE(row.at);
    CHECK(format_utc(ms(row.at)) == row.text);
    CHECK(parse_utc(row.text) == ms(row.at));
}

TEST_CASE("every instant of the years 1 to 9999 is read back as it was written") {
    test::SeededRandom random(3339);
    for (int i = 0; i < 2000; ++i) {
        const auto at = ms(random.between(-62135596800000, 253402300799999));
        REQUIRE(parse_utc(format_utc(at)) == at);
        const LocalTime local{floor<seconds>(at).time_since_epoch()};
        REQUIRE(parse_local(format_local(local)) == local);
        REQUIRE(parse_local(format_date(local)) == floor<std::chrono::days>(local));
    }
}

TEST_CASE("an instant is shown as the wall clock at its offset") {
    struct Row {
        seconds offset;
        std::string text;
    };
    const auto row = GENERATE(values<Row>({
        {0s, "2026-11-24T08:30:00+00:00"},
        {1h, "2026-11-24T09:30:00+01:00"},
        {-5h, "2026-11-24T03:30:00-05:00"},
        {5h + 45min, "2026-11-24T14:15:00+05:45"},
        {-(3h + 30min), "2026-11-24T05:00:00-03:30"},
        {-30min, "2026-11-24T08:00:00-00:30"},
        {14h, "2026-11-24T22:30:00+14:00"},
    }));
    CAPTURE(row.text);
    const auto at = ms(1795509000000);
    CHECK(format_with_offset(at, row.offset) == row.text);
    CHECK(parse_utc(row.text) == at);
}

TEST_CASE("ISO times are read in the forms that people type") {
    struct Row {
        std::string text;
        std::string local;
        milliseconds fraction;
        bool has_time;
        std::optional<seconds> offset;
    };
    const auto row = GENERATE(values<Row>({
        {"2026-12-01", "2026-12-01T00:00:00", 0ms, false, {}},
        {"2024-02-29", "2024-02-29T00:00:00", 0ms, false, {}},
        {"2026-12-01T09:00", "2026-12-01T09:00:00", 0ms, true, {}},
        {"2026-12-01 09:00", "2026-12-01T09:00:00", 0ms, true, {}},
        {"2026-12-01t09:00:59z", "2026-12-01T09:00:59", 0ms, true, 0s},
        {"2026-12-01T09:00Z", "2026-12-01T09:00:00", 0ms, true, 0s},
        {"2026-12-01T09:00:01.5Z", "2026-12-01T09:00:01", 500ms, true, 0s},
        {"2026-12-01T09:00:01.0019Z", "2026-12-01T09:00:01", 1ms, true, 0s},
        {"2026-12-01T09:00:01.999999999999999999999999Z", "2026-12-01T09:00:01", 999ms, true, 0s},
        {"2026-12-01T09:00+05:30", "2026-12-01T09:00:00", 0ms, true, 5h + 30min},
        {"2026-12-01T09:00+0530", "2026-12-01T09:00:00", 0ms, true, 5h + 30min},
        {"2026-12-01T09:00-00:00", "2026-12-01T09:00:00", 0ms, true, 0s},
        {"2026-12-01T09:00-23:59", "2026-12-01T09:00:00", 0ms, true, -(23h + 59min)},
    }));
    CAPTURE(row.text);
    const auto parsed = parse_iso(row.text);
    REQUIRE(parsed);
    CHECK(format_local(parsed->local) == row.local);
    CHECK(parsed->fraction == row.fraction);
    CHECK(parsed->has_time == row.has_time);
    CHECK(parsed->offset == row.offset);
}

TEST_CASE("what is not an ISO time is refused") {
    const auto text = GENERATE(values<std::string>({
        "",
        "2026",
        "2026-12",
        "2026-13-01",
        "2026-00-01",
        "2026-01-00",
        "2026-02-29",
        "1900-02-29",
        "2026-04-31",
        "0000-01-01",
        "-001-01-01",
        "+2026-01-01",
        "10000-01-01",
        "2026-1-1",
        "26-01-01",
        "2026/01/01",
        "20260101",
        "2026-01-01T",
        "2026-01-01T9:00",
        "2026-01-01T09",
        "2026-01-01T0900",
        "2026-01-01T09:0",
        "2026-01-01T09:00:",
        "2026-01-01T09:00:0",
        "2026-01-01T24:00",
        "2026-01-01T23:60",
        "2026-01-01T23:59:60",
        "2026-01-01T09:00:00.",
        "2026-01-01T09:00:00.Z",
        "2026-01-01T09:00.5",
        "2026-01-01T09:00:00,5",
        "2026-01-01T09:00:00+",
        "2026-01-01T09:00:00+1",
        "2026-01-01T09:00:00+1:00",
        "2026-01-01T09:00:00+24:00",
        "2026-01-01T09:00:00+01:60",
        "2026-01-01T09:00:00ZZ",
        "2026-01-01T09:00:00Z ",
        " 2026-01-01",
        "2026-01-01 ",
        "2026-01-01Z",
        "2026-01-01  09:00",
        "2026-01-01T-9:00",
        "2026-01-01T09:-1",
        "\xd9\xa2\xd9\xa0\xd9\xa2\xd9\xa6-01-01",
        "2026-01-01\0"s,
        "2026-01-01T09:00\0"s,
    }));
    CAPTURE(text);
    CHECK_FALSE(parse_iso(text));
    CHECK_FALSE(parse_utc(text));
    CHECK_FALSE(parse_local(text));
}

TEST_CASE("an instant needs its zone, a local time must have none") {
    CHECK_FALSE(parse_utc("2026-12-01T09:00:00"));
    CHECK_FALSE(parse_utc("2026-12-01"));
    CHECK_FALSE(parse_local("2026-12-01T09:00:00Z"));
    CHECK_FALSE(parse_local("2026-12-01T09:00:00+01:00"));
}

TEST_CASE("what is read as an instant can be written and read again") {
    // The offset may push a time out of the four-digit years.
    for (const auto* text : {"9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00",
                             "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"}) {
        CAPTURE(text);
        const auto at = parse_utc(text);
        if (at) CHECK(parse_utc(format_utc(*at)) == at);
    }
}

TEST_CASE("readers of times survive any bytes, and what they accept is stable") {
    for (const auto* valid : {"2026-11-24T08:30:00.123Z", "2026-11-24T09:30:00+01:00",
                              "2026-11-24 09:30", "2026-11-24"}) {
        for (const auto& input : test::hostile_inputs(valid)) {
            if (const auto at = parse_utc(input)) CHECK(parse_utc(format_utc(*at)) == at);
            if (const auto local = parse_local(input))
                CHECK(parse_local(format_local(*local)) == local);
        }
    }
}

}  // namespace
}  // namespace taskd::core
