// SPDX-License-Identifier: Apache-2.0
#include "core/phrase.h"

#include "core/describe.h"
#include "core/plan.h"
#include "core/rfc3339.h"
#include "core/text.h"
#include "tests/support/hostile.h"
#include "tests/support/rule_text.h"

#include <catch2/catch.hpp>

#include <optional>
#include <string>

namespace taskd::core {
namespace {

using namespace std::string_literals;
using test::rule_text;

const std::string workdays = "BYDAY=MO,TU,WE,TH,FR";

/// "at 9:30 starting next monday ..." as one text, so that a table has one column for it.
std::string rest_text(const Every& every) {
    std::string text;
    const auto part = [&](const std::string& name, const std::optional<std::string>& words) {
        if (words) text += (text.empty() ? "" : "; ") + name + " " + *words;
    };
    part("at", every.at);
    part("starting", every.starting);
    part("until", every.until);
    part("zone", every.tzid.empty() ? std::nullopt : std::optional(every.tzid));
    part("after", every.after_completion ? std::optional("completion"s) : std::nullopt);
    return text;
}

struct Row {
    std::string words;
    std::string rule;  // as test::rule_text writes it
    std::string rest = {};
};

void check(const Row& row) {
    CAPTURE(row.words);
    const auto every = parse_every(row.words);
    if (!every) FAIL(every.error().message);
    CHECK(rule_text(every->rule) == row.rule);
    CHECK(rest_text(*every) == row.rest);
}

TEST_CASE("phrases: periods") {
    check(GENERATE(values<Row>({
        {"day", "DAILY"},
        {"every day", "DAILY"},
        {"each day", "DAILY"},
        {"daily", "DAILY"},
        {"DAILY", "DAILY"},
        {"Weekly", "WEEKLY"},
        {"MONTHLY", "MONTHLY"},
        {"Yearly", "YEARLY"},
        {"annually", "YEARLY"},
        {"hourly", "HOURLY"},
        {"every other day", "DAILY INTERVAL=2"},
        {"every second day", "DAILY INTERVAL=2"},
        {"every 3rd day", "DAILY INTERVAL=3"},
        {"every two weeks", "WEEKLY INTERVAL=2"},
        {"every fortnight", "WEEKLY INTERVAL=2"},
        {"biweekly", "WEEKLY INTERVAL=2"},
        {"fortnightly on tue", "WEEKLY INTERVAL=2 BYDAY=TU"},
        {"every quarter", "MONTHLY INTERVAL=3"},
        {"quarterly", "MONTHLY INTERVAL=3"},
        {"every half year", "MONTHLY INTERVAL=6"},
        {"every 4 years", "YEARLY INTERVAL=4"},
        {"every decade", "YEARLY INTERVAL=10"},
        {"every hour", "HOURLY"},
        {"every 4 hours", "HOURLY INTERVAL=4"},
        {"5m", "MINUTELY INTERVAL=5"},
        {"every 2h on weekdays", "HOURLY INTERVAL=2 " + workdays},
        {"3d", "DAILY INTERVAL=3"},
        {"every 90 minutes", "MINUTELY INTERVAL=90"},
        {"every half hour", "MINUTELY INTERVAL=30"},
        {"every 30 seconds", "SECONDLY INTERVAL=30"},
        {"every second", "SECONDLY"},
        {"every 4 hours on weekdays", "HOURLY INTERVAL=4 " + workdays},
        {"hourly at minute 15", "HOURLY BYMINUTE=15"},
        {"every hour at minutes 0, 20 and 40", "HOURLY BYMINUTE=0,20,40"},
        {"every 2 hours on the 1st", "HOURLY INTERVAL=2 BYMONTHDAY=1"},
    })));
}

TEST_CASE("phrases: weekdays") {
    check(GENERATE(values<Row>({
        {"weekdays", "WEEKLY " + workdays},
        {"every workday at 8:00", "WEEKLY " + workdays, "at 8:00"},
        {"every business day", "WEEKLY " + workdays},
        {"weekends", "WEEKLY BYDAY=SA,SU"},
        {"every weekend", "WEEKLY BYDAY=SA,SU"},
        {"every mon,wed,fri at 18:30", "WEEKLY BYDAY=MO,WE,FR", "at 18:30"},
        {"mon-fri at 9am", "WEEKLY " + workdays, "at 9am"},
        {"monday to thursday", "WEEKLY BYDAY=MO,TU,WE,TH"},
        {"fri-mon", "WEEKLY BYDAY=MO,FR,SA,SU"},
        {"every other friday", "WEEKLY INTERVAL=2 BYDAY=FR"},
        {"every 2 weeks on tue", "WEEKLY INTERVAL=2 BYDAY=TU"},
        {"every 2 weeks on weekends", "WEEKLY INTERVAL=2 BYDAY=SA,SU"},
        {"twice a week on mon and thu", "WEEKLY BYDAY=MO,TH"},
        {"once a week on mon", "WEEKLY BYDAY=MO"},
        {"every 2 weeks on tue and sun, weeks starting on sunday",
         "WEEKLY INTERVAL=2 BYDAY=TU,SU WKST=SU"},
        {"every weekday in december", "WEEKLY BYMONTH=12 " + workdays},
        {"every day in january", "DAILY BYMONTH=1"},
        {"every day, only on mon and tue", "DAILY BYDAY=MO,TU"},
        {"every day, only in jun to aug", "DAILY BYMONTH=6,7,8"},
        {"every 2 days, only on weekdays", "DAILY INTERVAL=2 " + workdays},
    })));
}

TEST_CASE("phrases: days of the month") {
    check(GENERATE(values<Row>({
        {"the last friday of the month", "MONTHLY BYDAY=-1FR"},
        {"every last friday of the month", "MONTHLY BYDAY=-1FR"},
        {"every month on the last friday", "MONTHLY BYDAY=-1FR"},
        {"the 1st and 15th", "MONTHLY BYMONTHDAY=1,15"},
        {"the 1st and 15th of the month at noon", "MONTHLY BYMONTHDAY=1,15", "at noon"},
        {"every 15th", "MONTHLY BYMONTHDAY=15"},
        {"twice a month on the 1st and 15th", "MONTHLY BYMONTHDAY=1,15"},
        {"every 3 months on the last day", "MONTHLY INTERVAL=3 BYMONTHDAY=-1"},
        {"the last day of every 3 months", "MONTHLY INTERVAL=3 BYMONTHDAY=-1"},
        {"last day of the month", "MONTHLY BYMONTHDAY=-1"},
        {"the second to last day of the month", "MONTHLY BYMONTHDAY=-2"},
        {"the 2nd last day of the month", "MONTHLY BYMONTHDAY=-2"},
        {"second tuesday of the month", "MONTHLY BYDAY=2TU"},
        {"the first and third monday", "MONTHLY BYDAY=1MO,3MO"},
        {"the 1st monday and the last friday of each month", "MONTHLY BYDAY=-1FR,1MO"},
        {"last weekday of the month", "MONTHLY " + workdays + " BYSETPOS=-1"},
        {"first workday of the month", "MONTHLY " + workdays + " BYSETPOS=1"},
        {"the 1st and last workday of the month", "MONTHLY " + workdays + " BYSETPOS=-1,1"},
        {"the last weekend day of the month", "MONTHLY BYDAY=SA,SU BYSETPOS=-1"},
        {"monthly on the 31st or the last day", "MONTHLY BYMONTHDAY=31 SKIP=BACKWARD"},
        {"monthly on the 31st or the next day", "MONTHLY BYMONTHDAY=31 SKIP=FORWARD"},
        {"month on the 13th, only on friday", "MONTHLY BYMONTHDAY=13 BYDAY=FR"},
        {"every month on the last friday in march and june", "MONTHLY BYMONTH=3,6 BYDAY=-1FR"},
        {"the last workday of march and june", "MONTHLY BYMONTH=3,6 " + workdays + " BYSETPOS=-1"},
    })));
}

TEST_CASE("phrases: days of the year") {
    check(GENERATE(values<Row>({
        {"the second tuesday and thursday of march", "YEARLY BYMONTH=3 BYDAY=2TU,2TH"},
        {"yearly on dec 24", "YEARLY BYMONTH=12 BYMONTHDAY=24"},
        {"every year on 24 december", "YEARLY BYMONTH=12 BYMONTHDAY=24"},
        {"every year on the 24th of december", "YEARLY BYMONTH=12 BYMONTHDAY=24"},
        {"december 24th at 18:00", "YEARLY BYMONTH=12 BYMONTHDAY=24", "at 18:00"},
        {"every 24 dec", "YEARLY BYMONTH=12 BYMONTHDAY=24"},
        {"every 1 january and 1 july", "YEARLY BYMONTH=1,7 BYMONTHDAY=1"},
        {"every year on the 2nd sunday of may", "YEARLY BYMONTH=5 BYDAY=2SU"},
        {"every january", "YEARLY BYMONTH=1"},
        {"every march and june on the last day", "YEARLY BYMONTH=3,6 BYMONTHDAY=-1"},
        {"the last day of february", "YEARLY BYMONTH=2 BYMONTHDAY=-1"},
        {"the last day of mar, jun, sep and dec", "YEARLY BYMONTH=3,6,9,12 BYMONTHDAY=-1"},
        {"the 100th day of the year", "YEARLY BYYEARDAY=100"},
        {"the last monday of the year", "YEARLY BYDAY=-1MO"},
        {"the last workday of march", "YEARLY BYMONTH=3 " + workdays + " BYSETPOS=-1"},
        {"year on 29 february or the day before", "YEARLY BYMONTH=2 BYMONTHDAY=29 SKIP=BACKWARD"},
        {"every 2 years on dec 31", "YEARLY INTERVAL=2 BYMONTH=12 BYMONTHDAY=31"},
    })));
}

TEST_CASE("phrases: times of day") {
    check(GENERATE(values<Row>({
        {"every day at noon", "DAILY", "at noon"},
        {"every day at 9 am", "DAILY", "at 9 am"},
        {"every day at 20", "DAILY", "at 20:00"},
        {"twice a day at 8 and 20", "DAILY BYHOUR=8,20 BYMINUTE=0"},
        {"three times a day at 8:00, 14:00 and 20:00", "DAILY BYHOUR=8,14,20 BYMINUTE=0"},
        {"every day at 9am and 5pm", "DAILY BYHOUR=9,17 BYMINUTE=0"},
        {"every weekday at 8:30 and at 17:30", "WEEKLY " + workdays + " BYHOUR=8,17 BYMINUTE=30"},
        {"every month on the 1st at 8:00 and 20:00", "MONTHLY BYMONTHDAY=1 BYHOUR=8,20 BYMINUTE=0"},
        // Hours and minutes combine to four times, of which BYSETPOS picks two.
        {"every day at 8:00 and 20:30", "DAILY BYHOUR=8,20 BYMINUTE=0,30 BYSETPOS=1,4"},
        {"mon and tue at 8:00 and 20:30",
         "WEEKLY BYDAY=MO,TU BYHOUR=8,20 BYMINUTE=0,30 BYSETPOS=1,4,5,8"},
        {"every 90 minutes between 9:00 and 17:00 on weekdays",
         "DAILY " + workdays + " BYHOUR=9,10,12,13,15,16 BYMINUTE=0,30 BYSETPOS=1,4,5,8,9,12"},
        {"every 2 hours between 9:00 and 17:00", "DAILY BYHOUR=9,11,13,15,17 BYMINUTE=0"},
        {"every 2 hours from 9 to 17", "DAILY BYHOUR=9,11,13,15,17 BYMINUTE=0"},
        {"hourly between 9:00-12:00 on mon,tue", "DAILY BYDAY=MO,TU BYHOUR=9,10,11,12 BYMINUTE=0"},
        {"every 30 minutes between 8:15 and 9:45", "DAILY BYHOUR=8,9 BYMINUTE=15,45"},
        {"every 10 hours between 9:00 and 17:00", "DAILY", "at 09:00"},
        {"every day at minutes 0, 10 and 25 of the hours 9 and 17",
         "DAILY BYHOUR=9,17 BYMINUTE=0,10,25"},
    })));
}

TEST_CASE("phrases: begin, end, zone, completion") {
    check(GENERATE(values<Row>({
        {"every day until june", "DAILY", "until june"},
        {"every day until the end of june 2027", "DAILY", "until the end of june 2027"},
        {"every day until 2027-06-30", "DAILY UNTIL=2027-06-30"},
        {"every day at 9:00, until 2027-06-30T12:00:00Z", "DAILY UNTIL=2027-06-30T12:00:00Z",
         "at 9:00"},
        {"every day at 9:00 until friday at 17:00", "DAILY", "at 9:00; until friday at 17:00"},
        {"every day until friday at 9:00", "DAILY", "at 9:00; until friday"},
        {"weekly for 10 times", "WEEKLY COUNT=10"},
        {"weekly, 10 times", "WEEKLY COUNT=10"},
        {"mon at 9:30, 5 times", "WEEKLY COUNT=5 BYDAY=MO", "at 9:30"},
        {"every 2 weeks starting next monday", "WEEKLY INTERVAL=2", "starting next monday"},
        {"every 4 hours starting at 8:00", "HOURLY INTERVAL=4", "starting 8:00"},
        {"every day from tomorrow at 9:00", "DAILY", "at 9:00; starting tomorrow"},
        {"day starting day after tomorrow", "DAILY", "starting day after tomorrow"},
        {"3 days after completion", "DAILY INTERVAL=3", "after completion"},
        {"every 2 weeks on mon at 9:00 after it is done", "WEEKLY INTERVAL=2 BYDAY=MO",
         "at 9:00; after completion"},
        {"a month after completion", "MONTHLY", "after completion"},
        {"every day, Asia/Tokyo", "DAILY", "zone Asia/Tokyo"},
        {"every 2 weeks on Monday and Thursday at 18:00, until 2027-06-30, Europe/Berlin",
         "WEEKLY INTERVAL=2 UNTIL=2027-06-30 BYDAY=MO,TH",
         "at 18:00 Europe/Berlin; zone Europe/Berlin"},
        {"by rule FREQ=DAILY;BYDAY=MO at 09:00, Europe/Berlin", "DAILY BYDAY=MO",
         "at 09:00 Europe/Berlin; zone Europe/Berlin"},
    })));
}

TEST_CASE("rules in words are what the same rule in RFC 5545 is") {
    struct Text {
        std::string words;
        std::string rule;
        std::optional<std::string> at = {};
    };
    const auto row = GENERATE(values<Text>({
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
        "fortnigth",
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
        "FREQ=FORTNIGHTLY",
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
    CHECK_THAT(parse_every("every day untl june").error().hint, Catch::Contains("until"));
    CHECK_THAT(parse_every("the last firday").error().hint, Catch::Contains("friday"));
    CHECK(parse_every("xylophone").error().hint.empty());
}

TEST_CASE("what is no single rule is refused with the reason") {
    struct Refused {
        std::string words;
        std::string reason;
    };
    const auto row = GENERATE(values<Refused>({
        {"every 2nd friday", "every other friday"},
        {"every other mon,thu", "not clear"},
        {"bimonthly", "\"bimonthly\" was not understood"},
        {"every day at 8", "morning or evening"},
        {"twice a day at 8 and 9", "morning or evening"},
        {"twice a day", "needs 2 times"},
        {"twice a week on mon", "needs 2 days"},
        {"three times a day at 8:00 and 20:00", "needs 3 times"},
        {"every quarter on the last day", "which month of the quarter"},
        {"every day for 3 weeks", "for 10 times"},
        {"every 2 hours between 22:00 and 6:00", "over midnight"},
        {"every 30 seconds between 9:00 and 10:00", "whole minutes"},
        {"every day between 9:00 and 17:00", "needs hours or minutes"},
        {"every 7 minutes between 9:00 and 17:00", "BYSETPOS"},
        {"every month on the 1st at 8:00 and 20:30", "combine to"},
        {"the last workday of the month at 8:00 and 20:00", "BYSETPOS"},
        {"every 1 january and 2 july", "BYMONTH and BYMONTHDAY combine"},
        {"every month on the 1st and the last friday and tue and 3rd day", "side by side"},
        {"every 2 years on the last workday of march and june", "BYSETPOS counts"},
        {"every hour at 9:00", "does not fit"},
        {"every hour on the last friday", "does not fit"},
        {"every day on mon", "only on mon,thu"},
        {"every day until june for 10 times", "ends twice"},
        {"every day at 9:00 at 10:00", "twice"},
        {"mondays of march", "use in march"},
        {"weekly on mon or the last day", "day of the month before it"},
        {"every day until whenever", "\"whenever\" was not understood"},
        {"every day starting soon", "\"soon\" was not understood"},
        {"every day until 12/24/2026", "day/month or month/day"},
        {"every day at 9:30 banana", "banana"},
        {"every day banana", "\"banana\" was not understood"},
        {"month on the 32nd", "32nd"},
        {"the 6th friday of the month", "6th"},
        {"every day, Europe/Berln", "time zone"},
        {"by rule FREQ=DAILY for 3 times", "write the rest into the rule"},
    }));
    CAPTURE(row.words);
    const auto every = parse_every(row.words);
    REQUIRE_FALSE(every);
    CHECK(every.error().field == "every");
    CHECK_THAT(every.error().message, Catch::Contains(row.reason));
}

TEST_CASE(
    "phrases survive any bytes, are described so that they can be read again, and messages are "
    "bounded") {
    const CalendarTime day{parse_local("2026-11-24").value(), true, "UTC", {}};
    for (const auto* valid :
         {"every 2 weeks on mon,thu at 9:30, until june, Europe/Berlin",
          "every 90 minutes between 9:00 and 17:00 on weekdays",
          "the 1st and last workday of march", "3 months on the 2nd and the last day",
          "twice a day at 8 and 20 for 10 times", "the 31st or the last day", "@daily",
          "*/15 9-17 * jan-dec mon-fri", "\xc3\xa4ndern"}) {
        for (const auto& input : test::hostile_inputs(valid)) {
            if (const auto every = parse_every(input)) {
                const auto words = describe(every->rule, day);
                CAPTURE(input, words);
                const auto again = parse_every(words);
                REQUIRE(again);
                CHECK(spelt_out(again->rule, day) == spelt_out(every->rule, day));
            } else {
                CAPTURE(input);
                CHECK(every.error().reason == Reason::invalid_argument);
                CHECK(every.error().field == "every");
                CHECK(every.error().message.size() < 5000);
                if (is_utf8(input)) CHECK(is_utf8(every.error().message));
            }
        }
    }
}

}  // namespace
}  // namespace taskd::core
