// SPDX-License-Identifier: Apache-2.0
#include "core/topic.h"

#include "core/event.h"
#include "core/text.h"
#include "tests/support/hostile.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace taskd::core {
namespace {

using namespace std::string_literals;
using Patterns = std::vector<std::string>;

TEST_CASE("a filter matches whole types, or prefixes with a star") {
    struct Row {
        Patterns patterns;
        std::string type;
        bool matches;
    };
    const auto row = GENERATE(values<Row>({
        {{}, "task.created", true},
        {{}, "", true},
        {{"*"}, "task.created", true},
        {{"*"}, "", true},
        {{"task.created"}, "task.created", true},
        {{"task.created"}, "task.created2", false},
        {{"task.created"}, "task.create", false},
        {{"task.created"}, "Task.Created", false},
        {{"task.*"}, "task.created", true},
        {{"task.*"}, "task.", true},
        {{"task.*"}, "task", false},
        {{"task.*"}, "tasks.created", false},
        {{"ta*"}, "task.created", true},
        {{"series.*", "task.created"}, "task.created", true},
        {{"series.*", "task.created"}, "series.ended", true},
        {{"series.*", "task.created"}, "task.deleted", false},
        {{"task.created"}, "", false},
        {{"task.?reated"}, "task.created", false},
    }));
    CAPTURE(row.patterns, row.type);
    CHECK(TopicFilter::make(row.patterns).value().matches(row.type) == row.matches);
}

TEST_CASE("a pattern that is no type and no prefix is refused on types") {
    const auto pattern = GENERATE(values<std::string>({
        "",
        "**",
        "*.created",
        "task.*.x",
        "task*created",
        "a\0b"s,
        "task.\n",
        "\x1b[31m",
        "\xff",
        std::string(256, 'a'),
        std::string(255, 'a') + "*",
    }));
    CAPTURE(pattern);
    const auto filter = TopicFilter::make({"task.*", pattern});
    REQUIRE_FALSE(filter);
    CHECK(filter.error().field == "types");
}

TEST_CASE("32 patterns of 255 bytes are accepted, one more is not") {
    CHECK(TopicFilter::make(Patterns(32, std::string(254, 'a') + "*")));
    CHECK_FALSE(TopicFilter::make(Patterns(33, "task.*")));
}

TEST_CASE("what a filter matches, its subscriptions let through") {
    for (const Patterns& patterns :
         {Patterns{}, Patterns{"*"}, Patterns{"task.*"}, Patterns{"task.created", "series.*"}}) {
        const auto filter = TopicFilter::make(patterns).value();
        const auto prefixes = filter.prefixes();
        REQUIRE_FALSE(prefixes.empty());
        for (const auto& type : event_types()) {
            if (!filter.matches(type)) continue;
            CAPTURE(patterns, type);
            CHECK(std::any_of(prefixes.begin(), prefixes.end(), [&](const std::string& prefix) {
                return type.rfind(prefix, 0) == 0;
            }));
        }
    }
    CHECK(TopicFilter().prefixes() == Patterns{""});
    CHECK(TopicFilter::make({"task.*", "x"}).value().prefixes() == Patterns{"task.", "x"});
}

TEST_CASE("every type of event is a pattern that matches itself only") {
    for (const auto& type : event_types()) {
        const auto filter = TopicFilter::make({type}).value();
        for (const auto& other : event_types()) CHECK(filter.matches(other) == (other == type));
    }
}

TEST_CASE("reading a filter survives any bytes, with a message of bounded size") {
    for (const auto& input : test::hostile_inputs("task.cre\xc3\xa4ted*")) {
        const auto filter = TopicFilter::make({input});
        if (filter) {
            static_cast<void>(filter->matches(input));
        } else {
            CHECK(filter.error().message.size() < 500);
            if (is_utf8(input)) CHECK(is_utf8(filter.error().message));
        }
    }
}

}  // namespace
}  // namespace taskd::core
