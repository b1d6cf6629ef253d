// SPDX-License-Identifier: Apache-2.0
#include "core/when.h"

#include "core/rfc3339.h"
#include "core/text.h"
#include "tests/support/hostile.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace taskd::core {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using std::chrono::days;
using std::chrono::seconds;

LocalTime local(const std::string& text) {
    return parse_local(text).value();
}
Timestamp utc(const std::string& text) {
    return parse_utc(text).value();
}
TimeZone berlin() {
    return TimeZone::load("Europe/Berlin").value();
}

// Tuesday, ten in the morning in Berlin.
const Timestamp tuesday = utc("2026-11-24T09:00:00Z");

TEST_CASE("times in words become times on the wall clock") {
    struct Row {
        std::string words;
        std::string time;  // as format(CalendarTime) writes it
        bool bare = false;
    };
    const auto row = GENERATE(values<Row>({
        // A time of day alone: the next time that the clock shows it.
        {"10:01", "2026-11-24T10:01:00+01:00", true},
        {"10:00", "2026-11-25T10:00:00+01:00", true},
        {"9:30", "2026-11-25T09:30:00+01:00", true},
        {"09:30:15", "2026-11-25T09:30:15+01:00", true},
        {"23:59", "2026-11-24T23:59:00+01:00", true},
        {"0:00", "2026-11-25T00:00:00+01:00", true},
        {"9am", "2026-11-25T09:00:00+01:00", true},
        {"5pm", "2026-11-24T17:00:00+01:00", true},
        {"5:30pm", "2026-11-24T17:30:00+01:00", true},
        {"5 PM", "2026-11-24T17:00:00+01:00", true},
        {"12am", "2026-11-25T00:00:00+01:00", true},
        {"12pm", "2026-11-24T12:00:00+01:00", true},
        {"at 17:00", "2026-11-24T17:00:00+01:00", true},
        {"  17:00\t", "2026-11-24T17:00:00+01:00", true},
        // Days.
        {"today", "2026-11-24"},
        {"tomorrow", "2026-11-25"},
        {"Tomorrow 9am", "2026-11-25T09:00:00+01:00"},
        {"tomorrow at 9am", "2026-11-25T09:00:00+01:00"},
        {"tomorrow at 9 am", "2026-11-25T09:00:00+01:00"},
        {"today 9:30", "2026-11-24T09:30:00+01:00"},
        {"today 18:00", "2026-11-24T18:00:00+01:00"},
        {"fri", "2026-11-27"},
        {"friday", "2026-11-27"},
        {"fri 17:30", "2026-11-27T17:30:00+01:00"},
        {"mon", "2026-11-30"},
        {"SUNDAY at 8:00", "2026-11-29T08:00:00+01:00"},
        {"thurs 8:00", "2026-11-26T08:00:00+01:00"},
        {"tue", "2026-12-01"},
        {"tues 10:01", "2026-11-24T10:01:00+01:00"},
        {"tue 10:00", "2026-12-01T10:00:00+01:00"},
        {"tue 9:00", "2026-12-01T09:00:00+01:00"},
        {"next fri", "2026-11-27"},
        {"2026-12-31 9am", "2026-12-31T09:00:00+01:00"},
        {"2026-12-31 9:30", "2026-12-31T09:30:00+01:00"},
        {"next tuesday", "2026-12-01"},
        {"next tue 17:00", "2026-12-01T17:00:00+01:00"},
        // Spans.
        {"now", "2026-11-24T10:00:00+01:00"},
        {"in 20 minutes", "2026-11-24T10:20:00+01:00"},
        {"in 20m", "2026-11-24T10:20:00+01:00"},
        {"in 1h30m", "2026-11-24T11:30:00+01:00"},
        {"in 1 hour 30 min", "2026-11-24T11:30:00+01:00"},
        {"in 90 seconds", "2026-11-24T10:01:30+01:00"},
        {"in 2 days", "2026-11-26T10:00:00+01:00"},
        {"In 1 Week", "2026-12-01T10:00:00+01:00"},
        {"in 0", "2026-11-24T10:00:00+01:00"},
        // Dates.
        {"2026-12-01", "2026-12-01"},
        {"2026-12-01T09:00", "2026-12-01T09:00:00+01:00"},
        {"2026-12-01 09:00", "2026-12-01T09:00:00+01:00"},
        {"2026-12-01 09:00:30", "2026-12-01T09:00:30+01:00"},
        {"2026-07-01T09:00", "2026-07-01T09:00:00+02:00"},
        {"2020-02-29", "2020-02-29"},
        {"2026-12-01T09:00Z", "2026-12-01T10:00:00+01:00"},
        {"2026-12-01T09:00:00-05:00", "2026-12-01T15:00:00+01:00"},
        // Another zone at the end.
        {"9:30 America/New_York", "2026-11-24T09:30:00-05:00", true},
        {"tomorrow 9am Asia/Tokyo", "2026-11-25T09:00:00+09:00"},
        {"2026-12-01 09:00 UTC", "2026-12-01T09:00:00+00:00"},
        {"2026-12-01 09:00 utc", "2026-12-01T09:00:00+00:00"},
        {"2026-12-01 09:00 Utc", "2026-12-01T09:00:00+00:00"},
        {"2026-12-01 Pacific/Auckland", "2026-12-01"},
        {"today Pacific/Kiritimati", "2026-11-24"},
        {"today 23:00 Pacific/Kiritimati", "2026-11-24T23:00:00+14:00"},
    }));
    CAPTURE(row.words);
    const auto when = parse_when("due", row.words, tuesday, berlin());
    if (!when) FAIL(when.error().message);
    CHECK(format(when->time) == row.time);
    CHECK(when->bare_time == row.bare);
    CHECK_FALSE(when->moved_by_gap);
}

TEST_CASE("days in words") {
    struct Row {
        std::string words;
        std::string time;
        bool bare = false;
    };
    const auto row = GENERATE(values<Row>({
        {"yesterday", "2026-11-23"},
        {"yesterday 9am", "2026-11-23T09:00:00+01:00"},
        {"day after tomorrow", "2026-11-26"},
        {"the day after tomorrow at noon", "2026-11-26T12:00:00+01:00"},
        {"noon", "2026-11-24T12:00:00+01:00", true},
        {"midnight", "2026-11-25T00:00:00+01:00", true},
        {"eod", "2026-11-24T17:00:00+01:00", true},
        {"tomorrow eod", "2026-11-25T17:00:00+01:00"},
        {"tonight", "2026-11-24T20:00:00+01:00"},
        {"9am tomorrow", "2026-11-25T09:00:00+01:00"},
        {"18:30 on friday", "2026-11-27T18:30:00+01:00"},
        {"this fri", "2026-11-27"},
        {"on friday", "2026-11-27"},
        {"mon in 2 weeks", "2026-12-07"},
        {"fri in 2 weeks at 9:00", "2026-12-11T09:00:00+01:00"},
        {"first monday of january", "2027-01-04"},
        {"the first monday in january at 9:00", "2027-01-04T09:00:00+01:00"},
        {"last friday of the month", "2026-11-27"},
        {"first day of the month", "2026-12-01"},
        {"last day of next month", "2026-12-31"},
        {"last workday of the month", "2026-11-30"},
        {"the 15th", "2026-12-15"},
        {"the 31st", "2026-12-31"},
        {"15th of next month", "2026-12-15"},
        {"5th saturday of february", "2048-02-29"},
        {"dec 24", "2026-12-24"},
        {"24 december", "2026-12-24"},
        {"24th of december at 18:00", "2026-12-24T18:00:00+01:00"},
        {"december 24th 2027", "2027-12-24"},
        {"24 november", "2027-11-24"},
        {"24 november 11:00", "2026-11-24T11:00:00+01:00"},
        {"29 february", "2028-02-29"},
        {"24.12.2026", "2026-12-24"},
        {"1.2.2027 9:30", "2027-02-01T09:30:00+01:00"},
        {"end of the month", "2026-11-30"},
        {"end of june", "2027-06-30"},
        {"end of the year", "2026-12-31"},
        {"in 90 minutes", "2026-11-24T11:30:00+01:00"},
        {"in an hour", "2026-11-24T11:00:00+01:00"},
        {"in a week", "2026-12-01T10:00:00+01:00"},
        {"in 3 days at 9am", "2026-11-27T09:00:00+01:00"},
        {"in 2 months", "2027-01-24T10:00:00+01:00"},
        {"in a year", "2027-11-24T10:00:00+01:00"},
        {"2026-12-31 noon", "2026-12-31T12:00:00+01:00"},
        {"2027-03-01T09:00 Asia/Tokyo", "2027-03-01T09:00:00+09:00"},
        {"first monday of january 9:00 America/New_York", "2027-01-04T09:00:00-05:00"},
    }));
    CAPTURE(row.words);
    const auto when = parse_when("due", row.words, tuesday, berlin());
    if (!when) FAIL(when.error().message);
    CHECK(format(when->time) == row.time);
    CHECK(when->bare_time == row.bare);
}

TEST_CASE("the last day of a period") {
    struct Row {
        std::string words;
        std::string time;
    };
    const auto row = GENERATE(values<Row>({
        {"june", "2027-06-30"},
        {"june 2028", "2028-06-30"},
        {"november", "2026-11-30"},
        {"2027", "2027-12-31"},
        {"2027-02", "2027-02-28"},
        {"the month", "2026-11-30"},
        {"end of june", "2027-06-30"},
        {"friday", "2026-11-27"},
        {"tomorrow 9:00", "2026-11-25T09:00:00+01:00"},
    }));
    CAPTURE(row.words);
    const auto until = parse_until("every", row.words, tuesday, berlin());
    if (!until) FAIL(until.error().message);
    CHECK(format(until->time) == row.time);
}

TEST_CASE("what has two meanings is refused, not guessed") {
    struct Row {
        std::string words;
        std::string part;
    };
    const auto row = GENERATE(values<Row>({
        {"12/24/2026", "day/month or month/day"},
        {"12/24 9:00", "day/month or month/day"},
        {"tomorrow midnight", "0:00 or 23:59"},
        {"tomorrow 9:00 banana", "\"banana\" was not understood"},
        {"30 february", "\"30 february\""},
        {"next month", "\"next month\""},
        {"the first monday", "was not understood"},
        {"in 3 days at banana", "\"at banana\""},
    }));
    CAPTURE(row.words);
    const auto when = parse_when("due", row.words, tuesday, berlin());
    REQUIRE_FALSE(when);
    CHECK_THAT(when.error().message, Catch::Contains(row.part));
    CHECK_THAT(parse_when("due", "tomorow", tuesday, berlin()).error().hint,
               Catch::Contains("tomorrow"));
    // 31 December and two months is no day.
    CHECK_FALSE(parse_when("due", "in 2 months", utc("2026-12-31T09:00:00Z"), berlin()));
}

TEST_CASE("days and weeks keep the wall clock over a change of summer time, hours don't") {
    // Berlin leaves summer time on 2026-10-25, and New York on 2026-11-01.
    const auto now = utc("2026-10-24T08:00:00Z");  // Saturday, 10:00 in Berlin
    struct Row {
        std::string words;
        std::string time;
    };
    const auto row = GENERATE(values<Row>({
        {"in 1 day", "2026-10-25T10:00:00+01:00"},
        {"in 1d", "2026-10-25T10:00:00+01:00"},
        {"in 2 days", "2026-10-26T10:00:00+01:00"},
        {"in 1 week", "2026-10-31T10:00:00+01:00"},
        {"in 2w", "2026-11-07T10:00:00+01:00"},
        {"in 1 week 1 day", "2026-11-01T10:00:00+01:00"},
        {"in 24 hours", "2026-10-25T09:00:00+01:00"},
        {"in 24h", "2026-10-25T09:00:00+01:00"},
        {"in 1 day 24 hours", "2026-10-26T09:00:00+01:00"},
        {"in 1d1h", "2026-10-25T10:00:00+01:00"},
        {"tomorrow 10:00", "2026-10-25T10:00:00+01:00"},
    }));
    CAPTURE(row.words);
    const auto when = parse_when("due", row.words, now, berlin());
    REQUIRE(when);
    CHECK(format(when->time) == row.time);
}

TEST_CASE("a time in a DST gap is moved and says so, a repeated one is the first pass") {
    const auto gap = parse_when("due", "2027-03-28 02:30", tuesday, berlin()).value();
    CHECK(gap.moved_by_gap);
    CHECK(format_local(gap.time.local) == "2027-03-28T02:30:00");
    CHECK(format(gap.time) == "2027-03-28T03:30:00+02:00");
    const auto tomorrow =
        parse_when("due", "tomorrow 2:30", utc("2027-03-27T12:00:00Z"), berlin()).value();
    CHECK(tomorrow.moved_by_gap);
    const auto twice = parse_when("due", "2026-10-25 02:30", tuesday, berlin()).value();
    CHECK_FALSE(twice.moved_by_gap);
    CHECK(twice.time.at == utc("2026-10-25T00:30:00Z"));
    // A span ends at an instant, in the second pass as in the first.
    const auto second = parse_when("due", "in 2h", utc("2026-10-24T23:30:00Z"), berlin()).value();
    CHECK(second.time.at == utc("2026-10-25T01:30:00Z"));
    CHECK(format(second.time) == "2026-10-25T02:30:00+01:00");
    // A day that begins in a gap is no matter: nobody means its midnight.
    const auto havana = TimeZone::load("America/Havana").value();
    CHECK_FALSE(parse_when("due", "2020-03-08", tuesday, havana)->moved_by_gap);
}

TEST_CASE("a bare time that passed in the first pass of a repeated hour means tomorrow") {
    const auto when = parse_when("due", "2:30", utc("2026-10-25T01:10:00Z"), berlin()).value();
    CHECK(format(when.time) == "2026-10-26T02:30:00+01:00");
}

TEST_CASE("what is no time is refused on the field that it was given for") {
    const auto words = GENERATE(values<std::string>({
        "",
        " ",
        "\t\n",
        "soon",
        "9",
        "930",
        "24:00",
        "9:60",
        "9:5",
        "9:30:60",
        "9:30:5",
        "009:30",
        "13pm",
        "0am",
        "0:30am",
        "9:30xm",
        "am",
        "pm",
        "at",
        "-9:30",
        "-0:30",
        "9:-0",
        "+9:30",
        "9:30 9:30",
        "9:30:00:00",
        "9::30",
        ":30",
        "9:",
        "tomorrow 25:00",
        "tomorrow soon",
        "tomorrow at",
        "tomorrow tomorrow",
        "today tomorrow",
        "next",
        "next week",
        "next tomorrow",
        "next next fri",
        "fr",
        "f",
        "fryday",
        "fridayy",
        "yesterday soon",
        "in",
        "in at 9:00",
        "in minutes",
        "in 5",
        "in 5 parsecs",
        "in -5 minutes",
        "in 1.5 h",
        "in 400 days",
        "in 99999999999 days",
        "2026-13-01",
        "2026-02-29",
        "2026-12-01T25:00",
        "2026-12-01T09:00 tomorrow",
        "2026-1-1",
        "12/31",
        "31.12.",
        "31.12.26",
        "32.12.2026",
        "tomorrow 9am Mars/Olympus",
        "9:30 Europe/Berln",
        "9:30 europe/berlin",
        "UTC",
        "Europe/Berlin",
        "now now",
        "9:30\0"s,
        "tomorrow\0 9am"s,
        "\xff",
        "tomorrow \xff",
        "9:30 /etc/passwd",
        "9:30 ../../etc/passwd",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T23:00 America/New_York",
    }));
    CAPTURE(words);
    const auto when = parse_when("due", words, tuesday, berlin());
    REQUIRE_FALSE(when);
    CHECK(when.error().reason == Reason::invalid_argument);
    CHECK(when.error().field == "due");
    CHECK_THAT(when.error().message, Catch::StartsWith("due: "));
}

TEST_CASE("a time is described on the clock at which it happens") {
    const auto words = [](const std::string& at) {
        return describe(calendar_time(local(at), at.size() == 10, berlin()));
    };
    CHECK(words("2026-11-25T09:30:00") == "Wed 2026-11-25 09:30");
    CHECK(words("2026-11-25T09:30:15") == "Wed 2026-11-25 09:30:15");
    CHECK(words("2026-11-29") == "Sun 2026-11-29");
    CHECK(words("2027-03-28T02:30:00") == "Sun 2027-03-28 03:30");
}

TEST_CASE("times survive any bytes, what is read can be written, and messages are bounded UTF-8") {
    const auto check_error = [](const std::string& input, const Error& error) {
        CHECK(error.reason == Reason::invalid_argument);
        CHECK(error.message.size() < 5000);
        if (is_utf8(input)) CHECK(is_utf8(error.message));
    };
    for (const auto* valid :
         {"tomorrow at 9:30 am Europe/Berlin", "next fri 17:30", "in 1h 30 minutes",
          "2026-12-01T09:00:00+01:00", "first monday of january at noon", "mon in 2 weeks",
          "24.12.2026 9:00", "24th of december 2027", "in 2 months", "\xc3\xa4ndern"}) {
        for (const auto& input : test::hostile_inputs(valid)) {
            if (const auto when = parse_when("due", input, tuesday, berlin())) {
                CHECK(parse_local(format_local(when->time.local)) == when->time.local);
                CHECK(parse_utc(format_utc(when->time.at)) == when->time.at);
            } else {
                CHECK(when.error().field == "due");
                check_error(input, when.error());
            }
        }
    }
}

}  // namespace
}  // namespace taskd::core
