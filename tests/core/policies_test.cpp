// SPDX-License-Identifier: Apache-2.0
#include "core/policies.h"

#include "core/rfc3339.h"
#include "core/series.h"

#include <catch2/catch.hpp>

namespace taskd::core {
namespace {

using namespace std::chrono_literals;

Slot slot(const Schedule& schedule, const char* text) {
    return schedule.slot(parse_recurrence_id(text).value());
}
Timestamp utc(const char* text) {
    return parse_utc(text).value();
}

Series series(const char* rule, const char* dtstart, const PolicyWords& words = {}) {
    Series made;
    made.dtstart = parse_local(dtstart).value();
    made.is_date = std::string(dtstart).size() == 10;
    made.tzid = "UTC";
    made.rule = parse_rrule(rule).value();
    made.policies = applied({}, words, false).value();
    return made;
}

std::string words(const NextSlot& next) {
    std::string text = next.slot ? format(next.slot->id) : "none";
    for (const auto& run : next.skipped)
        text += ", " + std::string(to_string(run.reason)) + " " + std::to_string(run.count) + " " +
                format(run.from).substr(5, 5) + ".." + format(run.to).substr(5, 5);
    return text;
}

PolicyWords with(std::optional<std::string> PolicyWords::*field, const char* word,
                 PolicyWords words = {}) {
    words.*field = word;
    return words;
}
using P = PolicyWords;

TEST_CASE("policies that contradict each other are refused by the one that has to give way") {
    struct Row {
        P words;
        const char* rule;
        const char* field;
    };
    const auto row = GENERATE(values<Row>({
        {with(&P::overlap, "stack", with(&P::anchor, "completion")), "FREQ=DAILY", "overlap"},
        {with(&P::catch_up, "all", with(&P::anchor, "completion")), "FREQ=DAILY", "catch_up"},
        {with(&P::window, "2 days"), "FREQ=DAILY", "window"},
        {with(&P::max, "3"), "FREQ=DAILY", "max"},
        {with(&P::max, "3", with(&P::catch_up, "latest")), "FREQ=DAILY", "max"},
        {with(&P::spread, "1h", with(&P::catch_up, "all")), "FREQ=DAILY", "spread"},
        {with(&P::spread, "1h", with(&P::overlap, "stack")), "FREQ=DAILY", "spread"},
        {with(&P::min_gap, "1h", with(&P::overlap, "stack")), "FREQ=DAILY", "min_gap"},
        {with(&P::min_gap, "1h", with(&P::catch_up, "all")), "FREQ=DAILY", "min_gap"},
    }));
    const auto policies = applied({}, row.words, false);
    REQUIRE(policies);
    const auto good = check_policies(*policies, parse_rrule(row.rule).value());
    REQUIRE_FALSE(good);
    CHECK(good.error().field == row.field);
}

TEST_CASE("a policy tells where it comes from, and default takes it back") {
    auto policies = applied({}, with(&P::catch_up, "all"), false).value();
    policies = applied(policies, with(&P::window, "2 days"), true).value();
    for (const auto& view : describe(policies)) {
        const std::string origin = view.name == "catch_up" ? "add"
                                   : view.name == "window" ? "changed"
                                                           : "default";
        CHECK(view.origin == origin);
    }
    policies = applied(policies, with(&P::catch_up, "default"), true).value();
    CHECK(policies.catch_up == CatchUp::skip);
    CHECK(applied({}, with(&P::shift, "sideways"), false).error().field == "shift");
    CHECK(applied({}, with(&P::max, "1001"), false).error().field == "max");
}

TEST_CASE("what is caught up with goes by catch_up, window and max") {
    struct Row {
        P words;
        const char* next;
    };
    // Closed is the 1st; now is the 6th, 12:00; slots are at 9:00.
    const auto row = GENERATE(values<Row>({
        {{}, "2026-12-07T09:00:00, catch_up 5 12-02..12-06"},
        {with(&P::catch_up, "latest"), "2026-12-06T09:00:00, catch_up 4 12-02..12-05"},
        {with(&P::window, "1h", with(&P::catch_up, "latest")),
         "2026-12-07T09:00:00, window 5 12-02..12-06"},
        {with(&P::catch_up, "all"), "2026-12-02T09:00:00"},
        {with(&P::window, "2 days", with(&P::catch_up, "all")),
         "2026-12-05T09:00:00, window 3 12-02..12-04"},
        {with(&P::max, "2", with(&P::catch_up, "all")),
         "2026-12-05T09:00:00, catch_up 3 12-02..12-04"},
    }));
    const auto daily = series("FREQ=DAILY", "2026-12-01T09:00:00", row.words);
    const auto schedule = schedule_of(daily).value();
    CHECK(words(slot_after(schedule, daily.policies, slot(schedule, "2026-12-01T09:00:00"),
                           utc("2026-12-06T12:00:00Z"))) == row.next);
}

TEST_CASE("min_gap keeps the next one off, and the slots on the way have that reason") {
    const auto daily = series("FREQ=DAILY", "2026-12-01T09:00:00", with(&P::min_gap, "2 days"));
    const auto schedule = schedule_of(daily).value();
    const auto now = utc("2026-12-01T10:00:00Z");
    CHECK(words(slot_after(schedule, daily.policies, slot(schedule, "2026-12-01T09:00:00"), now,
                           now)) == "2026-12-04T09:00:00, min_gap 2 12-02..12-03");
}

TEST_CASE("a slot on a day off is shifted or skipped") {
    // 2026-12-05 is a Saturday; the Monday after it is a holiday here.
    const Holidays holidays{std::chrono::local_days{std::chrono::year{2026} / 12 / 7}};
    const auto due = [&](const char* word) {
        const auto weekly = series("FREQ=WEEKLY", "2026-12-05T09:00:00", with(&P::shift, word));
        const auto schedule = schedule_of(weekly, holidays).value();
        return format(schedule.at(*schedule.slots.first_slot()));
    };
    CHECK(due("none") == "2026-12-05T09:00:00+00:00");
    CHECK(due("next") == "2026-12-08T09:00:00+00:00");
    CHECK(due("previous") == "2026-12-04T09:00:00+00:00");
    const auto daily = series("FREQ=DAILY", "2026-12-04T09:00:00", with(&P::shift, "skip"));
    const auto schedule = schedule_of(daily, holidays).value();
    CHECK(words(slot_after(schedule, daily.policies, slot(schedule, "2026-12-04T09:00:00"),
                           utc("2026-12-04T10:00:00Z"))) ==
          "2026-12-08T09:00:00, shift 3 12-05..12-07");
}

TEST_CASE("counted from completion: on the days that the rule names, else INTERVAL later") {
    struct Row {
        const char* rule;
        const char* closed;
        const char* next;
    };
    const auto row = GENERATE(values<Row>({
        {"FREQ=DAILY;INTERVAL=3", "2026-12-10T22:00:00Z", "2026-12-13T09:00:00"},
        {"FREQ=WEEKLY", "2026-12-10T22:00:00Z", "2026-12-17T09:00:00"},
        {"FREQ=WEEKLY;BYDAY=MO,TH", "2026-12-09T22:00:00Z", "2026-12-10T09:00:00"},
        {"FREQ=WEEKLY;BYDAY=MO,TH", "2026-12-10T01:00:00Z", "2026-12-14T09:00:00"},
        {"FREQ=MONTHLY", "2027-01-31T22:00:00Z", "2027-02-28T09:00:00"},
        {"FREQ=DAILY;UNTIL=20261212", "2026-12-12T22:00:00Z", "none"},
    }));
    CAPTURE(row.rule, row.closed);
    const auto made = series(row.rule, "2026-12-01T09:00:00", with(&P::anchor, "completion"));
    CHECK(words({slot_from(schedule_of(made).value(), made, utc(row.closed)), {}}) == row.next);
}

TEST_CASE("a stack makes what is on time, and catches up with what was missed") {
    const auto step = [](const P& more, const char* now) {
        const auto daily =
            series("FREQ=DAILY", "2026-12-01T09:00:00", with(&P::overlap, "stack", more));
        const auto schedule = schedule_of(daily).value();
        const auto made =
            stack_after(schedule, daily.policies, slot(schedule, "2026-12-01T09:00:00"), utc(now));
        return words(made.next) + " again " + format_utc(made.again.value());
    };
    CHECK(step({}, "2026-12-01T09:00:00Z") == "2026-12-02T09:00:00 again 2026-12-02T09:00:00.000Z");
    CHECK(step({}, "2026-12-04T12:00:00Z") ==
          "2026-12-05T09:00:00, catch_up 3 12-02..12-04 again 2026-12-05T09:00:00.000Z");
    CHECK(step(with(&P::catch_up, "all"), "2026-12-04T12:00:00Z") ==
          "2026-12-02T09:00:00 again 2026-12-02T09:00:00.000Z");
    CHECK(step(with(&P::spread, "1h", with(&P::catch_up, "all")), "2026-12-04T12:00:00Z") ==
          "2026-12-02T09:00:00 again 2026-12-04T13:00:00.000Z");
}

}  // namespace
}  // namespace taskd::core
