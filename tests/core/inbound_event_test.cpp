// SPDX-License-Identifier: Apache-2.0
#include "core/inbound_event.h"

#include "core/rfc3339.h"
#include "core/uuid.h"

#include <catch2/catch.hpp>

using namespace taskd::core;

namespace {

const UserId ada{"ada"};
const Timestamp now = *parse_utc("2026-11-24T08:00:00Z");

InboundEvent some_event() {
    InboundEvent event;
    event.id = "1";
    event.source = "/ci/build";
    event.type = "build.done";
    event.data = R"({"a":1})";
    event.data_depth = 1;
    return event;
}

Error refused(InboundEvent event, AcceptRules rules = {ada, now}) {
    const auto accepted = accept_event(std::move(event), rules);
    REQUIRE_FALSE(accepted.has_value());
    CHECK(accepted.error().reason == Reason::invalid_argument);
    return accepted.error();
}

}  // namespace

TEST_CASE("an event's key is data.event_id, else its id, else its content") {
    auto event = some_event();
    CHECK(accept_event(event, {ada, now})->dedup_key == "1");
    event.event_id = "e-1";
    CHECK(accept_event(event, {ada, now})->dedup_key == "e-1");
    CHECK(accept_event(event, {ada, now})->id == "1");
    event.id.clear();
    CHECK(accept_event(event, {ada, now})->id == "e-1");

    event.event_id.clear();
    const auto derived = accept_event(event, {ada, now})->dedup_key;
    CHECK(is_uuid(derived));
    CHECK(accept_event(event, {ada, now + std::chrono::hours{1}})->dedup_key == derived);
    for (auto* part : {&event.source, &event.type, &event.subject, &event.data}) {
        auto other = event;
        // The same member of the copy, a little longer.
        const auto offset = reinterpret_cast<char*>(part) - reinterpret_cast<char*>(&event);
        *reinterpret_cast<std::string*>(reinterpret_cast<char*>(&other) + offset) += "x";
        CHECK(accept_event(other, {ada, now})->dedup_key != derived);
    }
    CHECK(accept_event(event, {UserId{"bob"}, now})->dedup_key != derived);
    CHECK(refused(event, {ada, now, true}).field == "id");
}

TEST_CASE("an event's type is data.event_type, and the envelope's is kept beside it") {
    auto event = some_event();
    CHECK(accept_event(event, {ada, now})->attributes.empty());
    event.type = "com.dapr.event.sent";
    event.event_type = "task.completed";
    const auto accepted = accept_event(event, {ada, now});
    CHECK(accepted->type == "task.completed");
    CHECK(accepted->attributes.at("envelopetype") == "com.dapr.event.sent");
}

TEST_CASE("an event's user is said by its data, its envelope or its caller") {
    auto event = some_event();
    CHECK(accept_event(event, {ada, now})->user == ada);
    event.userid = "bob";
    CHECK(accept_event(event, {ada, now})->user == UserId{"bob"});
    event.user_id = "bob";
    CHECK(accept_event(event, {ada, now})->user == UserId{"bob"});
    event.user_id = "eve";
    CHECK(refused(event).field == "userid");
    CHECK(refused(some_event(), {UserId{}, now}).field == "userid");
}

TEST_CASE("an event that breaks a rule is refused by the name of its attribute") {
    struct Row {
        const char* field;
        std::function<void(InboundEvent&)> spoil;
    };
    const std::string long_name(256, 'n');
    const auto row = GENERATE_COPY(values<Row>({
        {"source", [](auto& e) { e.source.clear(); }},
        {"source", [=](auto& e) { e.source = long_name; }},
        {"source", [](auto& e) { e.source = "/taskd/here"; }},
        {"type", [](auto& e) { e.type.clear(); }},
        {"type", [=](auto& e) { e.type = long_name; }},
        {"type", [](auto& e) { e.type = "a\nb"; }},
        {"id", [=](auto& e) { e.id = long_name; }},
        {"subject", [=](auto& e) { e.subject = long_name; }},
        {"data.event_id", [=](auto& e) { e.event_id = long_name; }},
        {"data.event_type", [](auto& e) { e.event_type = "\x1b[2J"; }},
        {"time", [](auto& e) { e.time = "yesterday"; }},
        {"time", [](auto& e) { e.time = "2026-11-24T08:00:00"; }},
        {"userid", [](auto& e) { e.userid = std::string(129, 'u'); }},
        {"traceparent", [=](auto& e) { e.traceparent = long_name; }},
        {"datacontenttype", [](auto& e) { e.datacontenttype = "a\tb"; }},
        {"data", [](auto& e) { e.data = std::string(event_data_bytes_max + 1, '1'); }},
        {"data", [](auto& e) { e.data_depth = 65; }},
        {"note", [](auto& e) { e.attributes["note"] = std::string(1025, 'n'); }},
        {"note", [](auto& e) { e.attributes["note"] = "a\x7f"; }},
        {"attributes",
         [](auto& e) {
             for (int i = 0; i < 33; ++i) e.attributes["a" + std::to_string(i)] = "";
         }},
        {"data_base64",
         [](auto& e) {
             e.data = "\"abc\"";
             e.data_is_base64 = true;
         }},
        {"data_base64",
         [](auto& e) {
             e.data = "\"a=bc\"";
             e.data_is_base64 = true;
         }},
    }));
    CAPTURE(row.field);
    auto event = some_event();
    row.spoil(event);
    CHECK(refused(event).field == row.field);
}

TEST_CASE("an event at its bounds is accepted") {
    auto event = some_event();
    event.id = event.type = event.subject = event.event_id = std::string(255, 'n');
    event.source = "/" + std::string(254, 's');
    event.data = "\"" + std::string(event_data_bytes_max - 2, 'd') + "\"";
    event.data_depth = 64;
    for (int i = 0; i < 32; ++i) event.attributes["a" + std::to_string(i)] = std::string(1024, 'a');
    CHECK(accept_event(event, {ada, now}).has_value());
    for (const char* base64 : {"\"\"", "\"AAEC\"", "\"AA==\"", "\"A/+=\""}) {
        CAPTURE(base64);
        event.data = base64;
        event.data_is_base64 = true;
        CHECK(accept_event(event, {ada, now}).has_value());
    }
    event.source = "/taskd/elsewhere";
    AcceptRules rules{ada, now};
    rules.imported = true;
    CHECK(accept_event(event, rules).has_value());
}
