// SPDX-License-Identifier: Apache-2.0
// Calendar events of systemd: our search gives what systemd gives, and our rules come when it
// would.
#include "cli/calendar_event.h"

#include "cli/importer.h"
#include "core/rfc3339.h"
#include "core/text.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>

using namespace taskd;
using cli::calendar_times;
using cli::parse_calendar_event;
using cli::rules_of;

namespace {

using Texts = std::vector<std::string>;

core::Timestamp utc(const std::string& text) {
    return *core::parse_utc(text);
}

/// The lines of a file of data that begin with `mark`, without it.
Texts lines_of(const std::string& name, const std::string& mark) {
    std::ifstream file(std::string(TASKD_TEST_DATA) + "/" + name);
    Texts found;
    for (std::string line; std::getline(file, line);) {
        const bool is_marked = !line.empty() && line.front() == '#';
        if (!line.empty() && (mark.empty() ? !is_marked : line.rfind(mark, 0) == 0))
            found.push_back(line.substr(mark.size()));
    }
    return found;
}

core::TimeZone zone_of(const cli::CalendarEvent& event, const std::string& otherwise) {
    return *core::TimeZone::load(event.tzid.empty() ? otherwise : event.tzid);
}

Texts times(const std::string& text, const char* from, const char* zone, std::size_t count) {
    const auto event = parse_calendar_event(text);
    REQUIRE(event);
    Texts found;
    for (const auto at : calendar_times(*event, utc(from), zone_of(*event, zone), count))
        found.push_back(core::format_utc(at).substr(0, 19) + "Z");
    return found;
}

std::vector<core::Timestamp> ours(const cli::CalendarEvent& event, core::Timestamp now,
                                  const core::TimeZone& zone, std::size_t count) {
    std::vector<core::Timestamp> all;
    const auto rules = rules_of(event, now, zone);
    REQUIRE(rules);
    for (const auto& rule : *rules) {
        CAPTURE(rule.every, rule.at);
        const auto made = cli::our_times(rule, now, zone, count);
        REQUIRE(made);
        all.insert(all.end(), made->times.begin(), made->times.end());
    }
    // systemd's years end there.
    std::erase_if(all, [](core::Timestamp at) { return at >= utc("2200-01-01T00:00:00Z"); });
    std::sort(all.begin(), all.end());
    if (all.size() > count) all.resize(count);
    return all;
}

}  // namespace

TEST_CASE("calendar events: the next times are those that systemd gives") {
    const auto recorded = lines_of("calendar_times.txt", "");
    CHECK(recorded.size() >= 600);
    for (const auto& line : recorded) {
        CAPTURE(line);
        const auto parts = core::split(line, '|');
        REQUIRE(parts.size() == 4);
        CHECK(core::join(times(parts[2], parts[1].c_str(), parts[0].c_str(), 3), " ") == parts[3]);
    }
}

TEST_CASE("calendar events: our rules come at the same times where no clock changes") {
    const auto taken = lines_of("calendar_events.txt", "");
    CHECK(taken.size() >= 60);
    const auto zone = core::TimeZone::utc();
    constexpr std::size_t count = 8;
    for (const auto& text : taken)
        for (const char* from : {"2026-11-28T08:00:00Z", "2026-12-31T23:59:30Z"}) {
            CAPTURE(text, from);
            auto event = parse_calendar_event(text);
            REQUIRE(event);
            event->tzid.clear();
            CHECK(ours(*event, utc(from), zone, count) ==
                  calendar_times(*event, utc(from), zone, count));
        }
}

TEST_CASE("calendar events: what is none is refused") {
    const auto refused = lines_of("calendar_events.txt", "#! ");
    CHECK(refused.size() >= 30);
    for (const auto& text : refused) {
        CAPTURE(text);
        CHECK_FALSE(parse_calendar_event(text));
    }
    for (const auto& text : Texts{"", " ", "\t", "Mon\t9:00", std::string(5000, '*'),
                                  "99999999999:0", "0/99999999999:0", "-1:0", "*-1-", "Mon Mon"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_calendar_event(text));
    }
    CHECK(parse_calendar_event("25:00").error().message.find("0 to 23") != std::string::npos);
}

TEST_CASE("calendar events: where the clock changes") {
    // Berlin, 2027-03-28: 2:00 to 3:00 is skipped, and so is what falls there.
    CHECK(times("02:30", "2027-03-27T12:00:00Z", "Europe/Berlin", 1) ==
          Texts{"2027-03-29T00:30:00Z"});
    // 2026-10-25: 2:00 to 3:00 comes twice; of the second pass there is nothing ..
    CHECK(times("*:0/30", "2026-10-24T23:45:00Z", "Europe/Berlin", 3) ==
          Texts{"2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z"});
    // .. but for a search that begins in it.
    CHECK(times("*:0/30", "2026-10-25T01:10:00Z", "Europe/Berlin", 2) ==
          Texts{"2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"});
}

TEST_CASE("calendar events: what never comes ends the search, and is no rule") {
    for (const char* text : {"*-02-30", "Mon 2096-02-29", "2020-01-01", "*-04,06-31", "1999-*-*"}) {
        CAPTURE(text);
        const auto event = parse_calendar_event(text);
        REQUIRE(event);
        const auto now = utc("2026-11-28T08:00:00Z");
        CHECK(calendar_times(*event, now, core::TimeZone::utc(), 3).empty());
        CHECK_FALSE(rules_of(*event, now, core::TimeZone::utc()));
        CHECK(
            calendar_times(*event, utc("2500-01-01T00:00:00Z"), core::TimeZone::utc(), 3).empty());
    }
    CHECK(times("2199-12-31 23:59:59", "2026-11-28T08:00:00Z", "UTC", 3).size() == 1);
    CHECK(times("daily", "2199-12-30T08:00:00Z", "UTC", 3).size() == 1);
}

TEST_CASE("calendar events: years are stretches or even steps") {
    const auto now = utc("2026-11-28T08:00:00Z");
    const auto count = [&](const char* text) {
        const auto rules = rules_of(*parse_calendar_event(text), now, core::TimeZone::utc());
        return rules ? rules->size() : 0;
    };
    CHECK(count("daily") == 1);
    CHECK(count("2020..2040-*-*") == 1);
    CHECK(count("2027,2029,2031-06-01") == 3);
    CHECK(count("2027/3-06-01") == 1);
    CHECK(count("2027,2029,2032,2036,2041-06-01") == 0);
}
