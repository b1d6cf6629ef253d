// SPDX-License-Identifier: Apache-2.0
#include "core/describe.h"

#include "core/phrase.h"
#include "core/plan.h"
#include "core/recurrence.h"
#include "core/rfc3339.h"
#include "core/vocabulary.h"
#include "tests/support/rule_text.h"
#include "tests/support/seeded_random.h"

#include <catch2/catch.hpp>

#include <functional>
#include <string>
#include <vector>

namespace taskd::core {
namespace {

using test::SeededRandom;

const CalendarTime tuesday{parse_local("2026-11-24T09:00:00").value(), false, "Europe/Berlin", {}};

TEST_CASE("a rule is described in words") {
    struct Row {
        std::string rule;
        std::string words;
    };
    const auto row = GENERATE(values<Row>({
        {"FREQ=DAILY", "every day at 09:00"},
        {"FREQ=DAILY;INTERVAL=3", "every 3 days at 09:00"},
        {"FREQ=WEEKLY", "every week on Tuesday at 09:00"},
        {"FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH", "every 2 weeks on Monday and Thursday at 09:00"},
        {"FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "every weekday at 09:00"},
        {"FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,SU",
         "every week on Monday, Tuesday, Wednesday, Thursday and Sunday at 09:00"},
        {"FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU,WE,TH,FR",
         "every 2 weeks on Monday, Tuesday, Wednesday, Thursday and Friday at 09:00"},
        {"FREQ=MONTHLY", "every month on the 24th at 09:00"},
        {"FREQ=MONTHLY;BYMONTHDAY=31", "every month on the 31st at 09:00"},
        {"FREQ=MONTHLY;BYMONTHDAY=1,2,3,11,12,13,21,22,23",
         "every month on the 1st, 2nd, 3rd, 11th, 12th, 13th, 21st, 22nd and 23rd at 09:00"},
        {"FREQ=MONTHLY;BYMONTHDAY=-1", "every month on the last day at 09:00"},
        {"FREQ=MONTHLY;BYMONTHDAY=-1,15", "every month on the 15th and last day at 09:00"},
        {"FREQ=MONTHLY;BYMONTHDAY=-2", "every month on the 2nd to last day at 09:00"},
        {"FREQ=MONTHLY;BYDAY=-1FR", "every month on the last Friday at 09:00"},
        {"FREQ=MONTHLY;BYDAY=-1FR,2TU",
         "every month on the last Friday and the 2nd Tuesday at 09:00"},
        {"FREQ=YEARLY", "every year on 24 November at 09:00"},
        {"FREQ=YEARLY;BYDAY=20MO", "every year on the 20th Monday of the year at 09:00"},
        {"FREQ=DAILY;COUNT=5", "every day at 09:00, 5 times"},
        {"FREQ=DAILY;UNTIL=20261231", "every day at 09:00, until 2026-12-31"},
        {"FREQ=DAILY;UNTIL=20261231T080000Z", "every day at 09:00, until 2026-12-31T08:00:00Z"},
        {"FREQ=DAILY;BYDAY=MO", "every day at 09:00, only on Monday"},
        {"FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU",
         "every 2 weeks on Tuesday and Sunday at 09:00, weeks starting on Sunday"},
        {"FREQ=WEEKLY;BYDAY=TU,SU;WKST=SU", "every week on Tuesday and Sunday at 09:00"},
        {"FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR", "every month on the 13th at 09:00, only on Friday"},
        {"FREQ=MONTHLY;BYDAY=MO,2FR", "every month on Monday and the 2nd Friday at 09:00"},
        {"FREQ=YEARLY;BYMONTHDAY=1", "by rule FREQ=YEARLY;BYMONTHDAY=1 at 09:00"},
        {"FREQ=DAILY;INTERVAL=20000", "by rule FREQ=DAILY;INTERVAL=20000 at 09:00"},
    }));
    CAPTURE(row.rule);
    const auto rule = parse_rrule(row.rule).value();
    CHECK(describe(rule, tuesday) == row.words);
    const auto again = parse_every(row.words);
    REQUIRE(again);
    CHECK(spelt_out(again->rule, tuesday) == spelt_out(rule, tuesday));
}

TEST_CASE("a description has the zone behind it, and no time for days") {
    const auto rule = parse_rrule("FREQ=WEEKLY;INTERVAL=2;UNTIL=20270630;BYDAY=MO,TH").value();
    CHECK(describe_zoned(rule, tuesday) ==
          "every 2 weeks on Monday and Thursday at 09:00, until 2027-06-30, Europe/Berlin");
    const CalendarTime day{parse_local("2026-11-24").value(), true, "UTC", {}};
    CHECK(describe_zoned(parse_rrule("FREQ=DAILY").value(), day) == "every day, UTC");
}

TEST_CASE("a rule that no phrase says is shown, and read back") {
    for (const auto* const text :
         {"FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "FREQ=DAILY;BYSECOND=0,30", "FREQ=MINUTELY;BYHOUR=9",
          "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=2", "FREQ=YEARLY;BYMONTH=5;BYDAY=MO",
          "FREQ=MONTHLY;BYDAY=FR;BYHOUR=9,10,17;BYMINUTE=0,7,8,9,10;BYSETPOS=3",
          "FREQ=HOURLY;INTERVAL=7;BYSETPOS=1;BYMINUTE=1,2"}) {
        const auto rule = parse_rrule(text).value();
        const auto words = describe_zoned(rule, tuesday);
        CAPTURE(text, words);
        CHECK(words.rfind("by rule FREQ=", 0) == 0);
        const auto again = parse_every(words);
        REQUIRE(again);
        CHECK(again->rule == rule);
        CHECK(again->tzid == "Europe/Berlin");
    }
}

TEST_CASE("phrases are described in one form") {
    struct Row {
        std::string words;
        std::string description;
    };
    const auto row = GENERATE(values<Row>({
        {"twice a day at 8 and 20", "every day at 08:00 and 20:00"},
        {"every day at 8:00 and 20:30", "every day at 08:00 and 20:30"},
        {"mon and tue at 8:00 and 20:30", "every week on Monday and Tuesday at 08:00 and 20:30"},
        {"every 90 minutes between 9:00 and 17:00 on weekdays",
         "every 90 minutes between 09:00 and 16:30 on weekdays"},
        {"every 2 hours from 9 to 17", "every 2 hours between 09:00 and 17:00"},
        {"every 4 hours", "every 4 hours, starting 2026-11-24 09:00"},
        {"every hour at minutes 0 and 30", "every hour at minutes 0 and 30"},
        {"the last workday of the month", "every month on the last workday at 09:00"},
        {"the last workday of march and june",
         "every month on the last workday in March and June at 09:00"},
        {"the second tuesday and thursday of march",
         "every year on the 2nd Tuesday and the 2nd Thursday of March at 09:00"},
        {"every 1 january and 1 july", "every year on the 1st of January and July at 09:00"},
        {"the 100th day of the year", "every year on the 100th day of the year at 09:00"},
        {"every weekday in december", "every weekday in December at 09:00"},
        {"every january", "every year on 24 January at 09:00"},
        {"monthly on the 31st or the last day", "every month on the 31st or the last day at 09:00"},
        {"year on 29 february or the day before",
         "every year on 29 February or the day before at 09:00"},
    }));
    CAPTURE(row.words);
    const auto every = parse_every(row.words);
    REQUIRE(every);
    CHECK(describe(every->rule, tuesday) == row.description);
}

/// Makes phrases from the grammar of taskd-recurrence(7).
class Grammar {
public:
    explicit Grammar(SeededRandom& random) : random_(random) {}

    std::string phrase() { return pick({days(), weeks(), months(), years(), hours()}) + ends(); }

private:
    std::string pick(const std::vector<std::string>& from) {
        return from[static_cast<std::size_t>(
            random_.between(0, static_cast<std::int64_t>(from.size()) - 1))];
    }
    std::string number(int min, int max) { return std::to_string(random_.between(min, max)); }
    std::string list(const std::vector<std::string>& items) { return and_list(items); }
    std::vector<std::string> some(std::int64_t max, const std::function<std::string()>& one) {
        std::vector<std::string> items;
        for (auto left = random_.between(1, max); left > 0; --left) items.push_back(one());
        return items;
    }
    std::string weekday() { return weekday_name(static_cast<unsigned>(random_.between(0, 6))); }
    std::string weekday_list() {
        return list(some(4, [&] { return weekday(); }));
    }
    std::string month() { return month_name(static_cast<unsigned>(random_.between(1, 12))); }
    std::string month_list() {
        return list(some(3, [&] { return month(); }));
    }
    std::string nth(int max) {
        const int number = static_cast<int>(random_.between(1, max));
        return ordinal(random_.one_in(3) ? -number : number);
    }
    std::string clock() {
        return clock_words(
            std::chrono::minutes{random_.between(0, 23) * 60 + random_.between(0, 3) * 15});
    }
    std::string at() {
        return random_.one_in(2) ? "" : " at " + list(some(3, [&] { return clock(); }));
    }
    std::string in() { return random_.one_in(4) ? " in " + month_list() : ""; }
    std::string every(const std::string& unit, int max) {
        return random_.one_in(2) ? "every " + unit : "every " + number(1, max) + " " + unit + "s";
    }
    std::string only() {
        return random_.one_in(4) ? ", only on " + pick({weekday_list(), "weekdays"}) : "";
    }
    std::string month_day() {
        return pick(
            {"the " + nth(31) + " day",
             "the " +
                 list(some(3, [&] { return ordinal(static_cast<int>(random_.between(1, 31))); })),
             "the " + nth(5) + " " + weekday(), "the " + nth(4) + " workday",
             "the 31st or the last day", "the " + nth(2) + " weekend day"});
    }
    std::string days() { return every("day", 90) + in() + at() + only(); }
    std::string weeks() {
        return pick({every("week", 9) + " on " + weekday_list(), "weekdays",
                     "every other " + weekday(), weekday_list()}) +
               in() + at();
    }
    std::string months() {
        return pick({every("month", 13) + " on " + month_day() + in(),
                     month_day() + " of the month"}) +
               at();
    }
    std::string years() {
        return pick({every("year", 5) + " on " + number(1, 31) + " " + month(),
                     month_day() + " of " + month_list(),
                     every("year", 5) + " on the " + nth(5) + " " + weekday() + " of " +
                         month_list(),
                     "the " + nth(366) + " day of the year",
                     "every " + month_list() + " on the " + nth(31) + " day"}) +
               at();
    }
    std::string hours() {
        return pick(
            {every("hour", 30) + pick({"", " on weekdays", " on " + weekday_list()}) + in(),
             every("minute", 200) +
                 pick({"", " on the " + ordinal(static_cast<int>(random_.between(1, 31)))}) + in(),
             "every " + number(1, 16) + "5 minutes between " + clock() + " and " + clock() +
                 pick({"", " on weekdays", " on " + weekday_list()}) + in(),
             "every hour at minutes " + list(some(5, [&] { return number(0, 59); })),
             "every day at minutes " + list(some(5, [&] { return number(0, 59); })) +
                 " of the hours " + list(some(5, [&] { return number(0, 23); }))});
    }
    std::string ends() {
        return pick({"", "", ", " + number(1, 999) + " times", ", until 2027-06-30",
                     ", until 2027-06-30T08:00:00Z", " for 3 times",
                     ", weeks starting on " + weekday()}) +
               pick({"", ", Europe/Berlin", " UTC", ", after completion"});
    }

    SeededRandom& random_;
};

TEST_CASE("the description of everything that the grammar says gives the same rule") {
    SeededRandom random(1789);
    Grammar grammar(random);
    int read = 0;
    for (int i = 0; i < 20'000; ++i) {
        const auto phrase = grammar.phrase();
        const auto every = parse_every(phrase);
        if (!every) continue;  // no single rule: "at 8:00 and 20:30" on the 1st
        ++read;
        const CalendarTime dtstart{tuesday.local + std::chrono::days{random.between(0, 700)},
                                   random.one_in(2) && !has_times(every->rule),
                                   "Europe/Berlin",
                                   {}};
        const auto words = describe_zoned(every->rule, dtstart);
        CAPTURE(i, phrase, words, test::rule_text(every->rule));
        REQUIRE(words.find("by rule") == std::string::npos);
        const auto again = parse_every(words);
        REQUIRE(again);
        REQUIRE(test::rule_text(again->rule) == test::rule_text(spelt_out(every->rule, dtstart)));
        REQUIRE(again->tzid == "Europe/Berlin");
        REQUIRE(describe_zoned(again->rule, dtstart) == words);
    }
    CHECK(read > 10'000);
}

TEST_CASE("the description of a rule, read again, gives the same slots") {
    SeededRandom random(1789);
    for (int i = 0; i < 1000; ++i) {
        const CalendarTime dtstart{
            parse_local("2026-01-01T09:00:00").value() + std::chrono::days{random.between(0, 700)},
            false,
            "Europe/Berlin",
            {}};
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
        const auto slots = Recurrence::make(spec_of(rule, dtstart));
        const auto same = Recurrence::make(spec_of(again->rule, dtstart));
        REQUIRE(slots.has_value() == same.has_value());
        if (!slots) continue;
        auto slot = slots->first_slot();
        REQUIRE(same->first_slot() == slot);
        for (int step = 0; step < 30 && slot; ++step) {
            const auto next = slots->next_after(*slot);
            REQUIRE(same->next_after(*slot) == next);
            slot = next;
        }
    }
}

}  // namespace
}  // namespace taskd::core
