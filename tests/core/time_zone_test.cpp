// SPDX-License-Identifier: Apache-2.0
#include "core/time_zone.h"

#include "core/calendar_time.h"
#include "core/rfc3339.h"
#include "core/text.h"
#include "tests/support/hostile.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace taskd::core {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

LocalTime local(const std::string& text) {
    return parse_local(text).value();
}
Timestamp utc(const std::string& text) {
    return parse_utc(text).value();
}

TEST_CASE("a local time becomes an instant, also where it doesn't exist or exists twice") {
    struct Row {
        std::string zone;
        std::string local;
        std::string utc;
        LocalKind kind;
    };
    const auto row = GENERATE(values<Row>({
        {"UTC", "2026-11-24T09:30:00", "2026-11-24T09:30:00Z", LocalKind::unique},
        {"Europe/Berlin", "2026-11-24T09:30:00", "2026-11-24T08:30:00Z", LocalKind::unique},
        {"Europe/Berlin", "2026-07-24T09:30:00", "2026-07-24T07:30:00Z", LocalKind::unique},
        {"Asia/Kathmandu", "2026-11-24T09:30:00", "2026-11-24T03:45:00Z", LocalKind::unique},
        // The gap 02:00-03:00: read with the offset before it, so later by the gap.
        {"Europe/Berlin", "2027-03-28T01:59:59", "2027-03-28T00:59:59Z", LocalKind::unique},
        {"Europe/Berlin", "2027-03-28T02:00:00", "2027-03-28T01:00:00Z", LocalKind::skipped},
        {"Europe/Berlin", "2027-03-28T02:30:00", "2027-03-28T01:30:00Z", LocalKind::skipped},
        {"Europe/Berlin", "2027-03-28T02:59:59", "2027-03-28T01:59:59Z", LocalKind::skipped},
        {"Europe/Berlin", "2027-03-28T03:00:00", "2027-03-28T01:00:00Z", LocalKind::unique},
        // The repeated hour 02:00-03:00: its first pass.
        {"Europe/Berlin", "2026-10-25T02:00:00", "2026-10-25T00:00:00Z", LocalKind::repeated},
        {"Europe/Berlin", "2026-10-25T02:30:00", "2026-10-25T00:30:00Z", LocalKind::repeated},
        {"Europe/Berlin", "2026-10-25T03:00:00", "2026-10-25T02:00:00Z", LocalKind::unique},
        {"America/New_York", "2026-11-01T01:30:00", "2026-11-01T05:30:00Z", LocalKind::repeated},
        // Half an hour only, at midnight, and a whole day.
        {"Australia/Lord_Howe", "2026-10-04T02:15:00", "2026-10-03T15:45:00Z", LocalKind::skipped},
        {"America/Havana", "2020-03-08T00:30:00", "2020-03-08T05:30:00Z", LocalKind::skipped},
        {"Pacific/Apia", "2011-12-30T09:00:00", "2011-12-30T19:00:00Z", LocalKind::skipped},
    }));
    CAPTURE(row.zone, row.local);
    const auto zone = TimeZone::load(row.zone);
    REQUIRE(zone);
    const auto resolved = zone->to_utc(local(row.local));
    CHECK(format_utc(resolved.at) == format_utc(utc(row.utc)));
    CHECK(resolved.kind == row.kind);
}

TEST_CASE("an instant becomes the wall clock of its zone") {
    const auto berlin = TimeZone::load("Europe/Berlin").value();
    CHECK(format_local(berlin.to_local(utc("2027-03-28T00:59:59.999Z"))) == "2027-03-28T01:59:59");
    CHECK(format_local(berlin.to_local(utc("2027-03-28T01:00:00Z"))) == "2027-03-28T03:00:00");
    CHECK(format_local(berlin.to_local(utc("2026-10-25T00:30:00Z"))) == "2026-10-25T02:30:00");
    CHECK(format_local(berlin.to_local(utc("2026-10-25T01:30:00Z"))) == "2026-10-25T02:30:00");
    CHECK(format_local(TimeZone::utc().to_local(utc("1969-12-31T23:59:59.999Z"))) ==
          "1969-12-31T23:59:59");
    CHECK(berlin.utc_offset(utc("2026-07-01T00:00:00Z")) == 2h);
    CHECK(berlin.utc_offset(utc("2026-12-01T00:00:00Z")) == 1h);
    CHECK(TimeZone::utc().utc_offset(utc("2026-12-01T00:00:00Z")) == 0s);
}

TEST_CASE("times far away keep their rule and don't overflow") {
    const auto berlin = TimeZone::load("Europe/Berlin").value();
    CHECK(format_utc(berlin.to_utc(local("9999-07-01T12:00:00")).at) == "9999-07-01T10:00:00.000Z");
    CHECK(format_utc(berlin.to_utc(local("9999-12-31T23:59:59")).at) == "9999-12-31T22:59:59.000Z");
    CHECK(berlin.to_local(berlin.to_utc(local("0001-01-02T00:00:00")).at) ==
          local("0001-01-02T00:00:00"));
}

TEST_CASE("a calendar time shows the wall clock at which it happens") {
    const auto berlin = TimeZone::load("Europe/Berlin").value();
    CHECK(format(calendar_time(local("2026-11-24T09:30"), false, berlin)) ==
          "2026-11-24T09:30:00+01:00");
    CHECK(format(calendar_time(local("2027-03-28T02:30"), false, berlin)) ==
          "2027-03-28T03:30:00+02:00");
    CHECK(format(calendar_time(local("2026-10-25T02:30"), false, berlin)) ==
          "2026-10-25T02:30:00+02:00");
    CHECK(format(calendar_time(local("2026-11-24"), true, berlin)) == "2026-11-24");
    CHECK(calendar_time(local("2026-11-24"), true, berlin).at == utc("2026-11-23T23:00:00Z"));
}

TEST_CASE("a zone keeps the name it was asked by") {
    for (const auto* name : {"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5",
                             "America/Port-au-Prince", "Europe/Kiev"}) {
        CAPTURE(name);
        const auto zone = TimeZone::load(name);
        REQUIRE(zone);
        CHECK(zone->name() == name);
    }
    CHECK(TimeZone::load("Etc/UTC").value().name() == "UTC");
}

TEST_CASE("what is not the name of a zone is refused on tz") {
    const auto name = GENERATE(values<std::string>({
        "",
        " ",
        "Berlin",
        "europe/berlin",
        "Europe/Berln",
        "Europe",
        "Europe/",
        "/Europe/Berlin",
        "Europe//Berlin",
        "Europe/../Europe/Berlin",
        "../../../etc/passwd",
        "/etc/localtime",
        "zone.tab",
        "tzdata.zi",
        "leapseconds",
        "Europe/Berlin\0"s,
        "Europe/Berlin\0.txt"s,
        "Fixed/UTC+01:00:00",
        "libc:localtime",
        ":Europe/Berlin",
        "Europe/Berlin ",
        "CEST",
        "+01:00",
    }));
    CAPTURE(name);
    const auto zone = TimeZone::load(name);
    REQUIRE_FALSE(zone);
    CHECK(zone.error().reason == Reason::invalid_argument);
    CHECK(zone.error().field == "tz");
    CHECK_FALSE(zone.error().hint.empty());
}

TEST_CASE("the segments of a zone lie side by side, and there and back is the same instant") {
    const std::string name = GENERATE("Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
                                      "Africa/Casablanca", "Pacific/Apia", "Asia/Tokyo");
    CAPTURE(name);
    const auto zone = TimeZone::load(name).value();
    constexpr std::int64_t year = 365 * 86'400;
    int segments = 0;
    for (std::int64_t at = -200 * year; at < 700 * year; ++segments) {
        const auto segment = zone.segment_at(at);
        REQUIRE(segment.begin <= at);
        REQUIRE(segment.end > at);
        for (const std::int64_t instant : {segment.begin, segment.begin + 7200, segment.end - 1}) {
            if (instant < -300 * year || instant > 800 * year) continue;
            const Timestamp time{std::chrono::seconds{instant}};
            const auto shown = zone.to_local(time);
            const auto back = zone.to_utc(shown);
            // Of a repeated hour the first pass is what its local time means.
            if (back.kind != LocalKind::repeated) REQUIRE(back.at == time);
            REQUIRE(zone.utc_offset(time).count() == segment.offset);
        }
        if (segment.end > 800 * year) break;
        const auto next = zone.segment_at(segment.end);
        REQUIRE(next.begin == segment.end);
        REQUIRE(next.local_begin == segment.local_end);
        REQUIRE(next.local_begin == segment.end + std::max(segment.offset, next.offset));
        at = segment.end;
    }
    CHECK(segments >= 3);
}

TEST_CASE("daylight saving time goes on for ever where the zone's rule does") {
    const auto berlin = TimeZone::load("Europe/Berlin").value();
    for (const auto* year : {"2037", "2038", "2436", "2437", "2838", "9999"}) {
        CAPTURE(year);
        CHECK(berlin.utc_offset(utc(year + "-07-01T12:00:00Z"s)) == 2h);
        CHECK(berlin.utc_offset(utc(year + "-12-01T12:00:00Z"s)) == 1h);
        CHECK(berlin.to_utc(local(year + "-07-01T12:00:00"s)).at ==
              utc(year + "-07-01T10:00:00Z"s));
    }
}

TEST_CASE("a zone whose file has changed is another one after reload, and only then") {
    test::TempDir directory;
    std::filesystem::create_directory(directory.path() + "/Test");
    const std::string file = directory.path() + "/Test/Town";
    const auto put = [&](const std::string& zone) {
        std::filesystem::remove(file);
        std::filesystem::copy_file("/usr/share/zoneinfo/" + zone, file);
    };
    ::setenv("TZDIR", directory.path().c_str(), 1);
    const auto noon = utc("2026-12-01T12:00:00Z");
    put("Asia/Tokyo");
    const auto before = TimeZone::load("Test/Town").value();
    CHECK(before.utc_offset(noon) == 9h);
    put("America/New_York");
    CHECK(TimeZone::load("Test/Town").value().utc_offset(noon) == 9h);
    TimeZone::reload();
    CHECK(TimeZone::load("Test/Town").value().utc_offset(noon) == -5h);
    CHECK(before.utc_offset(noon) == 9h);  // who holds it keeps what they had
    std::filesystem::remove(file);
    TimeZone::reload();
    CHECK_FALSE(TimeZone::load("Test/Town"));
    ::unsetenv("TZDIR");
    TimeZone::reload();
    CHECK(TimeZone::load("Europe/Berlin"));
    CHECK_FALSE(TimeZone::tzdata_version().empty());
}

TEST_CASE("names that mean another clock or another file are not zones") {
    // right/ counts leap seconds, which no other time here does; localtime changes with the host.
    CHECK_FALSE(TimeZone::load("right/Europe/Berlin"));
    CHECK_FALSE(TimeZone::load("localtime"));
}

TEST_CASE("loading a zone survives any bytes, with a message of bounded size") {
    for (const auto& input : test::hostile_inputs("Europe/Berlin")) {
        const auto zone = TimeZone::load(input);
        if (zone) continue;
        CHECK(zone.error().message.size() < 500);
        if (is_utf8(input)) CHECK(is_utf8(zone.error().message));
    }
}

}  // namespace
}  // namespace taskd::core
