// SPDX-License-Identifier: Apache-2.0
#include "core/text.h"

#include "tests/support/hostile.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace taskd::core {
namespace {

using namespace std::string_literals;
using Words = std::vector<std::string>;

TEST_CASE("case changes touch ASCII letters only") {
    CHECK(to_lower("ABCxyz@[`{0 \xc3\x84"s) == "abcxyz@[`{0 \xc3\x84"s);
    CHECK(to_upper("ABCxyz@[`{0 \xc3\xa4"s) == "ABCXYZ@[`{0 \xc3\xa4"s);
    CHECK(to_lower("").empty());
    CHECK(to_upper("a\0b"s) == "A\0B"s);
}

TEST_CASE("trim takes white space from both ends and nothing else") {
    CHECK(trim("  a b \t\r\n\f\v") == "a b");
    CHECK(trim("").empty());
    CHECK(trim(" \t ").empty());
    CHECK(trim("a") == "a");
    CHECK(trim(" \0 "s) == "\0"s);
}

TEST_CASE("split keeps empty parts") {
    struct Row {
        std::string text;
        Words parts;
    };
    const auto row = GENERATE(values<Row>({
        {"", {""}},
        {",", {"", ""}},
        {"a", {"a"}},
        {"a,b", {"a", "b"}},
        {",a,,b,", {"", "a", "", "b", ""}},
    }));
    CAPTURE(row.text);
    CHECK(split(row.text, ',') == row.parts);
    CHECK(join(split(row.text, ','), ",") == row.text);
}

TEST_CASE("words are what white space separates") {
    CHECK(words_of("").empty());
    CHECK(words_of(" \t\n").empty());
    CHECK(words_of("a") == Words{"a"});
    CHECK(words_of("  every\t2  weeks\n") == Words{"every", "2", "weeks"});
}

TEST_CASE("join puts the separator only between") {
    CHECK(join({}, ", ").empty());
    CHECK(join({"a"}, ", ") == "a");
    CHECK(join({"a", "b", "c"}, ", ") == "a, b, c");
    CHECK(join({"a", "a"}, "-") == "a-a");
    CHECK(join({"", ""}, "-") == "-");
}

TEST_CASE("UTF-8 is what RFC 3629 says") {
    struct Row {
        std::string text;
        bool good;
    };
    const auto row = GENERATE(values<Row>({
        {"", true},
        {"plain", true},
        {"a\0b"s, true},
        {"\x7f", true},
        {"\xc2\x80", true},
        {"\xdf\xbf", true},
        {"\xe0\xa0\x80", true},
        {"\xed\x9f\xbf", true},
        {"\xee\x80\x80", true},
        {"\xef\xbf\xbf", true},
        {"\xf0\x90\x80\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"\x80", false},  // a continuation alone
        {"\xbf", false},
        {"\xc0\x80", false},  // overlong NUL
        {"\xc1\xbf", false},
        {"\xe0\x9f\xbf", false},      // overlong
        {"\xf0\x8f\xbf\xbf", false},  // overlong
        {"\xed\xa0\x80", false},      // surrogates
        {"\xed\xbf\xbf", false},
        {"\xf4\x90\x80\x80", false},  // above U+10FFFF
        {"\xf5\x80\x80\x80", false},
        {"\xff", false},
        {"\xc3", false},  // cut off
        {"\xe2\x82", false},
        {"\xf0\x9f\x98", false},
        {"\xc3(", false},
        {"ok \xe2\x28\xa1", false},
    }));
    CAPTURE(row.text);
    CHECK(is_utf8(row.text) == row.good);
}

TEST_CASE("control characters are found, also C1 in UTF-8 and bytes that are not UTF-8") {
    struct Row {
        std::string text;
        bool control;
    };
    const auto row = GENERATE(values<Row>({
        {"", false},
        {"a b", false},
        {"\xc3\xa4", false},
        {"\xc2\xa0", false},
        {"\x1f", true},
        {" ", false},
        {"~", false},
        {"\x7f", true},
        {"\xc2\x80", true},
        {"\xc2\x9b", true},
        {"\xc2\x9f", true},
        {"a\0b"s, true},
        {"a\nb", true},
        {"\x1b[31m", true},
        {"\x9b", true},
        {"a\xff", true},
    }));
    CAPTURE(row.text);
    CHECK(has_control(row.text) == row.control);
}

TEST_CASE("clipping keeps whole characters") {
    struct Row {
        std::string text;
        std::size_t bytes_max;
        std::string clipped;
    };
    const auto row = GENERATE(values<Row>({
        {"", 3, ""},
        {"abc", 3, "abc"},
        {"abcd", 3, "abc..."},
        {"ab\xc3\xa4", 3, "ab..."},
        {"ab\xc3\xa4", 4, "ab\xc3\xa4"},
        {"\xf0\x9f\x98\x80", 3, "..."},
        {"\x80\x80\x80\x80", 2, "..."},
    }));
    CAPTURE(row.text, row.bytes_max);
    CHECK(clipped(row.text, row.bytes_max) == row.clipped);
}

TEST_CASE("the nearest known word is suggested, a far one is not") {
    const Words known{"day", "weekday", "week", "month", "monday"};
    CHECK(nearest("wek", known) == "week");
    CHECK(nearest("WEEKDAI", known) == "weekday");
    CHECK(nearest("mont", known) == "month");
    CHECK(nearest("mnoday", known) == "monday");
    CHECK(nearest("dya", {"day"}).empty());  // two changes of three letters are too many
    CHECK(nearest("fortnight", known).empty());
    CHECK(nearest("", known).empty());
    CHECK(nearest("day", {}).empty());
    CHECK(nearest("same", {"sane", "some"}) == "sane");  // ties: the first known word
    CHECK(nearest(std::string(1'000'000, 'd'), known).empty());
    CHECK(nearest("day", {std::string(1'000'000, 'd')}).empty());
}

TEST_CASE("text functions survive any bytes") {
    for (const auto& input : test::hostile_inputs("w\xc3\xa4hrend 2 weeks")) {
        static_cast<void>(is_utf8(input));
        static_cast<void>(has_control(input));
        static_cast<void>(nearest(input, {"weeks", input}));
        CHECK(trim(input).size() <= input.size());
        CHECK(join(split(input, ' '), " ") == input);
        CHECK(to_lower(to_upper(input)) == to_lower(input));
        CHECK(clipped(input, 10).size() <= 13);
        if (is_utf8(input)) CHECK(is_utf8(clipped(input, 10)));
    }
}

}  // namespace
}  // namespace taskd::core
