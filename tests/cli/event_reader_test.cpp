// SPDX-License-Identifier: Apache-2.0
#include "cli/event_reader.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>

namespace taskd::cli {
namespace {

const std::string one = R"({"specversion":"1.0","id":"1","source":"/t","type":"a"})";
const std::string two = R"({"specversion":"1.0","id":"2","source":"/t","type":"b"})";

/// What is read: "LINE:ID", or "LINE:!" for an error.
std::vector<std::string> read(const std::string& text, std::size_t at_once = 1 << 20) {
    std::size_t position = 0;
    EventReader reader([&](char* into, std::size_t size) {
        const auto count = std::min({size, at_once, text.size() - position});
        std::memcpy(into, text.data() + position, count);
        position += count;
        return count;
    });
    std::vector<std::string> found;
    while (auto item = reader.next())
        found.push_back(std::to_string(item->line) + ":" + (item->event ? item->event->id : "!"));
    return found;
}

using Found = std::vector<std::string>;

TEST_CASE("events come as lines, as an array, or over several lines") {
    const std::string wide =
        "{\n \"specversion\": \"1.0\",\n \"id\": \"3\",\n \"source\": \"/}\",\n"
        " \"type\": \"c\"\n}\n";
    struct Row {
        std::string text;
        Found found;
    };
    const auto row = GENERATE_COPY(values<Row>({
        {"", {}},
        {"\n \r\n\t\n", {}},
        {one, {"1:1"}},
        {one + "\n" + two + "\n", {"1:1", "2:2"}},
        {one + "\r\n\r\n" + two, {"1:1", "3:2"}},
        {"\xef\xbb\xbf" + one + "\n", {"1:1"}},
        {"[" + one + "," + two + "]", {"1:1", "1:2"}},
        {" [\n" + one + " ,\n\n" + two + "\n]\n", {"2:1", "4:2"}},
        {"[]", {}},
        {"[ ]\n", {}},
        {wide, {"1:3"}},
        {wide + wide + one, {"1:3", "7:3", "13:1"}},
    }));
    CAPTURE(row.text);
    CHECK(read(row.text) == row.found);
    CHECK(read(row.text, 1) == row.found);
    CHECK(read(row.text, 7) == row.found);
}

TEST_CASE("what can't be read is an error with its line, and the next is read") {
    struct Row {
        std::string text;
        Found found;
    };
    const auto row = GENERATE_COPY(values<Row>({
        {"nonsense\n" + one, {"1:!", "2:1"}},
        {one.substr(0, 30) + "\n" + two, {"1:!", "2:2"}},
        {one.substr(0, 17) + "\n" + two, {"1:!", "2:2"}},  // not in a string: {"specversion":"1
        {"{\n" + two, {"1:!", "2:2"}},
        {"}\n" + two, {"1:!", "2:2"}},
        {one + two + "\n" + two, {"1:!", "2:2"}},
        {one + "\n" + std::string("{\"a\0b\":1}", 9) + "\n" + two, {"1:1", "2:!", "3:2"}},
        {std::string(1, '\0'), {"1:!"}},
        {"{\"specversion\":\"1.0\",\"id\":\"\xe2\x82\"}\n" + two, {"1:!", "2:2"}},
        {"{}\n" + two, {"1:!", "2:2"}},
        {"1\n\"x\"\nnull\n" + two, {"1:!", "2:!", "3:!", "4:2"}},
        {"[" + one + ",1,\"]\"," + two + "]", {"1:1", "1:!", "1:!", "1:2"}},
        {"[" + one, {"1:1", "1:!"}},
        {"[" + one + ",{\"a\":", {"1:1", "1:!"}},
        {"[" + one + "] x\ny", {"1:1", "1:!"}},
        {"[}" + one + "]", {"1:!", "1:1"}},
        {std::string(100'000, '['), {"1:!"}},
        {std::string(100'000, '{'), {"1:!"}},
    }));
    CAPTURE(row.text.substr(0, 100));
    CHECK(read(row.text) == row.found);
    CHECK(read(row.text, 3) == row.found);
}

TEST_CASE("a line of 5 MB is refused without being kept, in every form") {
    const std::string huge =
        R"({"specversion":"1.0","id":"9","data":")" + std::string(5'000'000, 'x') + "\"}";
    CHECK(read(huge + "\n" + two) == Found{"1:!", "2:2"});
    CHECK(read(one + "\n" + huge + "\n" + two) == Found{"1:1", "2:!", "3:2"});
    CHECK(read("[" + huge + "," + two + "]") == Found{"1:!", "1:2"});
    CHECK(read("{\n" + huge.substr(1) + "\n" + two) == Found{"1:!", "2:!", "3:2"});
}

TEST_CASE("every truncation of a file of events ends") {
    const std::string text = "\xef\xbb\xbf[" + one + ",\n" + two + "]\n";
    for (std::size_t size = 0; size <= text.size(); ++size)
        CHECK(read(text.substr(0, size)).size() <= 3);
    const std::string lines = one + "\n" + two + "\n";
    for (std::size_t size = 0; size <= lines.size(); ++size)
        CHECK(read(lines.substr(0, size)).size() <= 2);
}

}  // namespace
}  // namespace taskd::cli
