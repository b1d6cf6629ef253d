// SPDX-License-Identifier: Apache-2.0
#include "core/cron.h"

#include "core/describe.h"
#include "core/rfc3339.h"
#include "tests/support/hostile.h"
#include "tests/support/rule_text.h"

#include <catch2/catch.hpp>

#include <string>

namespace taskd::core {
namespace {

TEST_CASE("cron lines become one rule") {
    struct Row {
        std::string line;
        std::string rule;  // as test::rule_text writes it
        std::string at = {};
    };
    const auto row = GENERATE(values<Row>({
        {"0 9 * * 1-5", "WEEKLY BYDAY=MO,TU,WE,TH,FR", "09:00"},
        {"30 18 * * *", "DAILY", "18:30"},
        {"  0\t9 * * *  ", "DAILY", "09:00"},
        {"@daily", "DAILY", "00:00"},
        {"@midnight", "DAILY", "00:00"},
        {"@Weekly", "WEEKLY BYDAY=SU", "00:00"},
        {"@monthly", "MONTHLY BYMONTHDAY=1", "00:00"},
        {"@yearly", "YEARLY BYMONTH=1 BYMONTHDAY=1", "00:00"},
        {"@annually", "YEARLY BYMONTH=1 BYMONTHDAY=1", "00:00"},
        {"@hourly", "HOURLY BYMINUTE=0"},
        {"* * * * *", "MINUTELY"},
        {"*/1 * * * *", "MINUTELY"},
        {"0-59 * * * *", "MINUTELY"},
        {"15 * * * *", "HOURLY BYMINUTE=15"},
        {"*/7 * * * *", "HOURLY BYMINUTE=0,7,14,21,28,35,42,49,56"},
        {"5-20/5 * * * *", "HOURLY BYMINUTE=5,10,15,20"},
        {"15 * * * 1-5", "HOURLY BYDAY=MO,TU,WE,TH,FR BYMINUTE=15"},
        {"0 8,20 * * *", "DAILY BYHOUR=8,20 BYMINUTE=0"},
        {"0 8,20 * * 1-5", "WEEKLY BYDAY=MO,TU,WE,TH,FR BYHOUR=8,20 BYMINUTE=0"},
        {"0 */6 * * *", "DAILY BYHOUR=0,6,12,18 BYMINUTE=0"},
        {"*/30 9-10 * * 1-5", "DAILY BYDAY=MO,TU,WE,TH,FR BYHOUR=9,10 BYMINUTE=0,30"},
        {"0 9 1,15 * *", "MONTHLY BYMONTHDAY=1,15", "09:00"},
        {"0 9 L * *", "MONTHLY BYMONTHDAY=-1", "09:00"},
        {"0 9 L-2 * *", "MONTHLY BYMONTHDAY=-3", "09:00"},
        {"0 9 24 dec *", "YEARLY BYMONTH=12 BYMONTHDAY=24", "09:00"},
        {"0 9 24 12 ?", "YEARLY BYMONTH=12 BYMONTHDAY=24", "09:00"},
        {"0 9 * 6-8 MON", "WEEKLY BYMONTH=6,7,8 BYDAY=MO", "09:00"},
        {"0 9 * * 0", "WEEKLY BYDAY=SU", "09:00"},
        {"0 9 * * 7", "WEEKLY BYDAY=SU", "09:00"},
        {"0 9 * * 0,7", "WEEKLY BYDAY=SU", "09:00"},
        {"0 9 * * 5-7", "WEEKLY BYDAY=FR,SA,SU", "09:00"},
        {"0 9 * * fri-sat", "WEEKLY BYDAY=FR,SA", "09:00"},
        {"0 9 * * 0-6", "DAILY", "09:00"},
        {"0 9 * * 1-7", "DAILY", "09:00"},
        {"0 9 * * 5L", "MONTHLY BYDAY=-1FR", "09:00"},
        {"0 9 * * 5#2", "MONTHLY BYDAY=2FR", "09:00"},
        {"0 9 * 3 TUE#2,thu#2", "MONTHLY BYMONTH=3 BYDAY=2TU,2TH", "09:00"},
        {"*/30 * * * 5L",
         "MONTHLY BYDAY=-1FR BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23 "
         "BYMINUTE=0,30"},
        {"0 9 */2 * *", "MONTHLY BYMONTHDAY=1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31", "09:00"},
    }));
    CAPTURE(row.line);
    REQUIRE(looks_like_cron(row.line));
    const auto every = parse_every(row.line);
    if (!every) FAIL(every.error().message);
    CHECK(test::rule_text(every->rule) == row.rule);
    CHECK(every->at.value_or("") == row.at);
}

TEST_CASE("cron lines are described as phrases") {
    struct Row {
        std::string line;
        std::string words;
    };
    const auto row = GENERATE(values<Row>({
        {"0 9 * * 1-5", "every weekday at 09:00"},
        {"*/15 9-17 * * 1-5", "every 15 minutes between 09:00 and 17:45 on weekdays"},
        {"0 8,20 * * *", "every day at 08:00 and 20:00"},
        {"*/20 * * * *", "every hour at minutes 0, 20 and 40"},
        {"0 9 * * 5L", "every month on the last Friday at 09:00"},
        {"0 9 24 12 *", "every year on 24 December at 09:00"},
        {"3,7,20,44 9-17 * * *",
         "every day at minutes 3, 7, 20 and 44 of the hours 9, 10, 11, 12, 13, 14, 15, 16 and 17"},
    }));
    CAPTURE(row.line);
    const auto every = parse_every(row.line);
    REQUIRE(every);
    CHECK(describe(every->rule, {parse_local("2026-11-24T09:00:00").value(), false, "UTC", {}}) ==
          row.words);
}

TEST_CASE("a zone may stand behind a cron line") {
    const auto every = parse_every("0 9 * * 1-5 Europe/Berlin").value();
    CHECK(every.tzid == "Europe/Berlin");
    CHECK(every.at == "09:00 Europe/Berlin");
    CHECK(parse_every("@hourly UTC")->tzid == "UTC");
}

TEST_CASE("cron lines that no single RRULE equals are refused with the reason") {
    struct Row {
        std::string line;
        std::string reason;
    };
    const auto row = GENERATE(values<Row>({
        {"0 9 13 * 5", "either of them; no single RRULE"},
        {"0 9 L * 1-5", "either of them; no single RRULE"},
        {"0 9 */2 * 1", "crons differ"},
        {"@reboot", "no time"},
        {"@every 5m", "write every 90 minutes"},
        {"@dayly", "was not understood"},
        {"0 0 9 * * 1", "6 fields; seconds and years are not accepted"},
        {"0 0 9 * * 1 2027", "7 fields"},
        {"0 9 * *", "4 fields; use five"},
        {"60 9 * * *", "\"60\" is not accepted as minute"},
        {"0 24 * * *", "as hour"},
        {"0 9 0 * *", "as day of month"},
        {"0 9 * 13 *", "as month"},
        {"0 9 * * 8", "as day of week"},
        {"0 9 15W * *", "nearest to a day"},
        {"0 9 LW * *", "the last weekday of the month"},
        {"0 9 * * L", "5L for the last Friday"},
        {"0 9 * * 5#6", "as day of week"},
        {"0 17-9 * * *", "ends before it begins"},
        {"5/15 * * * *", "5-59/15"},
        {"*/0 * * * *", "a step is"},
        {"*/100 * * * *", "a step is"},
        {"0, 9 * * *", "\"0,\" is not accepted"},
        {"-5 9 * * *", "as minute"},
        {"0 9 * * mond", "as day of week"},
        {"0 9 * * 1-5 Europe/Berln", "time zone"},
    }));
    CAPTURE(row.line);
    const auto every = parse_every(row.line);
    REQUIRE_FALSE(every);
    CHECK(every.error().field == "every");
    CHECK_THAT(every.error().message, Catch::Contains(row.reason));
}

TEST_CASE("a cron line of all minutes has each once") {
    const auto rule = parse_every("* * * * 5L").value().rule;  // found by phrase_fuzzer
    CHECK(rule.by_minute.size() == 60);
    CHECK(rule.by_hour.size() == 24);
}

TEST_CASE("phrases are not taken for cron lines") {
    const auto words = GENERATE("every day", "3 days", "2 weeks on mon", "1st and 15th",
                                "24 december", "mon,tue", "9:30", "");
    CHECK_FALSE(looks_like_cron(words));
}

}  // namespace
}  // namespace taskd::core
