// SPDX-License-Identifier: Apache-2.0
// CloudEvents over HTTP, as event.publish takes them.
#include "daemon/http/cloudevents_http.h"

#include "core/text.h"

#include <catch2/catch.hpp>

using namespace taskd;
using nlohmann::json;

namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

daemon::HttpRequest request(Fields fields, std::string body, std::string target = "/v1/events") {
    daemon::HttpRequest made;
    made.method = "POST";
    made.target = std::move(target);
    made.fields = std::move(fields);
    made.body = std::move(body);
    return made;
}

Fields binary(Fields more = {}) {
    Fields fields{{"host", "a"},
                  {"ce-specversion", "1.0"},
                  {"ce-id", "A-1"},
                  {"ce-source", "/shop"},
                  {"ce-type", "order.paid"}};
    fields.insert(fields.end(), more.begin(), more.end());
    return fields;
}

const json envelope{
    {"specversion", "1.0"}, {"id", "A-1"}, {"source", "/shop"}, {"type", "order.paid"}};

json with(const json& more) {
    json event = envelope;
    event.update(more);
    return event;
}

/// The one event of a request that is taken; null for one that is refused.
json event_of(const daemon::HttpRequest& from) {
    const auto call = daemon::publish_call(from);
    if (!call) return nullptr;
    CHECK_FALSE(call->is_batch);
    CHECK(call->params.at("require_ids") == true);
    CHECK(call->params.at("each") == false);
    REQUIRE(call->params.at("events").size() == 1);
    return call->params.at("events").at(0);
}

std::pair<int, std::string> refusal_of(const daemon::HttpRequest& from) {
    const auto call = daemon::publish_call(from);
    if (call) return {200, ""};
    return {call.error().status, call.error().detail};
}

const std::string structured_type = "application/cloudevents+json";
const std::string batch_type = "application/cloudevents-batch+json";

}  // namespace

TEST_CASE("http: an event in binary mode has its attributes in fields") {
    CHECK(event_of(request(binary(), "")) == envelope);
    CHECK(event_of(request(binary({{"ce-subject", "7"},
                                   {"ce-time", "2031-01-01T00:00:00Z"},
                                   {"ce-myextension", "yes"},
                                   {"x-other", "1"},
                                   {"content-type", "application/json"}}),
                           "")) == with({{"subject", "7"},
                                         {"time", "2031-01-01T00:00:00Z"},
                                         {"myextension", "yes"},
                                         {"datacontenttype", "application/json"}}));
}

TEST_CASE("http: the data of an event in binary mode goes by its type") {
    const auto data = [](const std::string& type, const std::string& body) {
        auto event =
            event_of(request(type.empty() ? binary() : binary({{"content-type", type}}), body));
        if (event.is_null()) return event;
        if (!type.empty()) CHECK(event.at("datacontenttype") == type);
        for (const char* name : {"specversion", "id", "source", "type", "datacontenttype"})
            event.erase(name);
        return event;
    };
    const json value{{"a", {1, nullptr, "\u00e4"}}};
    for (const char* type : {"application/json", "Application/JSON; charset=utf-8", "text/json",
                             "application/vnd.shop.order+json"})
        CHECK(data(type, value.dump()) == json{{"data", value}});
    CHECK(data("application/json", "7") == json{{"data", 7}});
    CHECK(data("application/json", "null") == json{{"data", nullptr}});
    for (const char* body : {"{", "\xff", "{} {}", " "})
        CHECK(data("application/json", body).is_null());
    CHECK(data("application/json", std::string(100'000, '[')).is_null());
    for (const char* type :
         {"text/plain", "TEXT/csv;charset=\"UTF-8\"", "text/html;charset=us-ascii"})
        CHECK(data(type, "a\n\u00e4") == json{{"data", "a\n\u00e4"}});
    CHECK(data("text/plain", "\xff") == json{{"data_base64", "/w=="}});
    CHECK(data("text/plain; charset=iso-8859-1", "a") == json{{"data_base64", "YQ=="}});
    CHECK(data("application/xml", "<a/>") == json{{"data_base64", "PGEvPg=="}});
    CHECK(data("application/jsonp", "abc") == json{{"data_base64", "YWJj"}});
    CHECK(data("", std::string("\0\xff\x80x", 4)) == json{{"data_base64", "AP+AeA=="}});
    CHECK(data("json", "1") == json{{"data_base64", "MQ=="}});
    const std::string largest(daemon::event_body_bytes_max, 'x');
    for (const char* type : {"text/plain", "application/octet-stream"}) {
        CHECK_FALSE(data(type, largest).is_null());
        CHECK(data(type, largest + "x").is_null());
    }
}

TEST_CASE("http: values of fields are unquoted, then decoded once") {
    const auto subject = [](const std::string& value) {
        const auto event = event_of(request(binary({{"ce-subject", value}}), ""));
        return event.is_null() ? "refused" : event.at("subject").get<std::string>();
    };
    CHECK(subject("Euro%20%E2%82%AC%20%F0%9F%98%80") == "Euro \u20ac \U0001F600");
    CHECK(subject("%e2%82%ac%41") == "\u20acA");
    CHECK(subject("%2541") == "%41");
    CHECK(subject("a+b") == "a+b");
    CHECK(subject("\"a b\"") == "a b");
    CHECK(subject(R"("a \"b\" \\ %41")") == "a \"b\" \\ A");
    CHECK(subject(R"(x"a b"y)") == "xa by");
    CHECK(subject(R"(a\b)") == R"(a\b)");
    CHECK(subject("\u00e4") == "\u00e4");
    CHECK(subject("").empty());
    for (const char* wrong : {"%", "%4", "%4g", "100%", "%C0%A0", "%ff", "%ED%A0%80", "\xff", "\"a",
                              "\"a\\", "\"a\\\"", "%00", "%0a", "%7f", "%C2%85"}) {
        CAPTURE(wrong);
        CHECK(subject(wrong) == "refused");
    }
}

TEST_CASE("http: every beginning of a value is read or refused") {
    const std::string value = R"("a \"b\" %E2%82%AC" %f0%9F%98%80 "\\")";
    for (std::size_t length = 0; length <= value.size(); ++length) {
        const auto call =
            daemon::publish_call(request(binary({{"ce-subject", value.substr(0, length)}}), ""));
        if (call)
            CHECK(core::is_utf8(call->params.at("events").at(0).at("subject").get<std::string>()));
        else
            CHECK(call.error().status == 400);
    }
    const std::string body = json::array({with({{"data", {{"a", "\u20ac"}}}})}).dump();
    for (std::size_t length = 0; length < body.size(); ++length)
        CHECK(refusal_of(request({{"content-type", batch_type}}, body.substr(0, length))).first ==
              400);
}

TEST_CASE("http: fields that are no attributes are refused by name") {
    const auto refused = [](const std::string& name, const std::string& value = "x") {
        const auto [status, detail] = refusal_of(request(binary({{name, value}}), ""));
        return status == 400 && detail.find(name) == 0;
    };
    for (const char* name : {"ce-", "ce-a-b", "ce-a_b", "ce-data_base64", "ce-data",
                             "ce-datacontenttype", "ce-id", "ce-specversion"}) {
        CAPTURE(name);
        CHECK(refused(name));
    }
    CHECK(refused("ce-subject", "%"));
    CHECK(refusal_of(request(binary({{"content-type", "text/plain; x=\xff"}}), "x")).first == 400);
    CHECK(
        refusal_of(request(binary({{"content-type", "text/plain"}, {"content-type", "a/b"}}), "x"))
            .first == 400);
}

TEST_CASE("http: a structured event is its body") {
    const json event = with({{"data_base64", "AA=="}, {"ext", 7}});
    CHECK(event_of(request({{"content-type", structured_type}}, event.dump())) == event);
    // Fields beside it may say the same; the body counts.
    CHECK(event_of(request({{"content-type", "Application/CloudEvents+JSON; charset=UTF-8"},
                            {"ce-id", "other"},
                            {"ce-specversion", "1.0"}},
                           event.dump())) == event);
    for (const std::string& body :
         {std::string(), std::string("{"), std::string("[]"), std::string("7"), std::string("null"),
          std::string("\xff"), with({{"data", 1}, {"data_base64", "AA=="}}).dump()})
        CHECK(refusal_of(request({{"content-type", structured_type}}, body)).first == 400);
}

TEST_CASE("http: a batch has 1 to 1000 events") {
    const auto batch = [](const json& events, const std::string& target = "/v1/events") {
        return request({{"content-type", batch_type}}, events.dump(), target);
    };
    const auto call = daemon::publish_call(batch({envelope, with({{"id", "2"}})}));
    REQUIRE(call.has_value());
    CHECK(call->is_batch);
    CHECK(call->params == json{{"events", {envelope, with({{"id", "2"}})}},
                               {"each", false},
                               {"require_ids", true}});
    CHECK(daemon::publish_call(batch(json(1000, envelope))).has_value());
    CHECK(refusal_of(batch(json(1001, envelope))).second ==
          "events: has 1001 events; use 1 to 1000");
    CHECK(refusal_of(batch(json::array())).first == 400);
    CHECK(refusal_of(batch(envelope)).first == 400);
    CHECK(refusal_of(batch({envelope, 7})).second ==
          "events[1]: is number; a CloudEvent is a JSON object");
    const json both = with({{"data", 1}, {"data_base64", "AA=="}});
    CHECK(refusal_of(batch({envelope, both})).second ==
          "events[1]: has both data and data_base64; use one");
    const auto each = daemon::publish_call(batch({envelope, 7, both}, "/v1/events?each=true"));
    REQUIRE(each.has_value());
    CHECK(each->params.at("each") == true);
    CHECK(each->params.at("events").size() == 3);
    CHECK(daemon::publish_call(batch(json::array({envelope}), "/v1/events?each=false"))
              ->params.at("each") == false);
    for (const char* query : {"each=1", "each", "each=true&each=true", "eacg=true", "after=1"})
        CHECK(
            refusal_of(batch(json::array({envelope}), std::string("/v1/events?") + query)).first ==
            400);
    CHECK(refusal_of(request(binary(), "", "/v1/events?each=true")).first == 400);
}

TEST_CASE("http: what is no CloudEvent is another type") {
    for (const char* type : {"application/json", "text/plain", "", "application/cloudevents",
                             "application/cloudevents+avro", "application/cloudevents-batch+xml",
                             "application/cloudevents+jsonx"}) {
        const auto call = daemon::publish_call(request({{"content-type", type}}, "{}"));
        REQUIRE_FALSE(call.has_value());
        CHECK(call.error().status == 415);
        CHECK(call.error().fields.at(0).first == "Accept-Post");
    }
    CHECK(refusal_of(request({}, "")).first == 415);
    // Also with the fields of binary mode: its body is an event of a format that is not read.
    CHECK(refusal_of(request(binary({{"content-type", "application/cloudevents+avro"}}), "x"))
              .first == 415);
}
