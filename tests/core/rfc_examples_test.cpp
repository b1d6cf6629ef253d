// SPDX-License-Identifier: Apache-2.0
// The examples that the RFCs print: tests/data/recurrence, whose layout rfc5545.txt describes.
#include "core/recurrence_text.h"
#include "core/rfc3339.h"
#include "core/text.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <fstream>
#include <string>
#include <vector>

namespace taskd::core {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::local_days;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::year;

struct Example {
    std::string dtstart;
    std::string tzid;
    std::vector<std::string> lines;
    std::vector<std::string> slots;  ///< the words behind "="
    bool goes_on = false;
};

std::vector<Example> examples(const std::string& name) {
    std::ifstream file(TASKD_TEST_DATA "/recurrence/" + name);
    REQUIRE(file);
    std::vector<Example> found;
    bool begun = false;
    for (std::string line; std::getline(file, line);) {
        if (!line.empty() && line[0] == '#') continue;
        auto words = words_of(line);
        if (words.empty()) {
            begun = false;
        } else if (!begun) {
            begun = true;
            found.push_back({words.at(0), words.at(1) == "-" ? "" : words.at(1), {}, {}, false});
        } else if (words[0] != "=") {
            found.back().lines.push_back(line);
        } else {
            found.back().goes_on = words.back() == "...";
            words.resize(words.size() - (found.back().goes_on ? 1 : 0));
            found.back().slots.insert(found.back().slots.end(), words.begin() + 1, words.end());
        }
    }
    return found;
}

std::vector<std::string> expected_slots(const Example& example, seconds time_of_day) {
    std::vector<std::string> found;
    const auto add = [&](LocalTime time) { found.push_back(format_local(time)); };
    int in_year = 0;
    local_days day{};
    for (std::size_t index = 0; index < example.slots.size(); ++index) {
        const auto& word = example.slots[index];
        const auto slash = word.find('/');
        const auto colon = word.find(':');
        if (colon != std::string::npos) {
            add(day + hours{std::stoi(word)} + minutes{std::stoi(word.substr(colon + 1))});
        } else if (slash == std::string::npos) {
            in_year = std::stoi(word);
        } else {
            const auto dash = word.find('-');
            const int from = std::stoi(word.substr(slash + 1));
            const int to = dash == std::string::npos ? from : std::stoi(word.substr(dash + 1));
            const bool timed = index + 1 < example.slots.size() &&
                               example.slots[index + 1].find(':') != std::string::npos;
            for (int number = from; number <= to; ++number) {
                day = local_days{year{in_year} / std::stoi(word) / number};
                if (!timed) add(LocalTime{day} + time_of_day);
            }
        }
    }
    return found;
}

void check_file(const std::string& name, std::size_t count) {
    const auto all = examples(name);
    CHECK(all.size() == count);
    for (const auto& example : all) {
        CAPTURE(example.dtstart, join(example.lines, "\n"));
        const auto spec = parse_recurrence(example.dtstart, example.tzid, example.lines);
        REQUIRE(spec);
        const auto slots = Recurrence::make(*spec);
        REQUIRE(slots);
        const auto expected = expected_slots(example, spec->dtstart - floor<days>(spec->dtstart));
        std::vector<std::string> found;
        bool more = false;
        for (const auto& slot : slots->all()) {
            more = found.size() == expected.size();
            if (more) break;
            found.push_back(format_local(slot.id.local));
        }
        CHECK(join(found, " ") == join(expected, " "));
        CHECK(more == example.goes_on);
    }
}

TEST_CASE("every example of RFC 5545 section 3.8.5.3 gives its printed result") {
    check_file("rfc5545.txt", 43);
}

TEST_CASE("the Gregorian examples of RFC 7529 give their printed results") {
    check_file("rfc7529.txt", 5);
}

}  // namespace
}  // namespace taskd::core
