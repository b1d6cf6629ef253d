// SPDX-License-Identifier: Apache-2.0
#include "core/plan.h"

#include "core/recurrence.h"
#include "core/rfc3339.h"
#include "tests/support/rule_text.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace taskd::core {
namespace {

TimeZone berlin() {
    return TimeZone::load("Europe/Berlin").value();
}

// Tuesday, ten in the morning in Berlin.
const Timestamp tuesday = parse_utc("2026-11-24T09:00:00Z").value();

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
    CHECK(Recurrence::make(spec_of(rule, *dtstart))->first_slot()->id.local == dtstart->local);
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

TEST_CASE("a phrase becomes a rule and its DTSTART") {
    struct Row {
        std::string words;
        std::string at;
        std::string rule;
        std::string dtstart;
    };
    const auto row = GENERATE(values<Row>({
        {"every day", "", "DAILY", "2026-11-24"},
        {"every day at 9:30", "", "DAILY", "2026-11-25T09:30:00+01:00"},
        {"every day", "9:30", "DAILY", "2026-11-25T09:30:00+01:00"},
        {"every day starting next monday", "", "DAILY", "2026-11-30"},
        {"every day starting next monday", "9:30", "DAILY", "2026-11-30T09:30:00+01:00"},
        {"every day at 9:30 starting next monday", "", "DAILY", "2026-11-30T09:30:00+01:00"},
        {"every day starting 2026-12-01 08:00", "", "DAILY", "2026-12-01T08:00:00+01:00"},
        {"every 2 weeks on thu starting dec 1 at 8:00", "", "WEEKLY INTERVAL=2 BYDAY=TH",
         "2026-12-03T08:00:00+01:00"},
        {"every day at 9:30 until june", "", "DAILY UNTIL=2027-06-30", "2026-11-25T09:30:00+01:00"},
        {"every day, Asia/Tokyo", "", "DAILY", "2026-11-24"},
        {"every day, Asia/Tokyo", "19:00", "DAILY", "2026-11-24T19:00:00+09:00"},
        {"every day at 19:00, until 2027-06-30, Asia/Tokyo", "", "DAILY UNTIL=2027-06-30",
         "2026-11-24T19:00:00+09:00"},
        {"every day starting tomorrow, Asia/Tokyo", "", "DAILY", "2026-11-25"},
        // Times of the rule's own: the next one.
        {"every 4 hours", "", "HOURLY INTERVAL=4", "2026-11-24T11:00:00+01:00"},
        {"every 4 hours starting 8:00", "", "HOURLY INTERVAL=4", "2026-11-25T08:00:00+01:00"},
        {"every 4 hours on fri", "", "HOURLY INTERVAL=4 BYDAY=FR", "2026-11-27T00:00:00+01:00"},
        {"every 20 minutes", "", "MINUTELY INTERVAL=20", "2026-11-24T10:01:00+01:00"},
        {"15 * * * *", "", "HOURLY BYMINUTE=15", "2026-11-24T10:15:00+01:00"},
        {"every day at 8 and 20", "", "DAILY BYHOUR=8,20 BYMINUTE=0", "2026-11-24T20:00:00+01:00"},
        {"every day at 8 and 20", "8:00", "DAILY BYHOUR=8,20 BYMINUTE=0",
         "2026-11-25T08:00:00+01:00"},
        {"every day at 8 and 20 starting friday", "", "DAILY BYHOUR=8,20 BYMINUTE=0",
         "2026-11-27T08:00:00+01:00"},
        {"every 2 hours between 9:00 and 12:00 starting today", "", "DAILY BYHOUR=9,11 BYMINUTE=0",
         "2026-11-24T11:00:00+01:00"},
        {"last workday of the month at 17:00", "", "MONTHLY BYDAY=MO,TU,WE,TH,FR BYSETPOS=-1",
         "2026-11-30T17:00:00+01:00"},
    }));
    CAPTURE(row.words, row.at);
    const auto plan = plan_of(parse_every(row.words).value(), row.at, tuesday, berlin());
    if (!plan) FAIL(plan.error().message);
    CHECK(test::rule_text(plan->rule) == row.rule);
    CHECK(format(plan->dtstart) == row.dtstart);
}

TEST_CASE("the slots of a phrase are those that it says") {
    struct Row {
        std::string words;
        std::vector<std::string> slots;
    };
    const auto row = GENERATE(values<Row>({
        {"every 90 minutes between 9:00 and 17:00 on tue",
         {"2026-11-24T10:30:00", "2026-11-24T12:00:00", "2026-11-24T13:30:00",
          "2026-11-24T15:00:00", "2026-11-24T16:30:00", "2026-12-01T09:00:00"}},
        {"mon and tue at 8:00 and 20:30",
         {"2026-11-24T20:30:00", "2026-11-30T08:00:00", "2026-11-30T20:30:00",
          "2026-12-01T08:00:00", "2026-12-01T20:30:00"}},
        {"monthly on the 31st or the last day at 9:00",
         {"2026-11-30T09:00:00", "2026-12-31T09:00:00", "2027-01-31T09:00:00",
          "2027-02-28T09:00:00"}},
        {"the second tuesday and thursday of march at noon",
         {"2027-03-09T12:00:00", "2027-03-11T12:00:00", "2028-03-09T12:00:00",
          "2028-03-14T12:00:00"}},
        {"0 9 L-2 * *", {"2026-11-28T09:00:00", "2026-12-29T09:00:00"}},
    }));
    CAPTURE(row.words);
    const auto plan = plan_of(parse_every(row.words).value(), "", tuesday, berlin()).value();
    const auto slots = Recurrence::make(spec_of(plan.rule, plan.dtstart)).value();
    auto slot = slots.first_slot();
    for (const auto& expected : row.slots) {
        REQUIRE(slot);
        CHECK(format_local(slot->id.local) == expected);
        slot = slots.next_after(*slot);
    }
}

TEST_CASE("a plan that contradicts itself is refused") {
    const auto error = [](const std::string& words, const std::string& at = {}) {
        const auto plan = plan_of(parse_every(words).value(), at, tuesday, berlin());
        REQUIRE_FALSE(plan);
        return plan.error();
    };
    CHECK(error("every day at 9:30", "10:00").field == "at");
    CHECK_THAT(error("every day starting june 1 2027 until may 2027").message,
               Catch::Contains("before its first slot"));
    CHECK(error("every day starting tomorrow at 9:00", "10:00").field == "at");
    CHECK(error("every day", "soon").field == "at");
    CHECK_THAT(error("every day at 8:00 and 20:00", "9:30").message,
               Catch::Contains("not one of the rule's own times"));
}

}  // namespace
}  // namespace taskd::core
