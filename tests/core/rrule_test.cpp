// SPDX-License-Identifier: Apache-2.0
#include "core/rrule.h"

#include "core/rfc3339.h"
#include "core/text.h"
#include "tests/support/hostile.h"
#include "tests/support/seeded_random.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

namespace taskd::core {
namespace {

using namespace std::string_literals;

TEST_CASE("a rule is read and written in one normal form") {
    struct Row {
        std::string text;
        std::string normal;
    };
    const auto row = GENERATE(values<Row>({
        {"FREQ=DAILY", "FREQ=DAILY"},
        {"RRULE:FREQ=DAILY", "FREQ=DAILY"},
        {"rrule:freq=daily", "FREQ=DAILY"},
        {"  FREQ=DAILY \n", "FREQ=DAILY"},
        {"FREQ=DAILY;INTERVAL=1", "FREQ=DAILY"},
        {"INTERVAL=2;FREQ=DAILY", "FREQ=DAILY;INTERVAL=2"},
        {"FREQ=DAILY;INTERVAL=002", "FREQ=DAILY;INTERVAL=2"},
        {"FREQ=DAILY;COUNT=10", "FREQ=DAILY;COUNT=10"},
        {"FREQ=WEEKLY;BYDAY=TH,MO,TH", "FREQ=WEEKLY;BYDAY=MO,TH"},
        {"FREQ=WEEKLY;WKST=MO", "FREQ=WEEKLY"},
        {"FREQ=WEEKLY;WKST=SU;BYDAY=SU", "FREQ=WEEKLY;BYDAY=SU;WKST=SU"},
        {"FREQ=MONTHLY;BYDAY=+1FR,-1FR,FR", "FREQ=MONTHLY;BYDAY=-1FR,FR,1FR"},
        {"FREQ=MONTHLY;BYMONTHDAY=31,-1,+15,15", "FREQ=MONTHLY;BYMONTHDAY=-1,15,31"},
        {"FREQ=YEARLY;BYDAY=53MO,-53SU", "FREQ=YEARLY;BYDAY=-53SU,53MO"},
        {"freq=yearly;bysetpos=2,-1,2;byday=su,mo", "FREQ=YEARLY;BYDAY=MO,SU;BYSETPOS=-1,2"},
        {"FREQ=SECONDLY;BYSECOND=60,0,59", "FREQ=SECONDLY;BYSECOND=0,59"},
        {"BYMONTH=12,1;BYWEEKNO=-1,+1;BYYEARDAY=-366,1;FREQ=YEARLY;BYMINUTE=0;BYHOUR=9,8",
         "FREQ=YEARLY;BYMINUTE=0;BYHOUR=8,9;BYYEARDAY=-366,1;BYWEEKNO=-1,1;BYMONTH=1,12"},
        {"RSCALE=gregorian;FREQ=MONTHLY;SKIP=backward",
         "FREQ=MONTHLY;RSCALE=GREGORIAN;SKIP=BACKWARD"},
        {"RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=OMIT", "FREQ=MONTHLY"},
        {"FREQ=DAILY;UNTIL=20261231", "FREQ=DAILY;UNTIL=20261231"},
        {"FREQ=DAILY;UNTIL=20261231T235959", "FREQ=DAILY;UNTIL=20261231T235959"},
        {"FREQ=DAILY;UNTIL=20261231t235959z", "FREQ=DAILY;UNTIL=20261231T235959Z"},
    }));
    CAPTURE(row.text);
    const auto rule = parse_rrule(row.text);
    REQUIRE(rule);
    CHECK(format_rrule(*rule) == row.normal);
    CHECK(parse_rrule(row.normal) == rule);
}

TEST_CASE("the parts of a rule land in their fields") {
    const auto rule =
        parse_rrule("FREQ=MONTHLY;INTERVAL=3;UNTIL=20271231T120000Z;BYDAY=-1FR;WKST=TU").value();
    CHECK(rule.frequency == Frequency::monthly);
    CHECK(rule.interval == 3);
    CHECK_FALSE(rule.count);
    CHECK(rule.until == Until{parse_local("2027-12-31T12:00:00").value(), false, true});
    CHECK(rule.by_day == std::vector<WeekdayNum>{{-1, 4}});
    CHECK(rule.by_month_day.empty());
    CHECK(rule.week_start == 1);
    CHECK(weekday_code(0) == "MO");
    CHECK(weekday_code(6) == "SU");
}

TEST_CASE("a wrong rule is refused on rrule, with the part and the value in the message") {
    struct Row {
        std::string text;
        std::string mentions;
    };
    const auto row = GENERATE(values<Row>({
        {"", "NAME=VALUE"},
        {"RRULE:", "NAME=VALUE"},
        {"RRULE:RRULE:FREQ=DAILY", "RRULE:FREQ"},
        {"DAILY", "NAME=VALUE"},
        {"FREQ", "NAME=VALUE"},
        {"FREQ=", "FREQ="},
        {"FREQ=FORTNIGHTLY", "FREQ=FORTNIGHTLY"},
        {"FREQ=DAILY;", "NAME=VALUE"},
        {"FREQ=DAILY;;COUNT=1", "NAME=VALUE"},
        {"FREQ= DAILY", "FREQ= DAILY"},
        {"FREQ=DAILY=X", "FREQ=DAILY=X"},
        {"FREQ=DAILY;FREQ=DAILY", "twice"},
        {"FREQ=DAILY;COUNT=1;COUNT=2", "twice"},
        {"INTERVAL=2", "FREQ is missing"},
        {"FREQ=DAILY;INTERVAL=0", "INTERVAL=0"},
        {"FREQ=DAILY;INTERVAL=-1", "INTERVAL=-1"},
        {"FREQ=DAILY;INTERVAL=", "INTERVAL="},
        {"FREQ=DAILY;INTERVAL=1.5", "INTERVAL=1.5"},
        {"FREQ=DAILY;INTERVAL=4294967297", "INTERVAL=4294967297"},
        {"FREQ=DAILY;INTERVAL=+-2", "INTERVAL=+-2"},
        {"FREQ=DAILY;COUNT=0", "COUNT=0"},
        {"FREQ=DAILY;COUNT=99999999999999999999", "COUNT=9999"},
        {"FREQ=DAILY;COUNT=1;UNTIL=20270101", "exclude"},
        {"FREQ=DAILY;UNTIL=", "UNTIL="},
        {"FREQ=DAILY;UNTIL=20270101Z", "UNTIL=20270101Z"},
        {"FREQ=DAILY;UNTIL=20270229", "UNTIL=20270229"},
        {"FREQ=DAILY;UNTIL=2027-01-01", "UNTIL=2027-01-01"},
        {"FREQ=DAILY;UNTIL=20270101 120000", "UNTIL=20270101 120000"},
        {"FREQ=DAILY;UNTIL=20270101T250000", "UNTIL=20270101T250000"},
        {"FREQ=DAILY;UNTIL=20270101T1200", "UNTIL=20270101T1200"},
        {"FREQ=DAILY;UNTIL=2027-1-1", "UNTIL=2027-1-1"},
        {"FREQ=DAILY;UNTIL=00000101", "UNTIL=00000101"},
        {"FREQ=DAILY;UNTIL=20270101T120000+01:00", "UNTIL="},
        {"FREQ=WEEKLY;BYDAY=", "BYDAY="},
        {"FREQ=WEEKLY;BYDAY=MO,", "BYDAY="},
        {"FREQ=WEEKLY;BYDAY=MO TU", "BYDAY=MO TU"},
        {"FREQ=WEEKLY;BYDAY=MON", "BYDAY=MON"},
        {"FREQ=WEEKLY;BYDAY=XX", "BYDAY=XX"},
        {"FREQ=WEEKLY;BYDAY=1MO", "BYDAY"},
        {"FREQ=DAILY;BYDAY=-1MO", "BYDAY"},
        {"FREQ=MONTHLY;BYDAY=0MO", "BYDAY=0MO"},
        {"FREQ=MONTHLY;BYDAY=+-1MO", "BYDAY=+-1MO"},
        {"FREQ=MONTHLY;BYDAY=-+1MO", "BYDAY=-+1MO"},
        {"FREQ=YEARLY;BYDAY=54MO", "BYDAY=54MO"},
        {"FREQ=YEARLY;BYDAY=-54MO", "BYDAY=-54MO"},
        {"FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY=0"},
        {"FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY=32"},
        {"FREQ=MONTHLY;BYMONTHDAY=-32", "BYMONTHDAY=-32"},
        {"FREQ=MONTHLY;BYMONTHDAY=1,,2", "BYMONTHDAY="},
        {"FREQ=MONTHLY;BYMONTHDAY=1ST", "BYMONTHDAY=1ST"},
        {"FREQ=MONTHLY;BYMONTHDAY=+-1", "BYMONTHDAY=+-1"},
        {"FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY"},
        {"FREQ=WEEKLY;WKST=", "WKST="},
        {"FREQ=WEEKLY;WKST=1", "WKST=1"},
        {"FREQ=DAILY;INTERVAL=2147483648", "INTERVAL=2147483648"},
        {"FREQ=DAILY;COUNT=2147483648", "COUNT=2147483648"},
        {"FREQ=DAILY;X-FOO=1", "no part X-FOO"},
        {"FREQ=DAILY;BYEASTER=1", "no part BYEASTER"},
        {"FREQ=DAILY;BYHOUR=24", "BYHOUR=24"},
        {"FREQ=DAILY;BYHOUR=-1", "BYHOUR=-1"},
        {"FREQ=DAILY;BYMINUTE=60", "BYMINUTE=60"},
        {"FREQ=DAILY;BYSECOND=61", "BYSECOND=61"},
        {"FREQ=YEARLY;BYMONTH=0", "BYMONTH=0"},
        {"FREQ=YEARLY;BYMONTH=13", "BYMONTH=13"},
        {"FREQ=YEARLY;BYMONTH=-1", "BYMONTH=-1"},
        {"FREQ=YEARLY;BYMONTH=5L", "BYMONTH=5L"},
        {"FREQ=YEARLY;BYYEARDAY=0", "BYYEARDAY=0"},
        {"FREQ=YEARLY;BYYEARDAY=-367", "BYYEARDAY=-367"},
        {"FREQ=YEARLY;BYWEEKNO=54", "BYWEEKNO=54"},
        {"FREQ=YEARLY;BYDAY=MO;BYSETPOS=0", "BYSETPOS=0"},
        {"FREQ=YEARLY;BYDAY=MO;BYSETPOS=367", "BYSETPOS=367"},
        {"FREQ=YEARLY;BYSETPOS=1", "BYSETPOS"},
        {"FREQ=MONTHLY;BYWEEKNO=1", "BYWEEKNO needs FREQ=YEARLY"},
        {"FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO", "beside BYWEEKNO"},
        {"FREQ=MONTHLY;BYYEARDAY=1", "BYYEARDAY"},
        {"FREQ=WEEKLY;BYYEARDAY=1", "BYYEARDAY"},
        {"FREQ=DAILY;BYYEARDAY=1", "BYYEARDAY"},
        {"FREQ=HOURLY;BYDAY=1MO", "BYDAY"},
        {"FREQ=MONTHLY;SKIP=FORWARD", "SKIP needs RSCALE"},
        {"FREQ=MONTHLY;SKIP=SIDEWAYS;RSCALE=GREGORIAN", "SKIP=SIDEWAYS"},
        {"FREQ=MONTHLY;RSCALE=HEBREW;SKIP=FORWARD", "RSCALE=HEBREW"},
        {"FREQ=DAILY\0"s, "FREQ=DAILY"},
        {"FREQ=DAILY\0;COUNT=1"s, "FREQ=DAILY"},
    }));
    CAPTURE(row.text);
    const auto rule = parse_rrule(row.text);
    REQUIRE_FALSE(rule);
    CHECK(rule.error().reason == Reason::invalid_argument);
    CHECK(rule.error().field == "rrule");
    CHECK_THAT(rule.error().message, Catch::StartsWith("rrule: ") && Catch::Contains(row.mentions));
}

TEST_CASE("a rule may be 4096 bytes long and no longer") {
    std::string text = "FREQ=MONTHLY;BYMONTHDAY=1";
    while (text.size() + 2 <= 4096) text += ",1";
    text = std::string(4096 - text.size(), ' ') + text;
    REQUIRE(text.size() == 4096);
    CHECK(parse_rrule(text));
    CHECK_FALSE(parse_rrule(" " + text));
}

TEST_CASE("the bounds of INTERVAL and COUNT are accepted") {
    CHECK(parse_rrule("FREQ=DAILY;INTERVAL=2147483647"));
    CHECK(parse_rrule("FREQ=DAILY;COUNT=2147483647"));
    CHECK(parse_rrule("FREQ=MONTHLY;BYDAY=5MO,-5MO,6MO"));
    CHECK(parse_rrule("FREQ=YEARLY;BYDAY=MO;BYSETPOS=366,-366"));
    CHECK(parse_rrule("FREQ=YEARLY;BYWEEKNO=53,-53;BYYEARDAY=366,-366"));
    CHECK(parse_rrule("FREQ=MONTHLY;BYMONTHDAY=31,-31"));
}

TEST_CASE("a rule survives writing and reading") {
    test::SeededRandom random(5545);
    for (int i = 0; i < 2000; ++i) {
        Rrule rule;
        rule.frequency = static_cast<Frequency>(random.between(0, 6));
        const bool yearly = rule.frequency == Frequency::yearly;
        if (random.one_in(3)) rule.by_second = {0, 59};
        if (random.one_in(3)) rule.by_minute = {0, 30};
        if (random.one_in(3)) rule.by_hour = {0, 23};
        if (random.one_in(3)) rule.by_month = {2, 12};
        if (yearly && random.one_in(3)) rule.by_year_day = {-366, 1, 366};
        if (random.one_in(3)) rule.skip = static_cast<Skip>(random.between(0, 2));
        rule.interval = static_cast<std::uint32_t>(random.between(1, 100000));
        rule.week_start = static_cast<unsigned>(random.between(0, 6));
        const bool ordinals =
            rule.frequency == Frequency::monthly || rule.frequency == Frequency::yearly;
        for (int weekday = 0; weekday < 7; ++weekday)
            if (random.one_in(3))
                rule.by_day.push_back({ordinals ? static_cast<int>(random.between(-5, 5)) : 0,
                                       static_cast<unsigned>(weekday)});
        std::sort(rule.by_day.begin(), rule.by_day.end());
        if (yearly && rule.by_day.empty() && random.one_in(3)) rule.by_week_no = {-53, 1, 20};
        if (!rule.by_day.empty() && random.one_in(3)) rule.by_set_pos = {-366, -1, 1};
        if (rule.frequency != Frequency::weekly && random.one_in(2)) rule.by_month_day = {-3, 1, 9};
        if (random.one_in(2)) {
            rule.count = static_cast<std::uint32_t>(random.between(1, 10'000'000));
        } else {
            const bool is_date = random.one_in(2);
            const auto day = LocalTime{std::chrono::days{random.between(-100'000, 1'000'000)}};
            rule.until = Until{is_date ? day : day + std::chrono::seconds{random.between(0, 86399)},
                               is_date, !is_date && random.one_in(2)};
        }
        CAPTURE(format_rrule(rule));
        REQUIRE(parse_rrule(format_rrule(rule)) == rule);
    }
}

TEST_CASE("the reader of rules survives any bytes, and what it accepts is stable") {
    for (const auto* valid :
         {"FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=-1FR,2MO;BYSETPOS=1,-1;WKST=SU",
          "RRULE:FREQ=YEARLY;UNTIL=20271231T235959Z;BYMONTHDAY=-1,15"}) {
        for (const auto& input : test::hostile_inputs(valid)) {
            const auto rule = parse_rrule(input);
            if (rule) {
                CHECK(parse_rrule(format_rrule(*rule)) == rule);
            } else {
                CHECK(rule.error().field == "rrule");
                CHECK(rule.error().message.size() < 5000);
                if (is_utf8(input)) CHECK(is_utf8(rule.error().message));
            }
        }
    }
}

}  // namespace
}  // namespace taskd::core
