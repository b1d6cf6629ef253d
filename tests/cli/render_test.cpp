// SPDX-License-Identifier: Apache-2.0
#include "cli/render.h"

#include "core/text.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>

namespace taskd::cli {
namespace {

Table tasks() {
    return {{{"#", true}, {"DUE"}, {"SUMMARY", false, true}, {"TAGS", false, true}},
            {{{"1"}, {"today 09:30"}, {"Stand-up"}, {""}},
             {{"12"}, {""}, {"Write the quarterly report for the board"}, {""}}}};
}

TEST_CASE("a table aligns its columns and leaves the empty ones out") {
    CHECK(render_table(tasks(), {}) ==
          " #  DUE          SUMMARY\n"
          " 1  today 09:30  Stand-up\n"
          "12               Write the quarterly report for the board\n");
}

TEST_CASE("a table is cut to the terminal in the columns that may shrink") {
    CHECK(render_table(tasks(), {40, false, true}) ==
          " #  DUE          SUMMARY\n"
          " 1  today 09:30  Stand-up\n"
          "12               Write the quarterly re\u2026\n");
    for (std::size_t width = 26; width < 90; ++width)
        for (const auto& line : core::split(render_table(tasks(), {width, false, true}), '\n'))
            CHECK(display_width(line) <= width);
}

TEST_CASE("a table narrower than its fixed columns still shows all of them") {
    const auto text = render_table(tasks(), {20, false, false});
    CHECK(text.find("today 09:30") != std::string::npos);
    CHECK(text.find("Write...") != std::string::npos);
}

TEST_CASE("wide and combining characters keep the columns straight") {
    const Table table{{{"A"}, {"B"}}, {{{"\u65e5\u672c"}, {"x"}}, {{"e\u0301"}, {"y"}}}};
    CHECK(render_table(table, {}) == "A     B\n\u65e5\u672c  x\ne\u0301     y\n");
}

TEST_CASE("colour surrounds the text of a cell, not the space beside it") {
    const Table table{{{"A"}, {"B"}}, {{{"late", Paint::red}, {"x"}}, {{"longer"}, {"y"}}}};
    const auto text = render_table(table, {0, true, true});
    CHECK(text.find("\x1b[31mlate\x1b[0m    x\n") != std::string::npos);
}

TEST_CASE("a cell can drive no terminal and break no line") {
    const Table table{{{"A"}, {"B"}}, {{{"\x1b[2J\n"}, {"a\tb"}}}};
    CHECK(render_table(table, {}) == "A          B\n\\x1b[2J\\n  a\\tb\n");
    CHECK(render_plain(table) == "\\x1b[2J\\n\ta\\tb\n");
}

TEST_CASE("plain output has every column, nothing cut, and no titles") {
    CHECK(render_plain(tasks()) ==
          "1\ttoday 09:30\tStand-up\t\n"
          "12\t\tWrite the quarterly report for the board\t\n");
}

TEST_CASE("nothing to list is nothing to print") {
    CHECK(render_table({{{"A"}}, {}}, {}).empty());
    CHECK(render_plain(Table{{{"A"}}, {}}).empty());
}

TEST_CASE("fields stand below each other, lines of a value too") {
    const std::vector<Field> fields{{"status", {"completed"}}, {"notes", {"one\ntwo\x1b"}}};
    CHECK(render_fields(fields, {}) ==
          "  status  completed\n"
          "  notes   one\n"
          "          two\\x1b\n");
    CHECK(render_plain(fields) == "status\tcompleted\nnotes\tone\\ntwo\\x1b\n");
}

TEST_CASE("a format is one of four words") {
    CHECK(format_from("table") == Format::table);
    CHECK(format_from("plain") == Format::plain);
    CHECK(format_from("json") == Format::json);
    CHECK(format_from("jsonl") == Format::jsonl);
    const auto wrong = format_from("jsn");
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().field == "output");
    CHECK(wrong.error().message ==
          "output: \"jsn\" is not a format; use table, plain, json or jsonl");
    CHECK(wrong.error().hint == "did you mean \"json\"?");
}

TEST_CASE("JSON is pretty or on one line, and its value the same") {
    const nlohmann::json value{{"a", {1, 2}}, {"b", "x\u009b\x7f\x1b\ny"}};
    CHECK(nlohmann::json::parse(render_json(value)) == value);
    CHECK(nlohmann::json::parse(render_jsonl(value)) == value);
    CHECK(render_jsonl(value) == "{\"a\":[1,2],\"b\":\"x\\u009b\\u007f\\u001b\\ny\"}\n");
    CHECK(render_json(value).find("\n  \"a\": [") != std::string::npos);
}

TEST_CASE("an error names its hint on a second line") {
    const core::Error error{core::Reason::not_found, "there is no task 9", "task", "taskctl list"};
    CHECK(render_error(error, {}) == "taskctl: there is no task 9\n  hint: taskctl list\n");
    CHECK(render_error({core::Reason::internal, "\x1b[2J", {}, {}}, {}) == "taskctl: \\x1b[2J\n");
}

TEST_CASE("an error for scripts says only what there is to say") {
    CHECK(error_json({core::Reason::not_found, "no", "task", "look"}) ==
          nlohmann::json::parse(
              R"({"error":{"reason":"not_found","message":"no","field":"task","hint":"look"}})"));
    CHECK(error_json({core::Reason::internal, "no", {}, {}}) ==
          nlohmann::json::parse(R"({"error":{"reason":"internal","message":"no"}})"));
}

TEST_CASE("a command is shown as a shell would need it") {
    CHECK(shell_words({"notify-send", "Reminder"}) == "notify-send Reminder");
    CHECK(shell_words({"sh", "-c", "cat >>~/x"}) == "sh -c 'cat >>~/x'");
    CHECK(shell_words({"echo", "it's", ""}) == "echo 'it'\\''s' ''");
    CHECK(shell_words({}).empty());
}

TEST_CASE("counts agree with their noun") {
    CHECK(counted(0, "task", "tasks") == "0 tasks");
    CHECK(counted(1, "task", "tasks") == "1 task");
    CHECK(counted(2, "try", "tries") == "2 tries");
}

TEST_CASE("text is wrapped at words") {
    CHECK(wrapped("one two three", 2, 9) == "one two\n  three");
    CHECK(wrapped("incomprehensibilities", 2, 9) == "incomprehensibilities");
    CHECK(wrapped("", 2, 9).empty());
}

}  // namespace
}  // namespace taskd::cli
