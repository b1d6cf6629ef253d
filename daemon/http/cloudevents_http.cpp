// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/cloudevents_http.h"

#include "core/base64.h"
#include "core/text.h"
#include "daemon/http/http_problem.h"
#include "daemon/http/http_query.h"
#include "ipc/json.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

using core::Result;
using nlohmann::json;

constexpr std::string_view prefix = "ce-";
constexpr std::string_view accepted =
    "application/cloudevents+json, application/cloudevents-batch+json";

/// A media type without its parameters, in lower case.
std::string media_type(std::string_view value) {
    return core::to_lower(core::trim(value.substr(0, value.find(';'))));
}

/// RFC 6839 section 3.1, and the type itself.
bool is_json_type(std::string_view type) {
    const auto ends_with = [&](std::string_view end) {
        return type.size() > end.size() && type.substr(type.size() - end.size()) == end;
    };
    return ends_with("/json") || ends_with("+json");
}

/// Whether a type's charset, if it has one, is UTF-8: other texts would be other bytes as JSON.
bool is_utf8_text(std::string_view value) {
    for (const auto& parameter : core::split(value, ';')) {
        const std::string word = core::to_lower(core::trim(parameter));
        constexpr std::string_view name = "charset=";
        if (word.rfind(name, 0) != 0) continue;
        std::string charset = word.substr(name.size());
        charset.erase(std::remove(charset.begin(), charset.end(), '"'), charset.end());
        return charset == "utf-8" || charset == "us-ascii";
    }
    return true;
}

/// A value without the quotes of its quoted strings (RFC 9110 section 5.6.4), which older senders
/// write; none when one has no end.
std::optional<std::string> unquoted(std::string_view value) {
    std::string text;
    bool is_quoted = false;
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] == '"')
            is_quoted = !is_quoted;
        else if (value[i] == '\\' && is_quoted && ++i == value.size())
            return {};
        else
            text += value[i];
    }
    if (is_quoted) return {};
    return text;
}

Result<std::string> attribute_value(const std::string& field, const std::string& value) {
    const auto plain = unquoted(value);
    if (!plain) return core::invalid_argument(field, "has a quoted string without an end");
    const auto decoded = percent_decoded(*plain, false);
    if (!decoded)
        return core::invalid_argument(
            field, "has a % that two hexadecimal digits don't follow; write %25");
    if (!core::is_utf8(*decoded))
        return core::invalid_argument(field, "is not UTF-8 when it is decoded");
    if (core::has_control(*decoded))
        return core::invalid_argument(field, "has a control character");
    return *decoded;
}

/// The attributes in ce-* fields.
Result<json> attributes_of(const HttpRequest& request) {
    json event = json::object();
    for (const auto& [field, value] : request.fields) {
        if (field.compare(0, prefix.size(), prefix) != 0) continue;
        const std::string name = field.substr(prefix.size());
        const bool is_name = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        });
        if (!is_name)
            return core::invalid_argument(field,
                                          "is not the name of an attribute; use a to z and 0 to 9");
        if (name == "data" || name == "datacontenttype")
            return core::invalid_argument(
                field, "is not a field; the data is the body, and Content-Type its type");
        if (event.contains(name)) return core::invalid_argument(field, "is given more than once");
        auto decoded = attribute_value(field, value);
        if (!decoded) return tl::unexpected(decoded.error());
        event[name] = std::move(*decoded);
    }
    return event;
}

Result<json> binary_event(const HttpRequest& request, const std::string* type) {
    auto event = attributes_of(request);
    if (!event) return event;
    if (type != nullptr && !core::is_utf8(*type))
        return core::invalid_argument("Content-Type", "is not UTF-8");
    if (type != nullptr) (*event)["datacontenttype"] = *type;
    if (request.body.empty()) return event;
    const std::string kind = type == nullptr ? "" : media_type(*type);
    if (is_json_type(kind)) {
        auto data = ipc::parse_json(request.body);
        if (!data) return tl::unexpected(data.error());
        (*event)["data"] = std::move(*data);
        return event;
    }
    // event.publish takes no more; as JSON it might be six times as much first.
    if (request.body.size() > event_body_bytes_max)
        return core::invalid_argument("data", "has " + std::to_string(request.body.size()) +
                                                  " bytes; an event has at most " +
                                                  std::to_string(event_body_bytes_max));
    if (kind.rfind("text/", 0) == 0 && is_utf8_text(*type) && core::is_utf8(request.body)) {
        (*event)["data"] = request.body;
    } else {
        (*event)["data_base64"] = core::base64(request.body);
    }
    return event;
}

Result<void> check_event(const json& event, const std::string& name) {
    if (!event.is_object())
        return core::invalid_argument(
            name, std::string("is ") + event.type_name() + "; a CloudEvent is a JSON object");
    if (event.contains("data") && event.contains("data_base64"))
        return core::invalid_argument(name, "has both data and data_base64; use one");
    return {};
}

Result<json> structured_event(const HttpRequest& request) {
    auto event = ipc::parse_json(request.body);
    if (!event) return event;
    if (const auto good = check_event(*event, "event"); !good) return tl::unexpected(good.error());
    return event;
}

/// With `each`, an event that is wrong is event.publish's to refuse, alone.
Result<json> batch_events(const HttpRequest& request, bool each) {
    auto events = ipc::parse_json(request.body);
    if (!events) return events;
    if (!events->is_array())
        return core::invalid_argument("events", std::string("is ") + events->type_name() +
                                                    "; a batch is a JSON array of CloudEvents");
    if (events->empty() || events->size() > events_of_batch_max)
        return core::invalid_argument(
            "events", "has " + std::to_string(events->size()) + " events; use 1 to 1000");
    for (std::size_t i = 0; i < events->size() && !each; ++i)
        if (const auto good = check_event((*events)[i], "events[" + std::to_string(i) + "]"); !good)
            return tl::unexpected(good.error());
    return events;
}

Result<bool> each_of(const HttpRequest& request, bool is_batch) {
    const auto query = HttpQuery::parse(request.target, {{"each"}});
    if (!query) return tl::unexpected(query.error());
    const std::string* each = query->find("each");
    if (each == nullptr) return false;
    if (!is_batch) return core::invalid_argument("each", "is for a batch of events only");
    if (*each != "true" && *each != "false")
        return core::invalid_argument("each", "is not accepted; use true or false");
    return *each == "true";
}

tl::unexpected<HttpRefusal> not_an_event(const std::string& detail) {
    return tl::unexpected(HttpRefusal{415, detail, {{"Accept-Post", std::string(accepted)}}});
}

}  // namespace

tl::expected<PublishCall, HttpRefusal> publish_call(const HttpRequest& request) {
    const auto refuse = [](const core::Error& error) { return tl::unexpected(refusal_of(error)); };
    if (request.count("content-type") > 1)
        return refuse(core::invalid_argument("Content-Type", "is given more than once").value());
    const std::string* type = request.field("content-type");
    const std::string kind = type == nullptr ? "" : media_type(*type);
    const bool is_batch = kind == "application/cloudevents-batch+json";
    const bool is_structured = kind == "application/cloudevents+json";
    if (!is_batch && !is_structured && kind.rfind("application/cloudevents", 0) == 0)
        return not_an_event("Content-Type: only the JSON event format is read; use " +
                            std::string(accepted));
    if (!is_batch && !is_structured && request.field("ce-specversion") == nullptr)
        return not_an_event("Content-Type: use " + std::string(accepted) +
                            ", or the fields ce-specversion, ce-id, ce-source, ce-type");
    const auto each = each_of(request, is_batch);
    if (!each) return refuse(each.error());
    auto read = is_batch        ? batch_events(request, *each)
                : is_structured ? structured_event(request)
                                : binary_event(request, type);
    if (!read) return refuse(read.error());
    json events = is_batch ? std::move(*read) : json::array({std::move(*read)});
    return PublishCall{{{"events", std::move(events)}, {"each", *each}, {"require_ids", true}},
                       is_batch};
}

}  // namespace taskd::daemon
