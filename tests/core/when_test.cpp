// SPDX-License-Identifier: Apache-2.0
#include "core/when.h"

#include "core/recurrence.h"
#include "core/rfc3339.h"
#include "core/text.h"
#include "tests/support/hostile.h"
#include "tests/support/seeded_random.h"

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
        "yesterday",
        "in",
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
        "31.12.2026",
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

TEST_CASE("spans in words") {
    struct Row {
        std::string words;
        seconds span;
        std::string shortest;
    };
    const auto row = GENERATE(values<Row>({
        {"0", 0s, "0"},
        {"0m", 0s, "0"},
        {"10m", 10min, "10m"},
        {"10 min", 10min, "10m"},
        {" 10  minutes ", 10min, "10m"},
        {"1h30m", 90min, "1h30m"},
        {"1h 30m", 90min, "1h30m"},
        {"1 hour 30 minutes", 90min, "1h30m"},
        {"90m", 90min, "1h30m"},
        {"90 seconds", 90s, "1m30s"},
        {"2 days", 48h, "2d"},
        {"2D", 48h, "2d"},
        {"1 week", 168h, "7d"},
        {"2 weeks", 336h, "14d"},
        {"2w", 336h, "14d"},
        {"366 days", 366 * 24h, "366d"},
        {"1d1h1m1s", 25h + 61s, "1d1h1m1s"},
        {"1\tday\n2\thours", 26h, "1d2h"},
    }));
    CAPTURE(row.words);
    const auto span = parse_span("remind", row.words);
    if (!span) FAIL(span.error().message);
    CHECK(*span == row.span);
    CHECK(format_span(*span) == row.shortest);
    CHECK(parse_span("remind", format_span(*span)) == *span);
}

TEST_CASE("every span is read back from its shortest form") {
    test::SeededRandom random(99);
    for (int i = 0; i < 1000; ++i) {
        const seconds span{random.between(0, 366 * 86400)};
        REQUIRE(parse_span("remind", format_span(span)) == span);
    }
}

TEST_CASE("what is no span is refused on its field") {
    const auto words = GENERATE(values<std::string>({
        "",
        " ",
        "10",
        "m",
        "m10",
        "10x",
        "ten minutes",
        "-10m",
        "+10m",
        "1.5h",
        "1,5h",
        "10 m x",
        "1h30",
        "0 0",
        "367 days",
        "8785h",
        "99999999999m",
        "2147483647w",
        "1h-30m",
        "10m\0"s,
        "\xff",
        "10 \xe5\x88\x86",
    }));
    CAPTURE(words);
    const auto span = parse_span("remind", words);
    REQUIRE_FALSE(span);
    CHECK(span.error().reason == Reason::invalid_argument);
    CHECK(span.error().field == "remind");
}

TEST_CASE("rules in words") {
    struct Row {
        std::string words;
        std::string rule;
        std::optional<std::string> at = {};
    };
    const auto row = GENERATE(values<Row>({
        {"day", "FREQ=DAILY"},
        {"every day", "FREQ=DAILY"},
        {"daily", "FREQ=DAILY"},
        {"Every Day at 9:30", "FREQ=DAILY", "9:30"},
        {"3 days", "FREQ=DAILY;INTERVAL=3"},
        {"every 10000 days", "FREQ=DAILY;INTERVAL=10000"},
        {"other day", "FREQ=DAILY;INTERVAL=2"},
        {"week", "FREQ=WEEKLY"},
        {"2 weeks", "FREQ=WEEKLY;INTERVAL=2"},
        {"2 weeks on mon,thu", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH"},
        {"2 weeks on thu, mon", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH"},
        {"every other week on friday", "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR"},
        {"weekly on Sundays", "FREQ=WEEKLY;BYDAY=SU"},
        {"weekday", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"},
        {"every weekday at 9am", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "9am"},
        {"weekdays", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"},
        {"mon", "FREQ=WEEKLY;BYDAY=MO"},
        {"mon and fri", "FREQ=WEEKLY;BYDAY=MO,FR"},
        {"every mon, wed and fri at 7:00", "FREQ=WEEKLY;BYDAY=MO,WE,FR", "7:00"},
        {"mondays", "FREQ=WEEKLY;BYDAY=MO"},
        {"mon,mon", "FREQ=WEEKLY;BYDAY=MO"},
        {"month", "FREQ=MONTHLY"},
        {"month on the 31st", "FREQ=MONTHLY;BYMONTHDAY=31"},
        {"month on the 1st and 15th", "FREQ=MONTHLY;BYMONTHDAY=1,15"},
        {"month on 15", "FREQ=MONTHLY;BYMONTHDAY=15"},
        {"month on the last day", "FREQ=MONTHLY;BYMONTHDAY=-1"},
        {"3 months on the 2nd and the last day at 8:00", "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=-1,2",
         "8:00"},
        {"monthly", "FREQ=MONTHLY"},
        {"year", "FREQ=YEARLY"},
        {"every 4 years", "FREQ=YEARLY;INTERVAL=4"},
        {"yearly at 2026-12-31 09:00", "FREQ=YEARLY", "2026-12-31 09:00"},
        {"day at 9:30 Europe/Berlin", "FREQ=DAILY", "9:30 Europe/Berlin"},
        {"FREQ=WEEKLY;BYDAY=TH,MO", "FREQ=WEEKLY;BYDAY=MO,TH"},
        {"rrule:freq=daily;count=3", "FREQ=DAILY;COUNT=3"},
    }));
    CAPTURE(row.words);
    const auto every = parse_every(row.words);
    if (!every) FAIL(every.error().message);
    CHECK(format_rrule(every->rule) == row.rule);
    CHECK(every->at == row.at);
    CHECK(parse_rrule(row.rule) == every->rule);
}

TEST_CASE("what is no rule is refused on every") {
    const auto words = GENERATE(values<std::string>({
        "",
        " ",
        "every",
        "at 9:30",
        "every at 9:30",
        "every every day",
        "0 days",
        "-1 days",
        "10001 days",
        "99999999999 days",
        "2",
        "every 2",
        "every other",
        "fortnight",
        "2 mon",
        "2 weekdays",
        "day on mon",
        "week on",
        "week mon",
        "week on 3",
        "week on mon,foo",
        "week on ,",
        "month on",
        "month on the",
        "month on the 0th",
        "month on the 32nd",
        "month on the last",
        "month on mon",
        "month on the -1st",
        "year on mon",
        "year on",
        "and",
        ",",
        "mon foo",
        "weekday foo",
        "every FREQ=DAILY",
        "FREQ=",
        "FREQ=HOURLY",
        "FREQ=DAILY;FOO=1",
        "day\0"s,
        "\xff",
        "every \xc3\xa4tag",
    }));
    CAPTURE(words);
    const auto every = parse_every(words);
    REQUIRE_FALSE(every);
    CHECK(every.error().reason == Reason::invalid_argument);
    CHECK(every.error().field == "every");
}

TEST_CASE("a misspelt rule gets the nearest word as a hint") {
    CHECK_THAT(parse_every("weeekday").error().hint, Catch::Contains("weekday"));
    CHECK_THAT(parse_every("3 dasy").error().hint, Catch::Contains("day"));
    CHECK_THAT(parse_every("mnth").error().hint, Catch::Contains("month"));
    CHECK(parse_every("fortnight").error().hint.empty());
}

TEST_CASE("a rule is described in words") {
    struct Row {
        std::string rule;
        std::string words;
    };
    const auto row = GENERATE(values<Row>({
        {"FREQ=DAILY", "every day"},
        {"FREQ=DAILY;INTERVAL=3", "every 3 days"},
        {"FREQ=WEEKLY", "every week on Tuesday"},
        {"FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH", "every 2 weeks on Monday and Thursday"},
        {"FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "every weekday"},
        {"FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,SU",
         "every week on Monday, Tuesday, Wednesday, Thursday and Sunday"},
        {"FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU,WE,TH,FR",
         "every 2 weeks on Monday, Tuesday, Wednesday, Thursday and Friday"},
        {"FREQ=MONTHLY", "every month on the 24th"},
        {"FREQ=MONTHLY;BYMONTHDAY=31", "every month on the 31st"},
        {"FREQ=MONTHLY;BYMONTHDAY=1,2,3,11,12,13,21,22,23",
         "every month on the 1st, 2nd, 3rd, 11th, 12th, 13th, 21st, 22nd and 23rd"},
        {"FREQ=MONTHLY;BYMONTHDAY=-1", "every month on the last day"},
        {"FREQ=MONTHLY;BYMONTHDAY=-1,15", "every month on the 15th and last day"},
        {"FREQ=YEARLY", "every year on 24 November"},
        {"FREQ=DAILY;COUNT=5", "every day, 5 times"},
        {"FREQ=DAILY;UNTIL=20261231", "every day, until 2026-12-31"},
        {"FREQ=DAILY;UNTIL=20261231T080000Z", "every day, until 2026-12-31T08:00:00Z"},
        // What has no short words is shown as it is.
        {"FREQ=MONTHLY;BYMONTHDAY=-2", "FREQ=MONTHLY;BYMONTHDAY=-2"},
        {"FREQ=MONTHLY;BYDAY=-1FR", "FREQ=MONTHLY;BYDAY=-1FR"},
        {"FREQ=DAILY;BYDAY=MO", "FREQ=DAILY;BYDAY=MO"},
        {"FREQ=YEARLY;BYDAY=20MO", "FREQ=YEARLY;BYDAY=20MO"},
        // The words have no week start, which decides here which weeks are meant.
        {"FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU",
         "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU"},
        {"FREQ=WEEKLY;BYDAY=TU,SU;WKST=SU", "every week on Tuesday and Sunday"},
    }));
    CAPTURE(row.rule);
    CHECK(describe(parse_rrule(row.rule).value(), local("2026-11-24T09:00:00")) == row.words);
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

TEST_CASE("the description of a rule, read again, gives the same slots") {
    test::SeededRandom random(1789);
    for (int i = 0; i < 1000; ++i) {
        const auto dtstart = local("2026-01-01T09:00:00") + days{random.between(0, 700)};
        Rrule rule;
        rule.frequency = static_cast<Frequency>(random.between(3, 5));
        rule.interval = static_cast<std::uint32_t>(random.between(1, 5));
        rule.week_start = static_cast<unsigned>(random.one_in(2) ? 0 : random.between(0, 6));
        for (unsigned weekday = 0; weekday < 7; ++weekday)
            if (rule.frequency == Frequency::weekly && random.one_in(2))
                rule.by_day.push_back({0, weekday});
        for (int day = -2; day <= 31; ++day)
            if (day != 0 && rule.frequency == Frequency::monthly && random.one_in(8))
                rule.by_month_day.push_back(day);
        const auto words = describe(rule, dtstart);
        CAPTURE(format_rrule(rule), words);
        const auto again = parse_every(words);
        REQUIRE(again);
        REQUIRE(describe(again->rule, dtstart) == words);
        const auto slots = Recurrence::make(rule, dtstart, berlin());
        const auto same = Recurrence::make(again->rule, dtstart, berlin());
        REQUIRE(slots.has_value() == same.has_value());
        if (!slots) continue;
        auto slot = std::optional(slots->first());
        REQUIRE(same->first() == *slot);
        for (int step = 0; step < 30 && slot; ++step) {
            const auto next = slots->next_after(*slot);
            REQUIRE(same->next_after(*slot) == next);
            slot = next;
        }
    }
}

TEST_CASE("DTSTART from words is the first time after now that the rule matches") {
    struct Row {
        std::string rule;
        std::optional<std::string> at;
        std::string dtstart;
    };
    const auto row = GENERATE(values<Row>({
        // The design's own example: typed at ten.
        {"FREQ=DAILY;INTERVAL=3", "9:30", "2026-11-25T09:30:00+01:00"},
        {"FREQ=DAILY;INTERVAL=3", "10:30", "2026-11-24T10:30:00+01:00"},
        {"FREQ=WEEKLY;BYDAY=MO,TH", "9:30", "2026-11-26T09:30:00+01:00"},
        {"FREQ=WEEKLY;BYDAY=TU", "9:30", "2026-12-01T09:30:00+01:00"},
        {"FREQ=WEEKLY;BYDAY=TU", "10:30", "2026-11-24T10:30:00+01:00"},
        {"FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", "9:30", "2026-11-30T09:30:00+01:00"},
        {"FREQ=WEEKLY", "fri 17:30", "2026-11-27T17:30:00+01:00"},
        {"FREQ=MONTHLY;BYMONTHDAY=31", "9:30", "2026-12-31T09:30:00+01:00"},
        {"FREQ=MONTHLY;INTERVAL=6;BYMONTHDAY=31", "9:30", "2026-12-31T09:30:00+01:00"},
        {"FREQ=MONTHLY", "9:30", "2026-11-25T09:30:00+01:00"},
        {"FREQ=YEARLY", "2026-12-31 09:00", "2026-12-31T09:00:00+01:00"},
        {"FREQ=DAILY;COUNT=1", "9:30", "2026-11-25T09:30:00+01:00"},
        {"FREQ=DAILY", "9:30 America/New_York", "2026-11-24T09:30:00-05:00"},
        {"FREQ=DAILY", {}, "2026-11-24"},
        {"FREQ=WEEKLY;BYDAY=TU", {}, "2026-11-24"},
        {"FREQ=WEEKLY;BYDAY=MO", {}, "2026-11-30"},
        {"FREQ=WEEKLY;BYDAY=MO", "tomorrow", "2026-11-30"},
        {"FREQ=MONTHLY;BYMONTHDAY=-1", {}, "2026-11-30"},
    }));
    CAPTURE(row.rule, row.at.value_or("(no time)"));
    const auto rule = parse_rrule(row.rule).value();
    const auto dtstart = dtstart_of(rule, row.at, tuesday, berlin());
    if (!dtstart) FAIL(dtstart.error().message);
    CHECK(format(*dtstart) == row.dtstart);
    // It is the rule's own first slot, whatever its INTERVAL.
    const auto zone = TimeZone::load(dtstart->tzid).value();
    CHECK(Recurrence::make(rule, dtstart->local, zone)->first() == dtstart->local);
}

TEST_CASE("DTSTART is refused when there is no time or no slot") {
    const auto daily = parse_rrule("FREQ=DAILY").value();
    REQUIRE_FALSE(dtstart_of(daily, "soon", tuesday, berlin()));
    CHECK(dtstart_of(daily, "soon", tuesday, berlin()).error().field == "at");
    CHECK(dtstart_of(daily, "", tuesday, berlin()).error().field == "at");
    const auto over = parse_rrule("FREQ=DAILY;UNTIL=20261101").value();
    REQUIRE_FALSE(dtstart_of(over, "9:30", tuesday, berlin()));
    CHECK(dtstart_of(over, "9:30", tuesday, berlin()).error().field == "rrule");
}

TEST_CASE("words survive any bytes, what is read can be written, and messages are bounded UTF-8") {
    const auto check_error = [](const std::string& input, const Error& error) {
        CHECK(error.reason == Reason::invalid_argument);
        CHECK(error.message.size() < 5000);
        if (is_utf8(input)) CHECK(is_utf8(error.message));
    };
    for (const auto* valid :
         {"tomorrow at 9:30 am Europe/Berlin", "next fri 17:30", "in 1h 30 minutes",
          "2026-12-01T09:00:00+01:00", "every 2 weeks on mon,thu at 9:30",
          "3 months on the 2nd and the last day", "\xc3\xa4ndern"}) {
        for (const auto& input : test::hostile_inputs(valid)) {
            if (const auto when = parse_when("due", input, tuesday, berlin())) {
                CHECK(parse_local(format_local(when->time.local)) == when->time.local);
                CHECK(parse_utc(format_utc(when->time.at)) == when->time.at);
            } else {
                CHECK(when.error().field == "due");
                check_error(input, when.error());
            }
            if (const auto span = parse_span("remind", input)) {
                CHECK(parse_span("remind", format_span(*span)) == *span);
            } else {
                check_error(input, span.error());
            }
            if (const auto every = parse_every(input)) {
                CHECK(parse_rrule(format_rrule(every->rule)) == every->rule);
                static_cast<void>(describe(every->rule, local("2026-11-24")));
                static_cast<void>(dtstart_of(every->rule, every->at, tuesday, berlin()));
            } else {
                CHECK(every.error().field == "every");
                check_error(input, every.error());
            }
        }
    }
}

}  // namespace
}  // namespace taskd::core
