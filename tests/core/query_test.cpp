// SPDX-License-Identifier: Apache-2.0
#include "core/query.h"

#include "core/text.h"
#include "tests/support/hostile.h"

#include <catch2/catch.hpp>

#include <limits>
#include <string>

namespace taskd::core {
namespace {

using namespace std::string_literals;

TEST_CASE("every order has a word, and no other word is one") {
    for (const auto sort : {Sort::due, Sort::number, Sort::modified, Sort::priority})
        CHECK(sort_from(to_string(sort)) == sort);
    for (const auto* word : {"", "Due", "due ", "created"}) {
        CAPTURE(word);
        REQUIRE_FALSE(sort_from(word));
        CHECK(sort_from(word).error().field == "sort");
    }
}

TEST_CASE("a page is 1 to 1000 long and starts at 0 or later") {
    struct Row {
        std::int64_t limit;
        std::int64_t offset;
        std::string field;  // that is to blame, "" for none
    };
    const auto row = GENERATE(values<Row>({
        {100, 0, ""},
        {1, 0, ""},
        {page_max, std::numeric_limits<std::int64_t>::max(), ""},
        {0, 0, "limit"},
        {-1, 0, "limit"},
        {page_max + 1, 0, "limit"},
        {std::numeric_limits<std::int64_t>::max(), 0, "limit"},
        {std::numeric_limits<std::int64_t>::min(), 0, "limit"},
        {100, -1, "offset"},
        {100, std::numeric_limits<std::int64_t>::min(), "offset"},
    }));
    CAPTURE(row.limit, row.offset);
    TaskQuery query;
    query.limit = row.limit;
    query.offset = row.offset;
    const auto result = checked(query);
    REQUIRE(result.has_value() == row.field.empty());
    if (!result) CHECK(result.error().field == row.field);
}

TEST_CASE("a query without words lists the open tasks") {
    const auto query = checked(TaskQuery()).value();
    CHECK(query.statuses == std::vector<Status>{Status::needs_action, Status::in_process});
    CHECK_FALSE(query.deleted);
    CHECK(query.sort == Sort::due);
}

TEST_CASE("digits are a task's number, four and more characters of an id are its beginning") {
    struct Row {
        std::string text;
        std::optional<std::int64_t> number;
        std::string id_prefix;
    };
    const auto row = GENERATE(values<Row>({
        {"1", 1, ""},
        {"0", 0, ""},
        {"007", 7, ""},
        {"1234", 1234, ""},
        {"12345678", 12345678, ""},
        {"9223372036854775807", std::numeric_limits<std::int64_t>::max(), ""},
        {"3f0c", {}, "3f0c"},
        {"3F0C", {}, "3f0c"},
        {"12e4", {}, "12e4"},
        {"1234-", {}, "1234-"},
        {"3f0c0f9e-0000-4000-8000-000000000000", {}, "3f0c0f9e-0000-4000-8000-000000000000"},
    }));
    CAPTURE(row.text);
    const auto ref = task_ref_from(row.text);
    REQUIRE(ref);
    CHECK(ref->number == row.number);
    CHECK(ref->id_prefix == row.id_prefix);
}

TEST_CASE("what is neither a number nor the beginning of an id is refused on task") {
    const auto text = GENERATE(values<std::string>({
        "",
        " ",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1.5",
        "abc",
        "3f0",
        "plants",
        "3f0g",
        "3f0%",
        "3f0_",
        "9223372036854775808",
        "99999999999999999999999999999999999999",
        "3f0c0f9e-0000-4000-8000-0000000000000",
        "12\0"s,
        "3f0c\0"s,
        "\xd9\xa1",
    }));
    CAPTURE(text);
    const auto ref = task_ref_from(text);
    REQUIRE_FALSE(ref);
    CHECK(ref.error().reason == Reason::invalid_argument);
    CHECK(ref.error().field == "task");
}

TEST_CASE("reading a task's name survives any bytes, with a message of bounded size in UTF-8") {
    std::string umlauts = "x";
    while (umlauts.size() < 200) umlauts += "\xc3\xa4";
    auto inputs = test::hostile_inputs("3f0c0f9e-0000-4000");
    inputs.push_back(umlauts);
    for (const auto& input : inputs) {
        const auto ref = task_ref_from(input);
        if (ref) continue;
        CHECK(ref.error().message.size() < 300);
        if (is_utf8(input)) CHECK(is_utf8(ref.error().message));
        const auto sort = sort_from(input);
        if (!sort) CHECK(sort.error().message.size() < 300);
    }
}

}  // namespace
}  // namespace taskd::core
