// SPDX-License-Identifier: Apache-2.0
#include "core/reminder_words.h"

#include "core/rfc3339.h"

#include <catch2/catch.hpp>

using namespace taskd::core;
using namespace std::chrono_literals;

namespace {

const Timestamp now = parse_utc("2026-11-24T08:30:00Z").value();

Result<Reminder> read(const std::string& words) {
    return parse_reminder("remind", words, now, TimeZone::load("Europe/Berlin").value());
}

}  // namespace

TEST_CASE("a reminder is said in words, and said again in the same") {
    struct Row {
        std::string words;
        ReminderAnchor anchor;
        std::chrono::seconds before;
        std::string again;
    };
    const auto row = GENERATE(values<Row>({
        {"10m", ReminderAnchor::due, 10min, "10m before"},
        {"10m before", ReminderAnchor::due, 10min, "10m before"},
        {"0m", ReminderAnchor::due, 0s, "at the time"},
        {"at the time", ReminderAnchor::due, 0s, "at the time"},
        {"at due", ReminderAnchor::due, 0s, "at the time"},
        {" 2 Days  after due ", ReminderAnchor::due, -48h, "2d after due"},
        {"1h30m after", ReminderAnchor::due, -90min, "1h30m after due"},
        {"1h before start", ReminderAnchor::start, 1h, "1h before start"},
        {"start", ReminderAnchor::start, 0s, "at start"},
        {"5m after the start", ReminderAnchor::start, -5min, "5m after start"},
        {"when unblocked", ReminderAnchor::unblocked, 0s, "when unblocked"},
        {"1h after unblocked", ReminderAnchor::unblocked, -1h, "1h after unblocked"},
        {"at 2026-12-01 9:00", ReminderAnchor::at, 0s, "at 2026-12-01 09:00 Europe/Berlin"},
        {"2026-12-01 9:00:30", ReminderAnchor::at, 0s, "at 2026-12-01 09:00:30 Europe/Berlin"},
        {"on 2026-12-01", ReminderAnchor::at, 0s, "at 2026-12-01 Europe/Berlin"},
    }));
    CAPTURE(row.words);
    const auto reminder = read(row.words);
    REQUIRE(reminder);
    CHECK(reminder->anchor == row.anchor);
    CHECK(reminder->before == row.before);
    CHECK(format_reminder(*reminder) == row.again);
    const auto again = read(format_reminder(*reminder));
    REQUIRE(again);
    CHECK(again->anchor == reminder->anchor);
    CHECK(again->before == reminder->before);
    CHECK(again->at == reminder->at);
}

TEST_CASE("a reminder in other words is refused with what is accepted") {
    for (const char* words : {"", "soon", "10m before unblocked", "10m before lunch", "at",
                              "when due x", "before due", "10", "at half past never"}) {
        CAPTURE(words);
        const auto reminder = read(words);
        REQUIRE_FALSE(reminder);
        CHECK(reminder.error().field == "remind");
    }
}
