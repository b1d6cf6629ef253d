// SPDX-License-Identifier: Apache-2.0
#include "core/span.h"

#include "tests/support/hostile.h"
#include "tests/support/seeded_random.h"

#include <catch2/catch.hpp>

#include <string>

namespace taskd::core {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using std::chrono::seconds;

TEST_CASE("spans in words") {
    struct Row {
        std::string words;
        seconds span;
        std::string shortest;
    };
    const auto row = GENERATE(values<Row>({
        {"0", 0s, "0"},
        {"0m", 0s, "0"},
        {"10m", 10min, "10m"},
        {"10 min", 10min, "10m"},
        {" 10  minutes ", 10min, "10m"},
        {"1h30m", 90min, "1h30m"},
        {"1h 30m", 90min, "1h30m"},
        {"1 hour 30 minutes", 90min, "1h30m"},
        {"90m", 90min, "1h30m"},
        {"90 seconds", 90s, "1m30s"},
        {"2 days", 48h, "2d"},
        {"2D", 48h, "2d"},
        {"1 week", 168h, "7d"},
        {"2 weeks", 336h, "14d"},
        {"2w", 336h, "14d"},
        {"366 days", 366 * 24h, "366d"},
        {"1d1h1m1s", 25h + 61s, "1d1h1m1s"},
        {"1\tday\n2\thours", 26h, "1d2h"},
    }));
    CAPTURE(row.words);
    const auto span = parse_span("remind", row.words);
    if (!span) FAIL(span.error().message);
    CHECK(*span == row.span);
    CHECK(format_span(*span) == row.shortest);
    CHECK(parse_span("remind", format_span(*span)) == *span);
}

TEST_CASE("every span is read back from its shortest form") {
    test::SeededRandom random(99);
    for (int i = 0; i < 1000; ++i) {
        const seconds span{random.between(0, 366 * 86400)};
        REQUIRE(parse_span("remind", format_span(span)) == span);
    }
}

TEST_CASE("what is no span is refused on its field") {
    const auto words = GENERATE(values<std::string>({
        "",
        " ",
        "10",
        "m",
        "m10",
        "10x",
        "ten minutes",
        "-10m",
        "+10m",
        "1.5h",
        "1,5h",
        "10 m x",
        "1h30",
        "0 0",
        "367 days",
        "8785h",
        "99999999999m",
        "2147483647w",
        "1h-30m",
        "10m\0"s,
        "\xff",
        "10 \xe5\x88\x86",
    }));
    CAPTURE(words);
    const auto span = parse_span("remind", words);
    REQUIRE_FALSE(span);
    CHECK(span.error().reason == Reason::invalid_argument);
    CHECK(span.error().field == "remind");
}

TEST_CASE("spans survive any bytes") {
    for (const auto& input : test::hostile_inputs("1h 30 minutes")) {
        const auto span = parse_span("remind", input);
        if (span)
            CHECK(parse_span("remind", format_span(*span)) == *span);
        else
            CHECK(span.error().message.size() < 5000);
    }
}

}  // namespace
}  // namespace taskd::core
