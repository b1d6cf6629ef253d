// SPDX-License-Identifier: Apache-2.0
#include "cli/times.h"

#include "core/phrase.h"
#include "core/rfc3339.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>

namespace taskd::cli {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using std::chrono::milliseconds;

core::Timestamp at(const char* text) {
    return core::parse_utc(text).value();
}

core::TimeZone zone(const char* name) {
    return core::TimeZone::load(name).value();
}

core::CalendarTime local(const char* text, const char* tzid) {
    return core::calendar_time(core::parse_local(text).value(), false, zone(tzid));
}

core::CalendarTime date(const char* text, const char* tzid) {
    return core::calendar_time(core::parse_local(text).value(), true, zone(tzid));
}

// A Tuesday, 19:30 in Berlin.
const core::Timestamp now = at("2026-11-24T18:30:00Z");

TEST_CASE("a span is told in two units at most") {
    struct Row {
        milliseconds span;
        std::string words;
    };
    const auto row = GENERATE(values<Row>({
        {0ms, "0s"},         {45s, "45s"},
        {59499ms, "59s"},    {59500ms, "1m"},
        {59s + 59min, "1h"}, {25min, "25m"},
        {85min, "1h 25m"},   {2h + 59min, "2h 59m"},
        {3h + 5min, "3h"},   {14h, "14h"},
        {14h - 20s, "14h"},  {23h + 40min, "1d"},
        {38h, "1d 14h"},     {days{2} + 14h, "2d 14h"},
        {days{7}, "7d"},     {days{25}, "25d"},
        {days{89}, "89d"},   {days{100}, "3mo"},
        {days{365}, "12mo"}, {days{800}, "2y"},
    }));
    CAPTURE(row.words);
    CHECK(rough_span(row.span) == row.words);
}

TEST_CASE("a distance says on which side of now it lies") {
    CHECK(distance(now + 14h, now) == "in 14h");
    CHECK(distance(now - 2h, now) == "2h ago");
    CHECK(distance(now, now) == "now");
    CHECK(distance(now + 400ms, now) == "now");
    CHECK(distance(now - 700ms, now) == "1s ago");
}

TEST_CASE("a DATE is counted in days of its own zone") {
    CHECK(distance(date("2026-11-24", "Europe/Berlin"), now) == "today");
    CHECK(distance(date("2026-11-25", "Europe/Berlin"), now) == "tomorrow");
    CHECK(distance(date("2026-11-23", "Europe/Berlin"), now) == "yesterday");
    CHECK(distance(date("2026-11-27", "Europe/Berlin"), now) == "in 3d");
    CHECK(distance(date("2026-11-20", "Europe/Berlin"), now) == "4d ago");
    // In Tokyo it is 03:30 on Wednesday.
    CHECK(distance(date("2026-11-25", "Asia/Tokyo"), now) == "today");
}

TEST_CASE("overdue is a time that passed, or a day that is over") {
    CHECK(is_overdue(local("2026-11-24T19:29:59", "Europe/Berlin"), now));
    CHECK_FALSE(is_overdue(local("2026-11-24T19:30:00", "Europe/Berlin"), now));
    CHECK_FALSE(is_overdue(date("2026-11-24", "Europe/Berlin"), now));
    CHECK(is_overdue(date("2026-11-23", "Europe/Berlin"), now));
    CHECK(is_overdue(date("2026-11-24", "Asia/Tokyo"), now));
}

TEST_CASE("a due time in a list is as short as it can be told") {
    struct Row {
        core::CalendarTime due;
        std::string words;
    };
    const auto* const berlin = "Europe/Berlin";
    const auto row = GENERATE_COPY(values<Row>({
        {local("2026-11-24T22:30:00", berlin), "today 22:30, in 3h"},
        {local("2026-11-24T18:30:00", berlin), "today 18:30, 1h ago"},
        {local("2026-11-25T09:30:00", berlin), "tomorrow 09:30, in 14h"},
        {local("2026-11-23T19:30:00", berlin), "yesterday 19:30, 1d ago"},
        {local("2026-11-27T09:30:00", berlin), "Fri 09:30, in 2d 14h"},
        {local("2026-11-30T19:30:00", berlin), "Mon 19:30, in 6d"},
        {local("2026-12-01T19:30:00", berlin), "2026-12-01 19:30, in 7d"},
        {local("2026-11-22T19:30:00", berlin), "Sun 19:30, 2d ago"},
        {local("2026-11-17T19:30:00", berlin), "2026-11-17 19:30, 7d ago"},
        {local("2026-11-25T09:30:59", berlin), "tomorrow 09:30, in 14h"},
        {date("2026-11-24", berlin), "today"},
        {date("2026-11-25", berlin), "tomorrow"},
        {date("2026-11-23", berlin), "yesterday"},
        {date("2026-11-28", berlin), "Sat, in 4d"},
        {date("2026-12-31", berlin), "2026-12-31, in 37d"},
        // On the reader's clock, whatever the task's own zone is.
        {local("2026-11-25T09:30:00", "America/New_York"), "tomorrow 15:30, in 20h"},
    }));
    CHECK(due_words(row.due, now, zone(berlin)) == row.words);
}

TEST_CASE("a full time names its zone where it is not the reader's") {
    const auto time = local("2026-11-25T09:30:00", "Europe/Berlin");
    CHECK(full_words(time, zone("Europe/Berlin")) == "Wed 2026-11-25 09:30");
    CHECK(full_words(time, zone("Asia/Tokyo")) == "Wed 2026-11-25 09:30 Europe/Berlin");
}

TEST_CASE("instants are told on the reader's clock") {
    CHECK(moment(now + 7s, zone("Europe/Berlin")) == "Tue 2026-11-24 19:30");
    CHECK(stamp(now + 7s, zone("Europe/Berlin")) == "2026-11-24 19:30:07");
    CHECK(stamp(now, zone("Asia/Tokyo")) == "2026-11-25 03:30:00");
}

TEST_CASE("skipped slots are told as a range with their number") {
    const auto slot = [](const char* text) { return core::parse_recurrence_id(text).value(); };
    const auto monday = slot("2026-11-23T09:30:00");
    CHECK(skipped_words({monday, slot("2026-11-25T09:30:00"), 3, core::SkipReason::catch_up}) ==
          "skipped 3 slots (Mon 2026-11-23 09:30 .. Wed 2026-11-25 09:30); done covers them");
    CHECK(skipped_words({monday, monday, 1, core::SkipReason::catch_up}) ==
          "skipped the slot of Mon 2026-11-23 09:30; done covers it");
    CHECK(skipped_words({monday, monday, 1, core::SkipReason::user}) ==
          "skipped the slot of Mon 2026-11-23 09:30");
    CHECK(slot_words(slot("2026-11-23")) == "Mon 2026-11-23");
}

TEST_CASE("a reminder tells how long before") {
    core::Reminder reminder;
    CHECK(reminder_words(reminder) == "at the time");
    reminder.before = 90min;
    CHECK(reminder_words(reminder) == "1h30m before");
}

TEST_CASE("a rule is echoed with its time and zone") {
    const auto rule = core::parse_every("weekday").value().rule;
    CHECK(rule_words(rule, local("2026-11-25T09:30:00", "Europe/Berlin")) ==
          "every weekday at 09:30, Europe/Berlin");
    CHECK(rule_words(rule, date("2026-11-25", "UTC")) == "every weekday, UTC");
}

TEST_CASE("an offset is written as in ISO 8601, UTC too") {
    CHECK(offset_words(1h) == "+01:00");
    CHECK(offset_words(-3h - 30min) == "-03:30");
    CHECK(offset_words(0s) == "+00:00");
}

}  // namespace
}  // namespace taskd::cli
