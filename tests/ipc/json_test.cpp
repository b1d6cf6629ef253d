// SPDX-License-Identifier: Apache-2.0
#include "ipc/json.h"

#include "core/rfc3339.h"
#include "ipc/rpc.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace taskd;
using nlohmann::json;

namespace {

core::Task some_task() {
    core::Task task;
    task.id = core::TaskId{"11111111-1111-4111-8111-111111111111"};
    task.user = core::UserId{"ada"};
    task.number = 3;
    task.content.summary = "Ünïcode \x1b[2J \"quoted\"";
    task.content.tags = {"a", "b"};
    task.content.priority = 1;
    task.content.due = core::calendar_time(*core::parse_local("2026-11-25T09:30:00"), false,
                                           *core::TimeZone::load("Europe/Berlin"));
    task.series = core::SeriesId{"22222222-2222-4222-8222-222222222222"};
    task.recurrence_id = core::RecurrenceId{task.content.due->local};
    task.status = core::Status::completed;
    task.completed = *core::parse_utc("2026-11-25T08:31:00.250Z");
    return task;
}

}  // namespace

TEST_CASE("a value that is written is read back the same") {
    const auto task = some_task();
    const auto read = ipc::from_json<core::Task>(ipc::to_json(task));
    REQUIRE(read.has_value());
    CHECK(*read == task);

    core::Reminder reminder;
    reminder.id = core::ReminderId{"r"};
    reminder.series = task.series;
    reminder.before = std::chrono::minutes{10};
    reminder.next_slot = task.recurrence_id;
    const auto read_reminder = ipc::from_json<core::Reminder>(ipc::to_json(reminder));
    REQUIRE(read_reminder.has_value());
    CHECK(*read_reminder == reminder);

    core::Delivery delivery;
    delivery.id = core::DeliveryId{"d"};
    delivery.state = core::DeliveryState::succeeded;
    delivery.attempts = 2;
    const auto read_delivery = ipc::from_json<core::Delivery>(ipc::to_json(delivery));
    REQUIRE(read_delivery.has_value());
    CHECK(*read_delivery == delivery);
}

TEST_CASE("fields have the standards' names and words") {
    const auto written = ipc::to_json(some_task());
    CHECK(written["status"] == "completed");
    CHECK(written["recurrence_id"] == "2026-11-25T09:30:00");
    CHECK(written["due"]["at"] == "2026-11-25T08:30:00.000Z");
    CHECK(written["due"]["tzid"] == "Europe/Berlin");
    CHECK(written["completed"] == "2026-11-25T08:31:00.250Z");
    CHECK_FALSE(written.contains("deleted"));
    CHECK_FALSE(written.contains("notes"));
}

TEST_CASE("unknown fields are ignored and missing ones have their defaults") {
    const auto read = ipc::from_json<ipc::TaskAdd>(json{{"summary", "x"}, {"novelty", {1, 2}}});
    REQUIRE(read.has_value());
    CHECK(read->summary == "x");
    CHECK(read->priority == 0);
    CHECK(ipc::from_json<ipc::TaskList>(json::object())->query.limit == 100);
}

TEST_CASE("a field of the wrong type is refused by name, with what was found") {
    struct Row {
        json params;
        std::string message;
    };
    const auto row = GENERATE(values<Row>({
        {{{"summary", 7}}, "summary: 7 is not accepted; use a text"},
        {{{"priority", "high"}}, "priority: \"high\" is not accepted; use a whole number"},
        {{{"priority", 1.5}}, "priority: 1.5 is not accepted; use a whole number"},
        {{{"priority", 18446744073709551615U}},
         "priority: 18446744073709551615 is not accepted; use a whole number"},
        {{{"tags", "a"}}, "tags: \"a\" is not accepted; use a list"},
        {{{"tags", {"a", 2}}}, "tags: 2 is not accepted; use a text"},
    }));
    const auto read = ipc::from_json<ipc::TaskAdd>(row.params);
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().reason == core::Reason::invalid_argument);
    CHECK(read.error().message == row.message);
    CHECK_FALSE(ipc::from_json<ipc::TaskAdd>(json::array()).has_value());
    CHECK_FALSE(ipc::from_json<ipc::TaskAdd>(json("x")).has_value());
}

TEST_CASE("hostile JSON is refused and never crashes") {
    for (const std::string text : {"", "{", "nul", "\xff", "{\"a\":\"\xc3\"}", "[1e999]"}) {
        CAPTURE(text);
        CHECK_FALSE(ipc::parse_json(text).has_value());
    }
    const std::string deep(1'000'000, '[');
    CHECK_FALSE(ipc::parse_json(deep).has_value());
    CHECK_FALSE(ipc::parse_json(std::string(73, '[') + std::string(73, ']')).has_value());
    CHECK(ipc::parse_json(std::string(60, '[') + std::string(60, ']')).has_value());
}

TEST_CASE("every truncation of a message is refused or read") {
    const std::string text = ipc::to_json(some_task()).dump();
    for (std::size_t length = 0; length < text.size(); ++length)
        CHECK_FALSE(ipc::parse_json(text.substr(0, length)).has_value());
}

TEST_CASE("an error arrives as it was sent") {
    const core::Error error{core::Reason::conflict, "message", "field", "hint"};
    const auto reply = ipc::parse_reply(ipc::error_reply(7, error).dump());
    REQUIRE_FALSE(reply.has_value());
    CHECK(reply.error() == error);
    CHECK(ipc::parse_reply(ipc::result_reply(7, {{"a", 1}}).dump())->at("a") == 1);
    for (const char* text : {"", "{}", "[]", "{\"error\":5}", "{\"error\":{\"message\":[]}}"})
        CHECK_FALSE(ipc::parse_reply(text).has_value());
}

TEST_CASE("an event is printed as CloudEvents JSON and read back") {
    ipc::CloudEvent event;
    event.id = "01";
    event.source = "/taskd/host";
    event.type = "task.created";
    event.subject = "s";
    event.time = "2026-11-24T08:00:00.000Z";
    event.userid = "ada";
    event.userseq = 5;
    event.data = R"({"summary":"x"})";
    const auto text = json::parse(ipc::to_text(event));
    CHECK(text == ipc::to_json(event));
    CHECK(text["specversion"] == "1.0");
    const auto read = ipc::from_json<ipc::CloudEvent>(text);
    REQUIRE(read.has_value());
    CHECK(read->data == event.data);
    event.data.clear();
    event.dataref = "taskd:event/5";
    CHECK_FALSE(json::parse(ipc::to_text(event)).contains("data"));
}
