// SPDX-License-Identifier: Apache-2.0
#include "core/series.h"

#include "core/rfc3339.h"
#include "core/text.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace taskd::core {
namespace {

LocalTime local(const std::string& text) {
    return parse_local(text).value();
}
Timestamp utc(const std::string& text) {
    return parse_utc(text).value();
}

/// A schedule in Berlin. Winter there is UTC+1: 09:00 local is 08:00Z.
Schedule schedule(const std::string& rule, const std::string& dtstart,
                  const std::string& tzid = "Europe/Berlin") {
    Series series;
    series.dtstart = local(dtstart);
    series.is_date = dtstart.size() == 10;
    series.tzid = tzid;
    series.rule = parse_rrule(rule).value();
    return schedule_of(series).value();
}

/// What follows a slot that was closed, by its local time, without policies.
NextSlot slot_after(const Schedule& slots, LocalTime closed, Timestamp now) {
    return slot_after(slots, Policies{}, slots.slot({closed}), now);
}
NextSlot slot_after(const Schedule& slots, const Slot& closed, Timestamp now) {
    return slot_after(slots, Policies{}, closed, now);
}

std::string words(const NextSlot& next) {
    std::string text = next.slot ? format(next.slot->id) : "none";
    for (const auto& run : next.skipped)
        text += ", skipped " + std::to_string(run.count) + " from " + format(run.from) + " to " +
                format(run.to) + " " + std::string(to_string(run.reason));
    return text;
}

TEST_CASE("the first slot is the first from DTSTART on that is not in the past") {
    struct Row {
        std::string rule;
        std::string dtstart;
        std::string now;
        std::string next;
    };
    const auto row = GENERATE(values<Row>({
        // Before, at and after DTSTART.
        {"FREQ=DAILY", "2026-11-24T09:00:00", "2026-11-01T00:00:00Z", "2026-11-24T09:00:00"},
        {"FREQ=DAILY", "2026-11-24T09:00:00", "2026-11-24T07:59:59.999Z", "2026-11-24T09:00:00"},
        {"FREQ=DAILY", "2026-11-24T09:00:00", "2026-11-24T08:00:00.001Z",
         "2026-11-25T09:00:00, skipped 1 from 2026-11-24T09:00:00 to 2026-11-24T09:00:00 catch_up"},
        {"FREQ=DAILY", "2026-11-24T09:00:00", "2026-11-27T12:00:00Z",
         "2026-11-28T09:00:00, skipped 4 from 2026-11-24T09:00:00 to 2026-11-27T09:00:00 catch_up"},
        {"FREQ=DAILY", "1900-01-01T09:00:00", "2026-11-27T12:00:00Z",
         "2026-11-28T09:00:00, skipped 46352 from 1900-01-01T09:00:00 to 2026-11-27T09:00:00 "
         "catch_up"},
        // DTSTART off its rule is no slot.
        {"FREQ=WEEKLY;BYDAY=FR", "2026-11-24T09:00:00", "2026-11-20T00:00:00Z",
         "2026-11-27T09:00:00"},
        // Nothing left.
        {"FREQ=DAILY;COUNT=2", "2026-11-24T09:00:00", "2026-12-01T00:00:00Z",
         "none, skipped 2 from 2026-11-24T09:00:00 to 2026-11-25T09:00:00 catch_up"},
    }));
    CAPTURE(row.rule, row.dtstart, row.now);
    CHECK(words(first_slot(schedule(row.rule, row.dtstart), utc(row.now))) == row.next);
}

TEST_CASE("done early, the next slot is the one after the slot that was done") {
    const auto daily = schedule("FREQ=DAILY", "2026-11-24T09:00:00");
    const auto done = local("2026-11-26T09:00:00");
    for (const auto* now :
         {"2026-11-01T00:00:00Z", "2026-11-25T20:00:00Z", "2026-11-26T07:59:59.999Z"}) {
        CAPTURE(now);
        CHECK(words(slot_after(daily, done, utc(now))) == "2026-11-27T09:00:00");
    }
}

TEST_CASE("done late, the slots passed over are one range with both its ends") {
    struct Row {
        std::string rule;
        std::string closed;
        std::string now;
        std::string next;
    };
    const auto row = GENERATE(values<Row>({
        // Done on time or late by less than one slot: nothing was passed over.
        {"FREQ=DAILY", "2026-11-24T09:00:00", "2026-11-24T08:00:00Z", "2026-11-25T09:00:00"},
        {"FREQ=DAILY", "2026-11-24T09:00:00", "2026-11-25T07:59:59Z", "2026-11-25T09:00:00"},
        // A slot at this very moment has come: "after now" is strict.
        {"FREQ=DAILY", "2026-11-24T09:00:00", "2026-11-25T08:00:00Z",
         "2026-11-26T09:00:00, skipped 1 from 2026-11-25T09:00:00 to 2026-11-25T09:00:00 catch_up"},
        {"FREQ=DAILY", "2026-11-24T09:00:00", "2026-11-28T12:00:00Z",
         "2026-11-29T09:00:00, skipped 4 from 2026-11-25T09:00:00 to 2026-11-28T09:00:00 catch_up"},
        {"FREQ=WEEKLY;BYDAY=MO,TH", "2026-11-26T09:00:00", "2026-12-08T12:00:00Z",
         "2026-12-10T09:00:00, skipped 3 from 2026-11-30T09:00:00 to 2026-12-07T09:00:00 catch_up"},
        {"FREQ=MONTHLY;BYMONTHDAY=31", "2026-12-31T09:00:00", "2027-06-15T12:00:00Z",
         "2027-07-31T09:00:00, skipped 3 from 2027-01-31T09:00:00 to 2027-05-31T09:00:00 catch_up"},
        {"FREQ=DAILY", "2026-11-24T09:00:00", "2126-11-24T12:00:00Z",
         "2126-11-25T09:00:00, skipped 36524 from 2026-11-25T09:00:00 to 2126-11-24T09:00:00 "
         "catch_up"},
    }));
    CAPTURE(row.rule, row.closed, row.now);
    const auto next =
        slot_after(schedule(row.rule, "2026-11-24T09:00:00"), local(row.closed), utc(row.now));
    CHECK(words(next) == row.next);
}

TEST_CASE("a series ends with its last slot, and what was passed over before that is told") {
    struct Row {
        std::string rule;
        std::string closed;
        std::string now;
        std::string next;
    };
    const auto row = GENERATE(values<Row>({
        {"FREQ=DAILY;COUNT=3", "2026-11-26T09:00:00", "2026-11-26T09:00:00Z", "none"},
        {"FREQ=DAILY;COUNT=3", "2026-11-26T09:00:00", "2026-11-20T09:00:00Z", "none"},
        {"FREQ=DAILY;COUNT=3", "2026-11-26T09:00:00", "2030-01-01T00:00:00Z", "none"},
        {"FREQ=DAILY;COUNT=3", "2026-11-25T09:00:00", "2026-11-26T07:00:00Z",
         "2026-11-26T09:00:00"},
        {"FREQ=DAILY;COUNT=3", "2026-11-24T09:00:00", "2030-01-01T00:00:00Z",
         "none, skipped 2 from 2026-11-25T09:00:00 to 2026-11-26T09:00:00 catch_up"},
        {"FREQ=DAILY;UNTIL=20261128", "2026-11-28T09:00:00", "2026-11-28T10:00:00Z", "none"},
        {"FREQ=DAILY;UNTIL=20261128", "2026-11-26T09:00:00", "2026-11-28T10:00:00Z",
         "none, skipped 2 from 2026-11-27T09:00:00 to 2026-11-28T09:00:00 catch_up"},
        {"FREQ=DAILY;UNTIL=20261127T080000Z", "2026-11-26T09:00:00", "2026-11-26T10:00:00Z",
         "2026-11-27T09:00:00"},
    }));
    CAPTURE(row.rule, row.closed, row.now);
    const auto next =
        slot_after(schedule(row.rule, "2026-11-24T09:00:00"), local(row.closed), utc(row.now));
    CHECK(words(next) == row.next);
}

TEST_CASE("a DATE slot is past when its day is over in its zone") {
    const auto daily = schedule("FREQ=DAILY", "2026-11-24");
    // The 24th ends in Berlin at 23:00Z.
    CHECK(words(first_slot(daily, utc("2026-11-23T12:00:00Z"))) == "2026-11-24T00:00:00");
    CHECK(words(first_slot(daily, utc("2026-11-24T12:00:00Z"))) == "2026-11-24T00:00:00");
    CHECK(words(first_slot(daily, utc("2026-11-24T22:59:59.999Z"))) == "2026-11-24T00:00:00");
    CHECK(words(first_slot(daily, utc("2026-11-24T23:00:00Z"))) ==
          "2026-11-25T00:00:00, skipped 1 from 2026-11-24T00:00:00 to 2026-11-24T00:00:00 "
          "catch_up");
    const auto closed = local("2026-11-24");
    CHECK(words(slot_after(daily, closed, utc("2026-11-24T12:00:00Z"))) == "2026-11-25T00:00:00");
    CHECK(words(slot_after(daily, closed, utc("2026-11-25T12:00:00Z"))) == "2026-11-25T00:00:00");
    CHECK(words(slot_after(daily, closed, utc("2026-11-27T12:00:00Z"))) ==
          "2026-11-27T00:00:00, skipped 2 from 2026-11-25T00:00:00 to 2026-11-26T00:00:00 "
          "catch_up");
    const auto two = schedule("FREQ=DAILY;COUNT=2", "2026-11-24");
    CHECK(words(slot_after(two, closed, utc("2026-11-25T22:59:59Z"))) == "2026-11-25T00:00:00");
    CHECK(words(slot_after(two, closed, utc("2026-11-25T23:00:00Z"))) ==
          "none, skipped 1 from 2026-11-25T00:00:00 to 2026-11-25T00:00:00 catch_up");
}

TEST_CASE("a slot in a DST gap or a repeated hour is past when it has happened") {
    const auto daily = schedule("FREQ=DAILY", "2026-10-01T02:30:00");
    // 2027-03-28 02:30 happens at 01:30Z, which the wall clock calls 03:30.
    const auto before_gap = local("2027-03-27T02:30:00");
    CHECK(words(slot_after(daily, before_gap, utc("2027-03-28T01:29:59Z"))) ==
          "2027-03-28T02:30:00");
    CHECK(words(slot_after(daily, before_gap, utc("2027-03-28T01:30:00Z"))) ==
          "2027-03-29T02:30:00, skipped 1 from 2027-03-28T02:30:00 to 2027-03-28T02:30:00 "
          "catch_up");
    // 2026-10-25 02:30 happens at 00:30Z; at 01:10Z the wall clock shows 02:10 again.
    const auto before_overlap = local("2026-10-24T02:30:00");
    CHECK(words(slot_after(daily, before_overlap, utc("2026-10-25T00:29:59Z"))) ==
          "2026-10-25T02:30:00");
    CHECK(words(slot_after(daily, before_overlap, utc("2026-10-25T01:10:00Z"))) ==
          "2026-10-26T02:30:00, skipped 1 from 2026-10-25T02:30:00 to 2026-10-25T02:30:00 "
          "catch_up");
    const auto last = schedule("FREQ=DAILY;UNTIL=20261025", "2026-10-01T02:30:00");
    CHECK(words(slot_after(last, before_overlap, utc("2026-10-25T01:10:00Z"))) ==
          "none, skipped 1 from 2026-10-25T02:30:00 to 2026-10-25T02:30:00 catch_up");
}

TEST_CASE("a day that a zone leaves out is passed like a gap") {
    // Apia went from 2011-12-29 to 2011-12-31; 09:00 of the 30th happens at 09:00 of the 31st.
    const auto daily = schedule("FREQ=DAILY;UNTIL=20111230", "2011-12-01T09:00:00", "Pacific/Apia");
    const auto closed = local("2011-12-29T09:00:00");
    CHECK(words(slot_after(daily, closed, utc("2011-12-30T18:59:59Z"))) == "2011-12-30T09:00:00");
    CHECK(words(slot_after(daily, closed, utc("2011-12-30T19:00:00Z"))) ==
          "none, skipped 1 from 2011-12-30T09:00:00 to 2011-12-30T09:00:00 catch_up");
}

TEST_CASE("each slot is either next, skipped or behind, whenever someone asks") {
    // P11: walk a series with irregular completions and account for every slot once.
    const auto slots = schedule("FREQ=WEEKLY;BYDAY=MO,WE,SA;COUNT=200", "2026-09-01T02:30:00");
    const auto at = [&](const RecurrenceId& id) { return slots.slot(id); };
    const auto total = slots.slots.count_in(at({local("2026-01-01")}), at({local("2099-01-01")}));
    REQUIRE(total == 200);
    std::uint64_t accounted = 0;
    auto now = utc("2026-08-20T00:00:00Z");
    auto next = first_slot(slots, now);
    for (int hours = 1; next.slot; hours = hours * 5 % 977) {
        for (const auto& run : next.skipped) accounted += run.count;
        accounted += 1;
        now += std::chrono::hours{hours};
        const auto closed = *next.slot;
        next = slot_after(slots, closed, now);
        if (next.slot) REQUIRE(*next.slot > closed);
        if (next.slot) REQUIRE(next.slot->at > now);
        for (const auto& run : next.skipped) {
            REQUIRE(at(run.from) > closed);
            REQUIRE(at(run.from) <= at(run.to));
            REQUIRE(slots.slots.contains(run.from));
            REQUIRE(slots.slots.contains(run.to));
            REQUIRE(at(run.to).at <= now);
        }
    }
    for (const auto& run : next.skipped) accounted += run.count;
    CHECK(accounted == total);
}

TEST_CASE("upcoming shows the next slots, and no more than there are") {
    const auto daily = schedule("FREQ=DAILY;COUNT=3", "2026-11-24T09:00:00");
    const auto first = *daily.slots.first_slot();
    const auto all = upcoming(daily, first, 10);
    REQUIRE(all.size() == 3);
    CHECK(format(all.front()) == "2026-11-24T09:00:00+01:00");
    CHECK(format(all.back()) == "2026-11-26T09:00:00+01:00");
    CHECK(upcoming(daily, *daily.slots.next_after(first), 10).size() == 2);
    CHECK(upcoming(daily, first, 2).size() == 2);
    CHECK(upcoming(daily, first, 0).empty());
    const auto days = schedule("FREQ=DAILY", "2026-11-24");
    CHECK(format(upcoming(days, *days.slots.first_slot(), 1).front()) == "2026-11-24");
}

TEST_CASE("a schedule needs its zone and a rule that matches") {
    Series series;
    series.dtstart = local("2026-11-24T09:00:00");
    series.rule = parse_rrule("FREQ=DAILY").value();
    series.tzid = "Mars/Olympus";
    REQUIRE_FALSE(schedule_of(series));
    CHECK(schedule_of(series).error().field == "tz");
    series.tzid = "UTC";
    CHECK(schedule_of(series));
    series.rule = parse_rrule("FREQ=DAILY;UNTIL=20200101").value();
    REQUIRE_FALSE(schedule_of(series));
    CHECK(schedule_of(series).error().field == "rrule");
}

TEST_CASE("every reason of a skip has its own word") {
    std::vector<std::string> seen;
    for (int i = 0; i <= static_cast<int>(SkipReason::ended); ++i) {
        const auto reason = static_cast<SkipReason>(i);
        CHECK(skip_reason_from(to_string(reason)) == reason);
        CHECK(std::find(seen.begin(), seen.end(), to_string(reason)) == seen.end());
        seen.emplace_back(to_string(reason));
    }
    CHECK(seen.size() == 11);
}

}  // namespace
}  // namespace taskd::core
