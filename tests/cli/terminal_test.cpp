// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.h"

#include "core/text.h"

#include <catch2/catch.hpp>

#include <string>

namespace taskd::cli {
namespace {

using namespace std::string_literals;

TEST_CASE("what could drive a terminal is made visible") {
    struct Row {
        std::string text;
        std::string shown;
    };
    const auto row = GENERATE(values<Row>({
        {"plain", "plain"},
        {"Zo\u00eb \u2192 \u65e5\u672c \U0001F600", "Zo\u00eb \u2192 \u65e5\u672c \U0001F600"},
        {"\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"},
        {"\x1b]0;title\x07", "\\x1b]0;title\\x07"},
        {"a\nb\tc\rd", "a\\nb\\tc\\x0dd"},
        {"a\0b"s, "a\\x00b"},
        {"\x7f", "\\x7f"},
        {"\u009b31m", "\\u009b31m"},
        {"\u0080\u009f\u00a0", "\\u0080\\u009f\u00a0"},
        {"\x9b", "\\x9b"},                    // C1 as one byte, which is not UTF-8
        {"a\xc3", "a\\xc3"},                  // cut off
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},  // a surrogate
        {"\xc0\xaf", "\\xc0\\xaf"},           // overlong
        {"\u202egnp.exe", "\\u202egnp.exe"},
        {"\u2066\u2069\u2028\u2029", "\\u2066\\u2069\\u2028\\u2029"},
        {"", ""},
    }));
    CAPTURE(row.shown);
    CHECK(visible(row.text) == row.shown);
    CHECK_FALSE(core::has_control(visible(row.text)));
    CHECK(visible(visible(row.text)) == visible(row.text));
}

TEST_CASE("every byte alone and every pair of bytes come out as harmless UTF-8") {
    for (int first = 0; first < 256; ++first)
        for (int second = 0; second < 256; ++second) {
            const std::string text{static_cast<char>(first), static_cast<char>(second)};
            const std::string shown = visible(text);
            if (!core::is_utf8(shown) || core::has_control(shown)) {
                CAPTURE(first, second);
                FAIL(shown);
            }
        }
}

TEST_CASE("JSON keeps its meaning and its lines when it is made harmless") {
    CHECK(visible_json("{\n  \"a\": \"\u009b\x7f\u202e\"\n}\n") ==
          "{\n  \"a\": \"\\u009b\\u007f\\u202e\"\n}\n");
    CHECK(visible_json("\"Zo\u00eb\"") == "\"Zo\u00eb\"");
}

TEST_CASE("the width is what a terminal shows") {
    CHECK(display_width("") == 0);
    CHECK(display_width("abc") == 3);
    CHECK(display_width("Zo\u00eb") == 3);
    CHECK(display_width("e\u0301") == 1);  // combining
    CHECK(display_width("\u65e5\u672c") == 4);
    CHECK(display_width("\U0001F600") == 2);
    CHECK(display_width("\u2026") == 1);
}

TEST_CASE("text is cut between characters, and says so") {
    CHECK(cut_to("abcdef", 6, true) == "abcdef");
    CHECK(cut_to("abcdef", 5, true) == "abcd\u2026");
    CHECK(cut_to("abcdef", 5, false) == "ab...");
    CHECK(cut_to("\u65e5\u672c\u8a9e", 4, true) == "\u65e5\u2026");  // half a character never
    CHECK(cut_to("ae\u0301bc", 3, true) == "ae\u0301\u2026");
    CHECK(cut_to("abc", 0, true).empty());
    CHECK(cut_to("abc", 2, false) == "..");
    for (std::size_t width = 0; width < 12; ++width)
        CHECK(display_width(cut_to("\u65e5a\u672c\u8a9eb\u0301c", width, true)) <= width);
}

TEST_CASE("colour is for terminals, unless something says otherwise") {
    struct Row {
        ColorChoice choice;
        bool is_terminal;
        ColorVariables variables;
        bool color;
    };
    const auto automatic = ColorChoice::automatic;
    const auto row = GENERATE_COPY(values<Row>({
        {automatic, true, {}, true},
        {automatic, false, {}, false},
        {automatic, true, {"1", nullptr, nullptr}, false},
        {automatic, true, {"", nullptr, nullptr}, true},
        {automatic, true, {nullptr, nullptr, "dumb"}, false},
        {automatic, true, {nullptr, nullptr, "xterm"}, true},
        {automatic, false, {nullptr, "1", nullptr}, true},
        {automatic, false, {nullptr, "0", nullptr}, false},
        {automatic, false, {nullptr, "", nullptr}, false},
        {automatic, true, {"1", "1", nullptr}, false},
        {ColorChoice::always, false, {"1", nullptr, "dumb"}, true},
        {ColorChoice::never, true, {nullptr, "1", nullptr}, false},
    }));
    CHECK(use_color(row.choice, row.is_terminal, row.variables) == row.color);
}

TEST_CASE("paint is left out without colour") {
    CHECK(painted("late", Paint::red, Style{0, true, true}) == "\x1b[31mlate\x1b[0m");
    CHECK(painted("late", Paint::red, Style{}) == "late");
    CHECK(painted("late", Paint::none, Style{0, true, true}) == "late");
    CHECK(painted("", Paint::red, Style{0, true, true}).empty());
}

TEST_CASE("COLUMNS is taken when it is a sensible number") {
    CHECK(columns_from("120") == 120);
    CHECK(columns_from(nullptr) == 0);
    CHECK(columns_from("") == 0);
    CHECK(columns_from("12x") == 0);
    CHECK(columns_from("-5") == 0);
    CHECK(columns_from("3") == 0);
    CHECK(columns_from("99999999999999999999") == 0);
}

}  // namespace
}  // namespace taskd::cli
