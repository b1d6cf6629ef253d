// SPDX-License-Identifier: Apache-2.0
#include "core/event_filter.h"

#include <catch2/catch.hpp>

#include <map>

using namespace taskd::core;

namespace {

std::optional<Scalar> field(std::string_view path) {
    static const std::map<std::string_view, Scalar> fields{{"payload.priority", 5.0},
                                                           {"payload.tag", std::string("work")},
                                                           {"payload.open", true},
                                                           {"payload.note", std::monostate{}},
                                                           {"payload.code", std::string("10")}};
    const auto found = fields.find(path);
    if (found == fields.end()) return {};
    return found->second;
}

}  // namespace

TEST_CASE("a comparison with a field of the data holds or does not") {
    struct Row {
        const char* text;
        bool holds;
    };
    const auto row = GENERATE(values<Row>({
        {"payload.priority=5", true},
        {"payload.priority==5.0", true},
        {"payload.priority!=5", false},
        {"payload.priority>=5", true},
        {"payload.priority>5", false},
        {"payload.priority<10", true},
        {"payload.priority <= 4", false},
        {"payload.priority=five", false},
        {"payload.priority!=five", true},
        {"payload.priority<five", false},
        {"payload.priority=nan", false},
        {"payload.tag=work", true},
        {"payload.tag=wor", false},
        {"payload.tag<x", true},
        {"payload.tag>x", false},
        {"payload.open=true", true},
        {"payload.open=1", false},
        {"payload.open!=false", true},
        {"payload.note", false},
        {"!payload.note", true},
        {"payload.tag", true},
        {"!payload.tag", false},
        {"payload.note=null", true},
        {"payload.absent=1", false},
        {"payload.absent!=1", true},
        {"payload.absent<1", false},
        {"!payload.absent", true},
        {"payload.code=10", true},
        {"payload.code=10.0", false},
        {"payload.tag=", false},
        {"payload.tag=a=b", false},
    }));
    CAPTURE(row.text);
    const auto condition = Condition::parse(row.text);
    REQUIRE(condition.has_value());
    CHECK(condition->holds(field) == row.holds);
}

TEST_CASE("a comparison that can't be read is refused") {
    const std::string long_text(256, 'x');
    for (const std::string& text :
         {std::string(), std::string("=5"), std::string("!"), std::string("  "), long_text,
          std::string("a\nb"), std::string("a!5"), std::string("!a=5")}) {
        CAPTURE(text);
        const auto condition = Condition::parse(text);
        REQUIRE_FALSE(condition.has_value());
        CHECK(condition.error().field == "where");
    }
}

TEST_CASE("a filter takes what all of its parts agree with") {
    EventFilter::Words words;
    CHECK(EventFilter::make(words)->matches("a", "b", "", field));
    words.types = {"task.*", "build.done"};
    words.sources = {"/ci/*"};
    words.subjects = {"7"};
    words.where = {"payload.priority>3", "payload.tag=work"};
    const auto filter = EventFilter::make(words);
    CHECK(filter->matches("task.created", "/ci/x", "7", field));
    CHECK_FALSE(filter->matches("tasks", "/ci/x", "7", field));
    CHECK_FALSE(filter->matches("task.created", "/cd/x", "7", field));
    CHECK_FALSE(filter->matches("task.created", "/ci/x", "8", field));
    words.where.emplace_back("payload.absent");
    CHECK_FALSE(EventFilter::make(words)->matches("task.created", "/ci/x", "7", field));

    CHECK(EventFilter::make({{"a*b"}, {}, {}, {}}).error().field == "types");
    CHECK(EventFilter::make({{}, {""}, {}, {}}).error().field == "sources");
    CHECK(EventFilter::make({{}, {}, {"a\n"}, {}}).error().field == "subjects");
    CHECK(EventFilter::make({{}, {}, {}, std::vector<std::string>(33, "a")}).error().field ==
          "where");
}
