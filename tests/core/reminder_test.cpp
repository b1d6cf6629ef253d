// SPDX-License-Identifier: Apache-2.0
#include "core/reminder.h"

#include "core/rfc3339.h"

#include <catch2/catch.hpp>

#include <set>
#include <string>

namespace taskd::core {
namespace {

using namespace std::chrono_literals;

LocalTime local(const std::string& text) {
    return parse_local(text).value();
}
Timestamp utc(const std::string& text) {
    return parse_utc(text).value();
}

Schedule schedule(const std::string& rule, const std::string& dtstart) {
    Series series;
    series.dtstart = local(dtstart);
    series.is_date = dtstart.size() == 10;
    series.tzid = "Europe/Berlin";
    series.rule = parse_rrule(rule).value();
    return schedule_of(series).value();
}

CalendarTime berlin(const std::string& text) {
    return calendar_time(local(text), text.size() == 10, TimeZone::load("Europe/Berlin").value());
}

Reminder reminder(std::chrono::seconds before = 0s) {
    Reminder made;
    made.id = ReminderId("reminder");
    made.user = UserId("ada");
    made.task = TaskId("task");
    made.before = before;
    return made;
}

std::string text(const std::optional<Timestamp>& at) {
    return at ? format_utc(*at) : "none";
}
std::string text(const std::optional<RecurrenceId>& id) {
    return id ? format(*id) : "none";
}

// ------------------------------------------------------------------ reminders of one task

TEST_CASE("a reminder goes off so long before the due time") {
    struct Row {
        std::string due;
        std::chrono::seconds before;
        std::string at;
    };
    const auto row = GENERATE(values<Row>({
        {"2026-11-24T09:00:00", 0s, "2026-11-24T08:00:00.000Z"},
        {"2026-11-24T09:00:00", 10min, "2026-11-24T07:50:00.000Z"},
        {"2026-11-24T09:00:00", 366 * 24h, "2025-11-23T08:00:00.000Z"},
        // A DATE counts from nine in the morning, in summer as in winter.
        {"2026-11-24", 0s, "2026-11-24T08:00:00.000Z"},
        {"2026-07-24", 0s, "2026-07-24T07:00:00.000Z"},
        {"2026-11-24", 10h, "2026-11-23T22:00:00.000Z"},
        // On the days of the change, too, where nine is not nine hours after midnight.
        {"2027-03-28", 0s, "2027-03-28T07:00:00.000Z"},
        {"2026-10-25", 0s, "2026-10-25T08:00:00.000Z"},
        // In the gap and the repeated hour.
        {"2027-03-28T02:30:00", 0s, "2027-03-28T01:30:00.000Z"},
        {"2026-10-25T02:30:00", 0s, "2026-10-25T00:30:00.000Z"},
    }));
    CAPTURE(row.due, row.before.count());
    const auto due = berlin(row.due);
    CHECK(text(time_of(reminder(row.before), due).value()) == row.at);
    CHECK(text(armed(reminder(row.before), due)->next) == row.at);
}

TEST_CASE("a reminder without a due time, or one that went off, is silent") {
    auto pending = reminder();
    pending.next = utc("2026-11-24T08:00:00Z");
    CHECK_FALSE(armed(pending, std::nullopt)->next);
    pending.fired = true;
    CHECK_FALSE(armed(pending, berlin("2026-11-24T09:00:00"))->next);
}

TEST_CASE("a reminder whose zone is unknown says so") {
    auto due = berlin("2026-11-24T09:00:00");
    due.tzid = "Mars/Olympus";
    REQUIRE_FALSE(armed(reminder(), due));
    CHECK(armed(reminder(), due).error().field == "tz");
}

TEST_CASE("a reminder of a task goes off once: at its time, late within grace, or as missed") {
    struct Row {
        std::string now;
        bool goes_off;
        std::chrono::milliseconds late;
    };
    const auto row = GENERATE(values<Row>({
        {"2026-11-24T07:50:00.000Z", true, 0ms},
        {"2026-11-24T07:50:00.001Z", true, 1ms},
        {"2026-11-25T07:50:00.000Z", true, 24h},
        {"2026-11-25T07:50:00.001Z", false, 24h + 1ms},
        {"2036-11-25T07:50:00.001Z", false, 24h * 3654 + 1ms},
    }));
    CAPTURE(row.now);
    const auto due = berlin("2026-11-24T09:00:00");
    const auto pending = armed(reminder(10min), due).value();
    const auto firing = fire(pending, due, utc(row.now));
    REQUIRE(firing);
    CHECK(firing->due.has_value() == row.goes_off);
    CHECK(firing->missed.has_value() == !row.goes_off);
    const auto& fired = row.goes_off ? *firing->due : *firing->missed;
    CHECK(fired.late == row.late);
    CHECK(text(fired.planned) == "2026-11-24T07:50:00.000Z");
    CHECK(fired.due == due);
    CHECK(fired.reminder == pending.id);
    CHECK(fired.task == pending.task);
    CHECK(firing->after.fired);
    CHECK_FALSE(firing->after.next);
    CHECK_FALSE(armed(firing->after, due)->next);
}

TEST_CASE("a grace of nothing still lets a reminder go off in time") {
    const auto due = berlin("2026-11-24T09:00:00");
    auto strict = reminder();
    strict.grace = 0s;
    strict = armed(strict, due).value();
    CHECK(fire(strict, due, due.at)->due);
    CHECK(fire(strict, due, due.at + 1ms)->missed);
}

// ------------------------------------------------------------------ reminders of a series

const auto daily_rule = "FREQ=DAILY";

TEST_CASE("a series' reminder is set to its first slot") {
    const auto daily = schedule(daily_rule, "2026-11-24T09:00:00");
    const auto set = armed(reminder(10min), daily, *daily.slots.first_slot()).value();
    CHECK(text(set.next_slot) == "2026-11-24T09:00:00");
    CHECK(text(set.next) == "2026-11-24T07:50:00.000Z");
    const auto later =
        armed(reminder(10min), daily, daily.slot({local("2026-11-27T09:00:00")})).value();
    CHECK(text(later.next_slot) == "2026-11-27T09:00:00");
    const auto none = armed(set, daily, std::nullopt).value();
    CHECK_FALSE(none.next);
    CHECK_FALSE(none.next_slot);
}

TEST_CASE("a series' reminder goes off for each slot, and is set to the next") {
    const auto daily = schedule("FREQ=DAILY;COUNT=3", "2026-11-24T09:00:00");
    auto set = armed(reminder(10min), daily, *daily.slots.first_slot()).value();
    for (const auto* slot : {"2026-11-24T09:00:00", "2026-11-25T09:00:00", "2026-11-26T09:00:00"}) {
        CAPTURE(slot);
        REQUIRE(set.next);
        const auto firing = fire(set, daily, *set.next).value();
        REQUIRE(firing.due);
        CHECK(text(firing.due->recurrence_id) == slot);
        CHECK(firing.due->due == daily.at(daily.slot({local(slot)})));
        CHECK(firing.due->late == 0ms);
        CHECK_FALSE(firing.missed);
        CHECK(text(firing.after.fired_slot) == slot);
        set = firing.after;
    }
    CHECK_FALSE(set.next);
    CHECK_FALSE(set.next_slot);
}

TEST_CASE("of several slots that passed, the latest goes off and the others are one range") {
    struct Row {
        std::string now;
        std::string due;     // the slot that goes off
        std::string missed;  // from, to, count, reason
        std::string next;
    };
    const auto row = GENERATE(values<Row>({
        // Late within grace; the next slot's reminder has not come yet.
        {"2026-11-24T08:00:00Z", "2026-11-24T09:00:00", "", "2026-11-25T09:00:00"},
        {"2026-11-25T07:49:59.999Z", "2026-11-24T09:00:00", "", "2026-11-25T09:00:00"},
        // The second one's time has come.
        {"2026-11-25T07:50:00Z", "2026-11-25T09:00:00",
         "2026-11-24T09:00:00 2026-11-24T09:00:00 1 superseded", "2026-11-26T09:00:00"},
        {"2026-11-28T20:00:00Z", "2026-11-28T09:00:00",
         "2026-11-24T09:00:00 2026-11-27T09:00:00 4 superseded", "2026-11-29T09:00:00"},
        {"2126-11-24T08:00:00Z", "2126-11-24T09:00:00",
         "2026-11-24T09:00:00 2126-11-23T09:00:00 36524 superseded", "2126-11-25T09:00:00"},
    }));
    CAPTURE(row.now);
    const auto daily = schedule(daily_rule, "2026-11-24T09:00:00");
    const auto set = armed(reminder(10min), daily, *daily.slots.first_slot()).value();
    const auto firing = fire(set, daily, utc(row.now)).value();
    REQUIRE(firing.due);
    CHECK(text(firing.due->recurrence_id) == row.due);
    CHECK(firing.due->late == utc(row.now) - firing.due->planned);
    std::string missed;
    if (firing.missed) {
        const auto& slots = firing.missed->missed.value();
        missed = format(slots.from) + " " + format(slots.to) + " " + std::to_string(slots.count) +
                 " " + std::string(to_string(slots.reason));
        CHECK(firing.missed->recurrence_id == slots.from);
    }
    CHECK(missed == row.missed);
    CHECK(text(firing.after.next_slot) == row.next);
}

TEST_CASE("past grace even the latest slot is missed, and the range holds it") {
    const auto weekly = schedule("FREQ=WEEKLY", "2026-11-24T09:00:00");
    const auto set = armed(reminder(), weekly, *weekly.slots.first_slot()).value();

    const auto one = fire(set, weekly, utc("2026-11-25T08:00:00.001Z")).value();
    CHECK_FALSE(one.due);
    REQUIRE(one.missed);
    CHECK(one.missed->missed == SkippedSlots{{local("2026-11-24T09:00:00")},
                                             {local("2026-11-24T09:00:00")},
                                             1,
                                             SkipReason::window});
    CHECK(text(one.after.next_slot) == "2026-12-01T09:00:00");

    const auto three = fire(set, weekly, utc("2026-12-10T08:00:00Z")).value();
    CHECK_FALSE(three.due);
    REQUIRE(three.missed);
    CHECK(three.missed->missed == SkippedSlots{{local("2026-11-24T09:00:00")},
                                               {local("2026-12-08T09:00:00")},
                                               3,
                                               SkipReason::window});
    CHECK(text(three.after.next_slot) == "2026-12-15T09:00:00");
    CHECK(text(three.after.fired_slot) == "2026-12-08T09:00:00");
}

TEST_CASE("slots that passed after the last one of a series are told, and it is over") {
    const auto three = schedule("FREQ=DAILY;COUNT=3", "2026-11-24T09:00:00");
    const auto set = armed(reminder(), three, *three.slots.first_slot()).value();
    const auto late = fire(set, three, utc("2026-11-26T12:00:00Z")).value();
    REQUIRE(late.due);
    CHECK(text(late.due->recurrence_id) == "2026-11-26T09:00:00");
    REQUIRE(late.missed);
    CHECK(late.missed->missed->count == 2);
    CHECK_FALSE(late.after.next);

    const auto years = fire(set, three, utc("2036-11-26T12:00:00Z")).value();
    CHECK_FALSE(years.due);
    REQUIRE(years.missed);
    CHECK(years.missed->missed->count == 3);
    CHECK_FALSE(years.after.next);
}

TEST_CASE("a reminder further ahead than the slots are apart still takes each slot once") {
    const auto daily = schedule(daily_rule, "2026-11-24T09:00:00");
    auto set = armed(reminder(72h), daily, *daily.slots.first_slot()).value();
    CHECK(text(set.next) == "2026-11-21T08:00:00.000Z");
    std::set<RecurrenceId> slots;
    for (int i = 0; i < 30; ++i) {
        const auto firing = fire(set, daily, *set.next).value();
        REQUIRE(firing.due);
        REQUIRE_FALSE(firing.missed);
        REQUIRE(slots.insert(*firing.due->recurrence_id).second);
        set = firing.after;
    }
    CHECK(text(set.next_slot) == "2026-12-24T09:00:00");
}

TEST_CASE("setting a reminder again never brings back a slot that it went off for") {
    const auto daily = schedule(daily_rule, "2026-11-24T09:00:00");
    const auto set = armed(reminder(10min), daily, *daily.slots.first_slot()).value();
    const auto fired = fire(set, daily, *set.next).value().after;
    // Done at 08:55, after the reminder and before the slot; the next task is tomorrow's.
    const auto next =
        slot_after(daily, Policies{}, *daily.slots.first_slot(), utc("2026-11-24T07:55:00Z"));
    CHECK(text(armed(fired, daily, next.slot)->next_slot) == "2026-11-25T09:00:00");
    // Reopened, the open task is today's again: its slot has gone off.
    CHECK(text(armed(fired, daily, *daily.slots.first_slot())->next_slot) == "2026-11-25T09:00:00");
}

TEST_CASE("done early, the reminder moves to the next slot without going off") {
    const auto daily = schedule(daily_rule, "2026-11-24T09:00:00");
    const auto set = armed(reminder(10min), daily, *daily.slots.first_slot()).value();
    const auto next =
        slot_after(daily, Policies{}, *daily.slots.first_slot(), utc("2026-11-23T12:00:00Z"));
    const auto moved = armed(set, daily, next.slot).value();
    CHECK(text(moved.next_slot) == "2026-11-25T09:00:00");
    CHECK(text(moved.next) == "2026-11-25T07:50:00.000Z");
    CHECK_FALSE(moved.fired_slot);
    const auto firing = fire(moved, daily, *moved.next).value();
    REQUIRE(firing.due);
    CHECK(text(firing.due->recurrence_id) == "2026-11-25T09:00:00");
    CHECK_FALSE(firing.missed);
}

TEST_CASE("reminders of a DATE series count from nine in the morning") {
    const auto daily = schedule(daily_rule, "2026-11-24");
    const auto set = armed(reminder(1h), daily, *daily.slots.first_slot()).value();
    CHECK(text(set.next) == "2026-11-24T07:00:00.000Z");
    const auto one = fire(set, daily, utc("2026-11-25T06:59:59Z")).value();
    CHECK(text(one.due->recurrence_id) == "2026-11-24T00:00:00");
    CHECK_FALSE(one.missed);
    const auto two = fire(set, daily, utc("2026-11-25T07:00:00Z")).value();
    CHECK(text(two.due->recurrence_id) == "2026-11-25T00:00:00");
    CHECK(two.due->late == 0ms);
    CHECK(two.missed->missed->count == 1);
    CHECK(text(two.after.next) == "2026-11-26T07:00:00.000Z");
}

TEST_CASE("the reminder of a slot in a gap goes off when the slot happens") {
    const auto daily = schedule(daily_rule, "2027-03-27T02:30:00");
    auto set = armed(reminder(), daily, daily.slot({local("2027-03-28T02:30:00")})).value();
    CHECK(text(set.next) == "2027-03-28T01:30:00.000Z");
    const auto firing = fire(set, daily, utc("2027-03-28T01:30:00Z")).value();
    CHECK(text(firing.due->recurrence_id) == "2027-03-28T02:30:00");
    CHECK(format(*firing.due->due) == "2027-03-28T03:30:00+02:00");
    CHECK(text(firing.after.next) == "2027-03-29T00:30:00.000Z");
}

// ------------------------------------------------------------------ slots with a time of their own

/// Daily at 9:00 from 24 November 2026 on, with slots moved.
Schedule daily_but(const std::vector<std::pair<std::string, std::string>>& moves) {
    auto slots = schedule("FREQ=DAILY", "2026-11-24T09:00:00");
    for (const auto& [slot, to] : moves)
        slots.overrides.push_back({RecurrenceId{local(slot), false}, berlin(to)});
    return slots;
}
Slot slot_of(const Schedule& schedule, const std::string& id) {
    return schedule.slot({local(id), false});
}

/// What goes off up to `until`, in order: "slot at time".
std::vector<std::string> run(Reminder& set, const Schedule& schedule, const std::string& until) {
    std::vector<std::string> told;
    while (set.next && *set.next <= utc(until)) {
        const auto firing = fire(set, schedule, *set.next).value();
        REQUIRE(firing.due);
        told.push_back(text(firing.due->recurrence_id) + " at " + format_utc(firing.due->planned));
        set = firing.after;
    }
    return told;
}

TEST_CASE("a slot moved to before earlier ones goes off at its own time, and they at theirs") {
    const auto moved = daily_but({{"2026-11-27T09:00:00", "2026-11-24T15:00:00"}});
    auto set = armed(reminder(), moved, moved.slots.first_slot()).value();
    CHECK(run(set, moved, "2026-11-28T12:00:00Z") ==
          std::vector<std::string>{"2026-11-24T09:00:00 at 2026-11-24T08:00:00.000Z",
                                   "2026-11-27T09:00:00 at 2026-11-24T14:00:00.000Z",
                                   "2026-11-25T09:00:00 at 2026-11-25T08:00:00.000Z",
                                   "2026-11-26T09:00:00 at 2026-11-26T08:00:00.000Z",
                                   "2026-11-28T09:00:00 at 2026-11-28T08:00:00.000Z"});
}

TEST_CASE("an open slot that is moved after later ones went off reminds again at its new time") {
    const auto daily = daily_but({});
    auto set = armed(reminder(), daily, daily.slots.first_slot()).value();
    CHECK(run(set, daily, "2026-11-26T12:00:00Z").size() == 3);
    const auto moved = daily_but({{"2026-11-24T09:00:00", "2026-11-27T15:00:00"}});
    const auto slot = slot_of(moved, "2026-11-24T09:00:00");
    const auto now = utc("2026-11-26T12:00:00Z");
    set = rescheduled(set, moved, slot, now).value();
    CHECK(text(set.next_slot) == "2026-11-27T09:00:00");
    CHECK(run(set, moved, "2026-11-27T12:00:00Z").size() == 1);
    const auto again = fire(set, moved, *set.next).value();
    CHECK(text(again.due->recurrence_id) == "2026-11-24T09:00:00");
    CHECK(again.due->firing == 2);
    CHECK(text(again.after.next_slot) == "2026-11-28T09:00:00");
    // Moved once more, it goes off once more; moved to the past, it does not.
    const auto later = daily_but({{"2026-11-24T09:00:00", "2026-11-27T18:00:00"}});
    set = rescheduled(again.after, later, slot, utc("2026-11-27T14:00:00Z")).value();
    CHECK(fire(set, later, *set.next)->due->firing == 3);
    const auto past = daily_but({{"2026-11-24T09:00:00", "2026-11-27T11:00:00"}});
    set = rescheduled(again.after, past, slot, utc("2026-11-27T14:00:00Z")).value();
    CHECK(text(set.next_slot) == "2026-11-28T09:00:00");
}

TEST_CASE("a moved slot is over when its task is, but for a stack, whose tasks are side by side") {
    auto moved = daily_but({{"2026-11-24T09:00:00", "2026-11-26T15:00:00"}});
    const auto set = armed(reminder(), moved, slot_of(moved, "2026-11-27T09:00:00")).value();
    CHECK(text(set.next_slot) == "2026-11-27T09:00:00");
    moved.stack = true;
    const auto stacked = armed(reminder(), moved, slot_of(moved, "2026-11-27T09:00:00")).value();
    CHECK(text(stacked.next_slot) == "2026-11-24T09:00:00");
    const auto last = moved.slots.first_slot();
    const auto ended = armed(reminder(), moved, last, last).value();
    CHECK(text(ended.next) == "2026-11-26T14:00:00.000Z");
    CHECK_FALSE(fire(ended, moved, *ended.next, last)->after.next);
}

TEST_CASE("each open task of a stack that has ended reminds at its time") {
    auto daily = daily_but({});
    daily.stack = true;
    const auto from = slot_of(daily, "2026-11-24T09:00:00");
    const auto last = slot_of(daily, "2026-11-26T09:00:00");
    auto after = armed(reminder(), daily, from, last).value();
    for (const char* id : {"2026-11-24T09:00:00", "2026-11-25T09:00:00", "2026-11-26T09:00:00"}) {
        REQUIRE(after.next);
        CHECK(text(after.next_slot) == id);
        after = fire(after, daily, *after.next, last)->after;
    }
    CHECK_FALSE(after.next);

    auto nagging = reminder();
    nagging.nag = std::chrono::hours{24};
    nagging.nag_max = 2;
    const auto set = armed(nagging, daily, from, last).value();
    const auto told = fire(set, daily, *set.next, last)->after;
    const auto newer = fire(told, daily, *told.next + std::chrono::hours{1}, last).value();
    CHECK(text(newer.due->recurrence_id) == "2026-11-25T09:00:00");
    const auto both = fire(set, daily, utc("2026-12-01T09:00:00Z"), last).value();
    CHECK(text(both.missed->missed->to) == "2026-11-26T09:00:00");
    CHECK_FALSE(both.after.next);
}

TEST_CASE("an open task of a stack that has ended reminds at the time that it is moved to") {
    auto moved = daily_but({{"2026-11-24T09:00:00", "2026-11-30T15:00:00"}});
    const auto slot = slot_of(moved, "2026-11-24T09:00:00");
    const auto silent = armed(reminder(), moved, {}).value();
    const auto now = utc("2026-11-29T12:00:00Z");
    CHECK_FALSE(rescheduled(silent, moved, slot, now, slot).value().next);
    moved.stack = true;
    CHECK_FALSE(rescheduled(silent, moved, slot, now).value().next);  // paused
    const auto set = rescheduled(silent, moved, slot, now, slot).value();
    CHECK(text(set.next) == "2026-11-30T14:00:00.000Z");
    CHECK_FALSE(fire(set, moved, *set.next, slot)->after.next);
}

TEST_CASE("slots that were moved are not among those that passed in their order") {
    const auto moved = daily_but({{"2026-11-25T09:00:00", "2026-11-29T15:00:00"},
                                  {"2026-11-26T09:00:00", "2026-11-24T15:00:00"}});
    const auto now = utc("2026-11-28T12:00:00Z");
    const auto set = armed(reminder(), moved, moved.slots.first_slot()).value();
    const auto order = fire(set, moved, now).value();
    CHECK(text(order.due->recurrence_id) == "2026-11-28T09:00:00");
    CHECK(order.missed->missed == SkippedSlots{RecurrenceId{local("2026-11-24T09:00:00"), false},
                                               RecurrenceId{local("2026-11-27T09:00:00"), false}, 2,
                                               SkipReason::superseded});
    const auto early = fire(order.after, moved, now).value();
    CHECK_FALSE(early.due);
    CHECK(text(early.missed->recurrence_id) == "2026-11-26T09:00:00");
    CHECK(early.missed->missed->count == 1);
    CHECK(early.missed->missed->reason == SkipReason::window);
    CHECK(text(early.after.next) == "2026-11-29T08:00:00.000Z");
}

TEST_CASE("a snooze of a slot's old time leaves the time that it was moved to") {
    const auto daily = daily_but({});
    auto set = armed(reminder(), daily, daily.slots.first_slot()).value();
    CHECK(run(set, daily, "2026-11-24T12:00:00Z").size() == 1);
    const auto moved = daily_but({{"2026-11-24T09:00:00", "2026-11-24T18:00:00"}});
    const auto slot = slot_of(moved, "2026-11-24T09:00:00");
    const auto noon = utc("2026-11-24T12:00:00Z");
    const auto pending = rescheduled(set, moved, slot, noon).value();
    set = snoozed(pending, utc("2026-11-24T12:20:00Z"), noon).value();
    CHECK(run(set, moved, "2026-11-24T20:00:00Z").size() == 2);
    CHECK(set.firing == 3);
    // A snooze beyond that time stands for both; a further move ends a snooze of this slot.
    set = snoozed(pending, utc("2026-11-24T19:00:00Z"), noon).value();
    CHECK(run(set, moved, "2026-11-24T20:00:00Z").size() == 1);
    set = snoozed(pending, utc("2026-11-24T19:00:00Z"), noon).value();
    set = rescheduled(set, moved, slot, noon).value();
    CHECK(text(set.next) == "2026-11-24T17:00:00.000Z");
}

TEST_CASE("after a pause or by another rule, what is past stays silent") {
    const auto moved = daily_but({{"2026-11-25T09:00:00", "2026-11-26T11:00:00"},
                                  {"2026-11-24T09:00:00", "2026-11-26T18:00:00"}});
    const auto silent = armed(reminder(), moved, std::nullopt).value();
    const auto set = armed(without_past(silent, moved, utc("2026-11-26T12:00:00Z")), moved,
                           moved.slots.first_slot())
                         .value();
    CHECK(text(set.next) == "2026-11-26T17:00:00.000Z");
    CHECK(text(fire(set, moved, *set.next)->after.next_slot) == "2026-11-27T09:00:00");
}

TEST_CASE("a slot moved into the second pass of a repeated hour stays there") {
    auto slots = schedule("FREQ=DAILY", "2026-10-24T09:00:00");
    auto to = berlin("2026-10-25T02:30:00");
    to.at += 1h;
    slots.overrides = {{RecurrenceId{local("2026-10-25T09:00:00"), false}, to}};
    CHECK(slots.at(slot_of(slots, "2026-10-25T09:00:00")) == to);
}

TEST_CASE("two days that happen at one instant are not told twice") {
    // Apia left out 2011-12-30: 09:00 of the 30th and of the 31st are the same instant.
    Series series;
    series.dtstart = local("2011-12-30T09:00:00");
    series.tzid = "Pacific/Apia";
    series.rule = parse_rrule(daily_rule).value();
    const auto daily = schedule_of(series).value();
    const auto set = armed(reminder(), daily, *daily.slots.first_slot()).value();
    const auto firing = fire(set, daily, *set.next).value();
    CHECK(text(firing.due->recurrence_id) == "2011-12-31T09:00:00");
    CHECK(firing.missed->missed->count == 1);
    CHECK(text(firing.after.next_slot) == "2012-01-01T09:00:00");
}

TEST_CASE("every slot goes off or is missed exactly once, however irregular the wake-ups") {
    const auto slots = schedule("FREQ=WEEKLY;BYDAY=MO,WE,SA;COUNT=300", "2026-09-01T02:30:00");
    auto set = armed(reminder(36h), slots, *slots.slots.first_slot()).value();
    std::uint64_t accounted = 0;
    std::optional<RecurrenceId> last;
    for (int hours = 1; set.next; hours = hours * 5 % 977) {
        const auto firing = fire(set, slots, *set.next + std::chrono::hours{hours}).value();
        const auto from = firing.missed ? firing.missed->recurrence_id : firing.due->recurrence_id;
        REQUIRE(from == set.next_slot);
        if (last) REQUIRE(*from == slots.slots.next_after(slots.slot(*last))->id);
        accounted += (firing.due ? 1 : 0) + (firing.missed ? firing.missed->missed->count : 0);
        last = firing.after.fired_slot;
        set = firing.after;
    }
    CHECK(accounted == 300);
}

// ------------------------------------------------------------------ nag and escalation

Reminder nagging() {
    Reminder made = reminder(10min);
    made.nag = 5min;
    made.nag_max = 3;
    return made;
}

TEST_CASE("a nagging reminder goes off again until it has done so often enough") {
    const auto due = berlin("2026-11-24T10:00:00");
    auto now_reminder = armed(nagging(), due).value();
    std::vector<std::string> times;
    std::vector<int> nags;
    while (now_reminder.next) {
        const auto firing = fire(now_reminder, due, *now_reminder.next).value();
        REQUIRE(firing.due);
        CHECK(firing.due->late == 0ms);
        CHECK(firing.to_usual);
        times.push_back(text(now_reminder.next));
        nags.push_back(firing.due->nag);
        CHECK(firing.due->firing == static_cast<std::int64_t>(times.size()));
        now_reminder = firing.after;
    }
    CHECK(times == std::vector<std::string>{"2026-11-24T08:50:00.000Z", "2026-11-24T08:55:00.000Z",
                                            "2026-11-24T09:00:00.000Z",
                                            "2026-11-24T09:05:00.000Z"});
    CHECK(nags == std::vector<int>{0, 1, 2, 3});
}

TEST_CASE("acknowledging, snoozing and closing end a nag") {
    const auto due = berlin("2026-11-24T10:00:00");
    const auto start = armed(nagging(), due).value();
    const auto went = fire(start, due, *start.next)->after;
    REQUIRE(went.nag_at);
    const auto seen = armed(acknowledged(went, utc("2026-11-24T08:51:00Z")).value(), due).value();
    CHECK_FALSE(seen.next);
    const auto closed = armed(went, std::optional<CalendarTime>()).value();
    CHECK_FALSE(closed.next);
    CHECK_FALSE(closed.nag_at);
    const auto later =
        snoozed(went, utc("2026-11-24T10:00:00Z"), utc("2026-11-24T08:51:00Z")).value();
    CHECK(text(later.next) == "2026-11-24T10:00:00.000Z");
    CHECK_FALSE(later.nag_at);
    const auto again = fire(later, due, *later.next).value();
    CHECK(again.due->firing == 2);
    CHECK(again.due->nag == 0);
    CHECK(text(again.after.next) == "2026-11-24T10:05:00.000Z");  // it nags again from there
}

TEST_CASE("a nag waits no longer than it was told to when the clock was set back") {
    const auto due = berlin("2026-11-24T10:00:00");
    auto start = armed(nagging(), due).value();
    start.escalate = 1h;
    start.escalate_to = {"phone"};
    const auto went = fire(start, due, *start.next)->after;
    const auto now = *start.next - 72h;
    const auto after = clock_set_back(went, now);
    CHECK(after.nag_at == now + 5min);
    CHECK(after.escalate_at == now + 1h);
    CHECK(after.next == now + 5min);
    CHECK(clock_set_back(after, now) == after);
    CHECK(clock_set_back(start, now) == start);
    CHECK(clock_set_back(went, *start.next + 1min) == went);
}

TEST_CASE("a nag comes once after an outage, however long that was") {
    const auto due = berlin("2026-11-24T10:00:00");
    const auto start = armed(nagging(), due).value();
    const auto went = fire(start, due, *start.next)->after;
    const auto firing = fire(went, due, utc("2026-11-28T08:55:00Z")).value();
    REQUIRE(firing.due);
    CHECK(firing.due->late == 96h);
    CHECK(text(firing.after.next) == "2026-11-28T09:00:00.000Z");
}

TEST_CASE("an escalation goes to its own channels, once") {
    const auto due = berlin("2026-11-24T10:00:00");
    Reminder made = reminder(0s);
    made.escalate = 30min;
    made.escalate_to = {"phone"};
    const auto start = armed(made, due).value();
    const auto went = fire(start, due, *start.next)->after;
    CHECK(text(went.next) == "2026-11-24T09:30:00.000Z");
    const auto firing = fire(went, due, *went.next).value();
    REQUIRE(firing.due);
    CHECK(firing.due->escalated);
    CHECK(firing.due->firing == 2);
    CHECK_FALSE(firing.to_usual);
    CHECK_FALSE(firing.after.next);
}

TEST_CASE("a nag and an escalation at the same time are one firing") {
    const auto due = berlin("2026-11-24T10:00:00");
    Reminder made = nagging();
    made.escalate = 5min;
    made.escalate_to = {"phone"};
    const auto start = armed(made, due).value();
    const auto went = fire(start, due, *start.next)->after;
    const auto firing = fire(went, due, *went.next).value();
    CHECK(firing.due->escalated);
    CHECK(firing.due->nag == 1);
    CHECK(firing.to_usual);
    CHECK(text(firing.after.next) == "2026-11-24T09:00:00.000Z");
}

TEST_CASE("a series nags for its last slot until the next one comes") {
    const auto slots = schedule("FREQ=DAILY", "2026-11-24T10:00:00");
    Reminder made = nagging();
    made.task = TaskId();
    made.series = SeriesId("series");
    made.nag = 10h;
    const auto first = slots.slot(RecurrenceId{local("2026-11-24T10:00:00"), false});
    auto one = armed(made, slots, first).value();
    CHECK(text(one.next) == "2026-11-24T08:50:00.000Z");
    one = fire(one, slots, *one.next)->after;
    CHECK(text(one.next) == "2026-11-24T18:50:00.000Z");
    const auto nag = fire(one, slots, *one.next).value();
    REQUIRE(nag.due);
    CHECK(text(nag.due->recurrence_id) == "2026-11-24T10:00:00");
    CHECK(nag.due->firing == 2);
    CHECK(text(nag.after.next) == "2026-11-25T04:50:00.000Z");
    const auto second = fire(nag.after, slots, *nag.after.next).value();
    CHECK(second.due->firing == 3);
    // The next slot comes before the next nag, and is the newer news.
    CHECK(text(second.after.next) == "2026-11-25T08:50:00.000Z");
    const auto next = fire(second.after, slots, *second.after.next).value();
    CHECK(text(next.due->recurrence_id) == "2026-11-25T10:00:00");
    CHECK(next.due->firing == 1);
    CHECK(next.due->nag == 0);
    CHECK_FALSE(next.missed);
}

TEST_CASE("a slot that came during an outage takes the place of a nag") {
    const auto slots = schedule("FREQ=DAILY", "2026-11-24T10:00:00");
    Reminder made = nagging();
    made.task = TaskId();
    made.series = SeriesId("series");
    auto one =
        armed(made, slots, slots.slot(RecurrenceId{local("2026-11-24T10:00:00"), false})).value();
    one = fire(one, slots, *one.next)->after;
    const auto firing = fire(one, slots, utc("2026-11-26T12:00:00Z")).value();
    REQUIRE(firing.due);
    CHECK(text(firing.due->recurrence_id) == "2026-11-26T10:00:00");
    REQUIRE(firing.missed);
    CHECK(firing.missed->missed->count == 1);
    CHECK(firing.due->firing == 1);
}

TEST_CASE("a nag stays while another slot is moved, and goes with its own") {
    auto slots = schedule("FREQ=DAILY", "2026-11-24T10:00:00");
    Reminder made = nagging();
    made.task = TaskId();
    made.series = SeriesId("series");
    const auto first = slots.slot(RecurrenceId{local("2026-11-24T10:00:00"), false});
    auto one = armed(made, slots, first).value();
    one = fire(one, slots, *one.next)->after;
    const auto other = slots.slot(RecurrenceId{local("2026-11-27T10:00:00"), false});
    CHECK(rescheduled(one, slots, other, utc("2026-11-24T08:51:00Z"))->nag_at == one.nag_at);
    CHECK_FALSE(rescheduled(one, slots, first, utc("2026-11-24T08:51:00Z"))->nag_at);
}

}  // namespace
}  // namespace taskd::core
