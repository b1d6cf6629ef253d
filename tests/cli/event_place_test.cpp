// SPDX-License-Identifier: Apache-2.0
#include "cli/event_place.h"

#include "cli/cursor_file.h"
#include "core/rfc3339.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace taskd::cli {
namespace {

const core::Timestamp now = *core::parse_utc("2026-11-24T09:30:00Z");  // 10:30 in Berlin
const core::TimeZone berlin = *core::TimeZone::load("Europe/Berlin");

std::string place(const std::string& words, PlaceOf which) {
    const auto found = event_place("since", words, which, now, berlin);
    if (!found) return "refused";
    return found->number ? std::to_string(*found->number) : core::format_utc(*found->time);
}

TEST_CASE("a place in the log is a number or a time that has passed") {
    struct Row {
        std::string words;
        std::string begin;
        std::string end;
    };
    const auto row = GENERATE(values<Row>({
        {"0", "0", "0"},
        {"42", "42", "42"},
        {" 42 ", "42", "42"},
        {"2h", "2026-11-24T07:30:00.000Z", "2026-11-24T07:30:00.000Z"},
        {"2h ago", "2026-11-24T07:30:00.000Z", "2026-11-24T07:30:00.000Z"},
        {"1 day ago", "2026-11-23T09:30:00.000Z", "2026-11-23T09:30:00.000Z"},
        {"yesterday", "2026-11-22T23:00:00.000Z", "2026-11-22T23:00:00.000Z"},
        {"yesterday 9am", "2026-11-23T08:00:00.000Z", "2026-11-23T08:00:00.000Z"},
        {"2026-11-01 09:00", "2026-11-01T08:00:00.000Z", "2026-11-01T08:00:00.000Z"},
        {"2026-11-24T08:00:00Z", "2026-11-24T08:00:00.000Z", "2026-11-24T08:00:00.000Z"},
        {"9:00", "2026-11-24T08:00:00.000Z", "2026-11-24T08:00:00.000Z"},
        {"17:00", "2026-11-23T16:00:00.000Z", "2026-11-24T16:00:00.000Z"},
        {"tomorrow 9am", "refused", "2026-11-25T08:00:00.000Z"},
        {"in 2 hours", "refused", "2026-11-24T11:30:00.000Z"},
        {"99999999999999999999", "refused", "refused"},
        {"-1", "refused", "refused"},
        {"", "refused", "refused"},
        {"whenever", "refused", "refused"},
    }));
    CAPTURE(row.words);
    CHECK(place(row.words, PlaceOf::begin) == row.begin);
    CHECK(place(row.words, PlaceOf::end) == row.end);
}

TEST_CASE("a consumer's place has words of its own") {
    const auto words = [](const std::string& text) {
        return consumer_place("from", text, now, berlin).value_or("refused");
    };
    CHECK(words("now") == "now");
    CHECK(words("Oldest") == "oldest");
    CHECK(words("17") == "17");
    CHECK(words("2h ago") == "2026-11-24T07:30:00.000Z");
    CHECK(words("latest") == "refused");
    CHECK(consumer_place("from", "latest", now, berlin).error().hint.find("oldest") !=
          std::string::npos);
}

TEST_CASE("a cursor file holds one number, and nothing else is taken for one") {
    std::string directory = "/tmp/taskctl-cursor-XXXXXX";
    REQUIRE(mkdtemp(directory.data()) != nullptr);
    const std::string path = directory + "/cursor";
    const CursorFile file(path);
    CHECK_FALSE(file.read().value());
    REQUIRE(file.write(17));
    CHECK(file.read().value() == 17);
    REQUIRE(file.write(18));
    CHECK(file.read().value() == 18);
    struct stat status {};
    REQUIRE(stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0600);
    for (const std::string text : {"", "\n", "x", "-1", "1 2", "1.5", "99999999999999999999",
                                   "12345678901234567890123456789012345678901234567890123456789012"
                                   "345678901234567890"}) {
        CAPTURE(text);
        std::ofstream(path) << text;
        CHECK(file.read().error().reason == core::Reason::invalid_argument);
    }
    CHECK_FALSE(CursorFile(directory).read());
    CHECK_FALSE(CursorFile(directory + "/no/such").write(1));
    unlink(path.c_str());
    rmdir(directory.c_str());
}

}  // namespace
}  // namespace taskd::cli
