// SPDX-License-Identifier: Apache-2.0
// What the RFC leaves open and taskd has decided; each row is a line of taskd-recurrence(7).
#include "core/ical_time.h"
#include "core/recurrence.h"
#include "core/recurrence_text.h"
#include "core/rfc3339.h"
#include "core/text.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace taskd::core {
namespace {

using std::chrono::floor;
using std::chrono::seconds;

struct Row {
    std::string why;
    std::string dtstart;
    std::string tzid;
    std::vector<std::string> lines;
    std::string slots;  // the first ones; "local" or "local=instant" where the two tell something
};

Recurrence recurrence(const Row& row) {
    const auto spec = parse_recurrence(row.dtstart, row.tzid, row.lines);
    REQUIRE(spec);
    const auto made = Recurrence::compile(*spec);
    REQUIRE(made);
    return *made;
}

std::string word(const Slot& slot, bool is_date, bool instants) {
    std::string text = format_ical_time({slot.id.local, is_date, false});
    if (!instants) return text;
    const LocalTime utc{floor<seconds>(slot.at).time_since_epoch()};
    return text + (slot.id.fold ? "+fold=" : "=") + format_ical_time({utc, false, true}).substr(9);
}

TEST_CASE("where engines differ, taskd does what its manual says") {
    const auto row = GENERATE(values<Row>({
        {"a DTSTART that its rule does not match is not a slot",
         "20260106T090000",
         "",
         {"RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=2"},
         "20260112T090000 20260119T090000"},
        {"without a rule it is one",
         "20260106T090000",
         "",
         {"RDATE:20260105T090000"},
         "20260105T090000 20260106T090000"},
        {"a time in a gap keeps its name and happens later by the gap",
         "20260328T023000",
         "Europe/Berlin",
         {"RRULE:FREQ=DAILY;COUNT=3"},
         "20260328T023000=013000Z 20260329T023000=013000Z 20260330T023000=003000Z"},
        {"of a repeated hour a daily rule takes the first pass",
         "20261024T023000",
         "Europe/Berlin",
         {"RRULE:FREQ=DAILY;COUNT=3"},
         "20261024T023000=003000Z 20261025T023000=003000Z 20261026T023000=013000Z"},
        {"rules finer than daily have both passes",
         "20261025T013000",
         "Europe/Berlin",
         {"RRULE:FREQ=MINUTELY;INTERVAL=30;COUNT=6"},
         "20261025T013000=233000Z 20261025T020000=000000Z 20261025T023000=003000Z "
         "20261025T020000+fold=010000Z 20261025T023000+fold=013000Z 20261025T030000=020000Z"},
        {"they have none in a gap, and step in absolute time",
         "20260329T000000",
         "Europe/Berlin",
         {"RRULE:FREQ=HOURLY;COUNT=4"},
         "20260329T000000=230000Z 20260329T010000=000000Z 20260329T030000=010000Z "
         "20260329T040000=020000Z"},
        {"every 6 hours are 6 hours also on the day of the change",
         "20260328T180000",
         "Europe/Berlin",
         {"RRULE:FREQ=HOURLY;INTERVAL=6;COUNT=4"},
         "20260328T180000=170000Z 20260329T000000=230000Z 20260329T070000=050000Z "
         "20260329T130000=110000Z"},
        {"BYHOUR looks at the wall clock",
         "20260328T000000",
         "Europe/Berlin",
         {"RRULE:FREQ=HOURLY;BYHOUR=2,3;COUNT=4"},
         "20260328T020000=010000Z 20260328T030000=020000Z 20260329T030000=010000Z "
         "20260330T020000=000000Z"},
        {"where the clock changes by half an hour, steps of an hour show another minute",
         "20261003T230000",
         "Australia/Lord_Howe",
         {"RRULE:FREQ=HOURLY;COUNT=5"},
         "20261003T230000=123000Z 20261004T000000=133000Z 20261004T010000=143000Z "
         "20261004T023000=153000Z 20261004T033000=163000Z"},
        {"a day that a zone left out happens a day later",
         "20111229T100000",
         "Pacific/Apia",
         {"RRULE:FREQ=DAILY;COUNT=3"},
         "20111229T100000=200000Z 20111230T100000=200000Z 20111231T100000=200000Z"},
        {"days that do not exist are left out",
         "20260131",
         "",
         {"RRULE:FREQ=MONTHLY;COUNT=3"},
         "20260131 20260331 20260531"},
        {"or move back to the month's last day with SKIP=BACKWARD",
         "20260131",
         "",
         {"RRULE:FREQ=MONTHLY;RSCALE=GREGORIAN;SKIP=BACKWARD;COUNT=3"},
         "20260131 20260228 20260331"},
        {"or on to the next month's first with SKIP=FORWARD",
         "20260131",
         "",
         {"RRULE:FREQ=MONTHLY;RSCALE=GREGORIAN;SKIP=FORWARD;COUNT=3"},
         "20260131 20260301 20260331"},
        {"one day named by two months with SKIP is one slot",
         "20260101",
         "",
         {"RRULE:FREQ=MONTHLY;BYMONTHDAY=1,31;RSCALE=GREGORIAN;SKIP=FORWARD;COUNT=5"},
         "20260101 20260131 20260201 20260301 20260331"},
        {"BYWEEKNO takes the days of the calendar year, by the week that they lie in",
         "20240101",
         "",
         {"RRULE:FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO;COUNT=4"},
         "20240101 20241230 20251229 20270104"},
        {"without a weekday BYWEEKNO has DTSTART's",
         "20260105",
         "",
         {"RRULE:FREQ=YEARLY;BYWEEKNO=2,20;COUNT=3"},
         "20260105 20260511 20270111"},
        {"plain and numbered weekdays add up",
         "20260101",
         "",
         {"RRULE:FREQ=MONTHLY;BYDAY=1MO,FR;COUNT=5"},
         "20260102 20260105 20260109 20260116 20260123"},
        {"BYSETPOS counts the whole period, also what lies before DTSTART",
         "20260107",
         "",
         {"RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=1,2;COUNT=3"},
         "20260107 20260112 20260114"},
        {"COUNT counts from the first slot that matches",
         "20260106",
         "",
         {"RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=1"},
         "20260112"},
        {"second 60 is read as 59",
         "20260101T000000",
         "",
         {"RRULE:FREQ=MINUTELY;BYSECOND=60;COUNT=2"},
         "20260101T000059 20260101T000159"},
        {"of a DATE series the parts for times are ignored",
         "20260101",
         "",
         {"RRULE:FREQ=DAILY;BYHOUR=9,17;BYMINUTE=30;COUNT=2"},
         "20260101 20260102"},
        {"UNTIL as a date includes its day",
         "20260101T090000",
         "Europe/Berlin",
         {"RRULE:FREQ=DAILY;UNTIL=20260102"},
         "20260101T090000 20260102T090000"},
        {"UNTIL in UTC is compared as an instant",
         "20260101T003000",
         "Europe/Berlin",
         {"RRULE:FREQ=DAILY;UNTIL=20260101T233000Z"},
         "20260101T003000 20260102T003000"},
        {"an EXDATE in another zone takes out the same instant",
         "20260101T090000",
         "Europe/Berlin",
         {"RRULE:FREQ=DAILY;COUNT=3", "EXDATE;TZID=America/New_York:20260102T030000",
          "EXDATE:20260103T080000Z"},
         "20260101T090000"},
        {"an EXDATE that is a date takes out the whole day",
         "20260101T090000",
         "",
         {"RRULE:FREQ=DAILY;BYHOUR=9,12;COUNT=5", "EXDATE;VALUE=DATE:20260102"},
         "20260101T090000 20260101T120000 20260103T090000"},
        {"an RDATE that is a date has DTSTART's time",
         "20260101T090000",
         "",
         {"RDATE;VALUE=DATE:20260105"},
         "20260101T090000 20260105T090000"},
        {"an EXRULE takes out what it names",
         "20260105",
         "",
         {"RRULE:FREQ=DAILY;COUNT=8", "EXRULE:FREQ=WEEKLY;BYDAY=SA,SU"},
         "20260105 20260106 20260107 20260108 20260109 20260112"},
        {"several rules make one set without repeats",
         "20260105",
         "",
         {"RRULE:FREQ=WEEKLY;COUNT=3", "RRULE:FREQ=DAILY;INTERVAL=7;COUNT=4",
          "RDATE;VALUE=DATE:20260112,20260101"},
         "20260101 20260105 20260112 20260119 20260126"},
        {"years end with 9999", "99991230", "", {"RRULE:FREQ=DAILY"}, "99991230 99991231"},
        {"so do seconds",
         "99991231T235958",
         "Asia/Tokyo",
         {"RRULE:FREQ=SECONDLY"},
         "99991231T235958 99991231T235959"},
        {"30 February never comes",
         "20260101",
         "",
         {"RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"},
         ""},
    }));
    CAPTURE(row.why);
    const Recurrence slots = recurrence(row);
    const bool instants = row.slots.find('=') != std::string::npos;
    const auto wanted = words_of(row.slots);
    std::vector<std::string> found;
    for (const auto& slot : slots.all()) {
        if (found.size() == wanted.size() && (slots.ends() == false)) break;
        found.push_back(word(slot, slots.is_date(), instants));
        if (found.size() > wanted.size()) break;
    }
    CHECK(join(found, " ") == row.slots);

    // The other ways to ask give the same.
    std::vector<std::string> again;
    for (auto slot = slots.first_slot(); slot && again.size() < found.size();
         slot = slots.next_after(*slot))
        again.push_back(word(*slot, slots.is_date(), instants));
    CHECK(again == found);
    if (slots.ends()) CHECK(slots.count() == found.size());
}

TEST_CASE("a recurrence set that asks for too much, or for what is no recurrence, is refused") {
    struct Refused {
        std::string dtstart;
        std::string tzid;
        std::vector<std::string> lines;
        std::string field;
        std::string mentions;
    };
    std::string many = "EXDATE:20260101T000000";
    for (int i = 0; i < 1000; ++i) many += ",20260101T000000";
    const auto row = GENERATE_COPY(values<Refused>({
        {"", "", {}, "dtstart", "is not a time"},
        {"2026-01-01", "", {}, "dtstart", "2026-01-01"},
        {"20260101T000000Z", "Europe/Berlin", {}, "dtstart", "UTC"},
        {"20260101T000000", "", {"RRULE"}, "lines", "RRULE"},
        {"20260101T000000", "", {"DTSTART:20260101"}, "lines", "DTSTART"},
        {"20260101T000000", "", {"RRULE:FREQ=NEVER"}, "rrule", "FREQ=NEVER"},
        {"20260101T000000", "", {"EXRULE:FREQ=NEVER"}, "exrule", "FREQ=NEVER"},
        {"20260101T000000", "", {"EXDATE:tomorrow"}, "exdate", "tomorrow"},
        {"20260101T000000", "", {"EXDATE;VALUE=DATE:20260101T000000"}, "exdate", "a date"},
        {"20260101T000000", "", {"RDATE;VALUE=PERIOD:20260101T000000/PT1H"}, "rdate", "PERIOD"},
        {"20260101T000000", "", {"RDATE:20260101T000000Z"}, "rdate", "zone"},
        {"20260101T000000",
         "Europe/Berlin",
         {"RDATE;TZID=Mars/Base:20260101T000000"},
         "rdate",
         "Mars/Base"},
        {"20260101T000000", "", {many}, "exdate", "1000"},
        {"20260101T000000", "", std::vector<std::string>(17, "RRULE:FREQ=DAILY"), "rrule", "16"},
    }));
    CAPTURE(row.mentions);
    const auto spec = parse_recurrence(row.dtstart, row.tzid, row.lines);
    REQUIRE_FALSE(spec);
    CHECK(spec.error().field == row.field);
    CHECK_THAT(spec.error().message, Catch::Contains(row.mentions));
    CHECK(spec.error().message.size() < 300);
}

TEST_CASE("a rule finer than a day needs a start with a time") {
    const auto spec = parse_recurrence("20260101", "", {"RRULE:FREQ=HOURLY"});
    REQUIRE(spec);
    const auto made = Recurrence::compile(*spec);
    REQUIRE_FALSE(made);
    CHECK(made.error().field == "rrule");
}

TEST_CASE("an EXRULE that takes everything ends the search") {
    const auto spec =
        parse_recurrence("20260101T000000Z", "", {"RRULE:FREQ=SECONDLY", "EXRULE:FREQ=SECONDLY"});
    REQUIRE(spec);
    const auto made = Recurrence::make(*spec);
    REQUIRE_FALSE(made);
    CHECK_THAT(made.error().message, Catch::Contains("excluded"));
}

}  // namespace
}  // namespace taskd::core
