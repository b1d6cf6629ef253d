// SPDX-License-Identifier: Apache-2.0
// The types in taskd-events(7) are those of the code; tests/e2e/test_manuals.py compares the
// examples with what a daemon writes.
#include "core/event.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

namespace taskd::core {
namespace {

std::string page() {
    std::ifstream file(TASKD_TEST_DATA "/../../man/taskd-events.7");
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("the manual has a section and an example for every type of event") {
    const std::string text = page();
    REQUIRE_FALSE(text.empty());
    for (const auto& type : event_types()) {
        INFO(
            "man/taskd-events.7 lacks a section or an example; tests/e2e/event_examples.py says "
            "how to add them");
        CAPTURE(type);
        CHECK(text.find("\n.SS " + type + "\n") != std::string::npos);
        CHECK(text.find("\n.\\\" example: " + type + "\n") != std::string::npos);
        CHECK(std::ifstream(TASKD_TEST_DATA "/events/" + type + ".json").is_open());
    }
}

TEST_CASE("the manual names no type of event that the code has not") {
    const std::string text = page();
    const std::string heading = "\n.SS ";
    std::size_t seen = 0;
    for (auto at = text.find(heading); at != std::string::npos; at = text.find(heading, at + 1)) {
        const auto begin = at + heading.size();
        const std::string type = text.substr(begin, text.find('\n', begin) - begin);
        if (type.find('.') == std::string::npos) continue;  // a heading in words
        CAPTURE(type);
        const auto& types = event_types();
        CHECK(std::find(types.begin(), types.end(), type) != types.end());
        ++seen;
    }
    CHECK(seen == event_types().size());
}

}  // namespace
}  // namespace taskd::core
