// SPDX-License-Identifier: Apache-2.0
#include "ipc/json/cloud_event.h"

#include <algorithm>
#include <array>
#include <utility>

namespace taskd::ipc {
namespace {

using core::invalid_argument;
using nlohmann::json;

constexpr std::size_t attribute_name_bytes_max = 20;  // CloudEvents 1.0, "Attribute Naming"

struct TextMember {
    const char* name;
    std::string CloudEvent::*member;
};
constexpr std::array<TextMember, 9> text_members{{{"id", &CloudEvent::id},
                                                  {"source", &CloudEvent::source},
                                                  {"type", &CloudEvent::type},
                                                  {"subject", &CloudEvent::subject},
                                                  {"time", &CloudEvent::time},
                                                  {"datacontenttype", &CloudEvent::datacontenttype},
                                                  {"userid", &CloudEvent::userid},
                                                  {"traceparent", &CloudEvent::traceparent},
                                                  {"dataref", &CloudEvent::dataref}}};

bool is_attribute_name(const std::string& name) {
    return !name.empty() && name.size() <= attribute_name_bytes_max &&
           std::all_of(name.begin(), name.end(),
                       [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

/// Extensions travel as texts, whatever their type was (CloudEvents 1.0, "Type System").
core::Result<std::string> attribute_text(const std::string& name, const json& found) {
    if (found.is_string()) return found.get<std::string>();
    if (found.is_boolean()) return std::string(found.get<bool>() ? "true" : "false");
    if (found.is_number_integer()) return found.dump();
    return invalid_argument(
        name, codec::shown(found) + " is not accepted; use a text, a whole number, true or false");
}

core::Result<void> read_member(const std::string& name, const json& found, CloudEvent& event) {
    if (name == "specversion") {
        if (found == "1.0") return {};
        return invalid_argument(name, codec::shown(found) + " is not accepted; use \"1.0\"");
    }
    if (name == "data") {
        event.data = found.dump();
        return {};
    }
    if (found.is_null()) return {};  // as if it were not there
    if (name == "data_base64") {
        if (!found.is_string())
            return invalid_argument(name, codec::shown(found) + " is not accepted; use a text");
        event.data = found.dump();
        event.data_is_base64 = true;
        return {};
    }
    if (name == "userseq") {
        if (found.is_number_integer()) event.userseq = found.get<std::int64_t>();
        return {};
    }
    for (const auto& [known, member] : text_members) {
        if (name != known) continue;
        if (!found.is_string())
            return invalid_argument(name, codec::shown(found) + " is not accepted; use a text");
        event.*member = found.get<std::string>();
        return {};
    }
    if (!is_attribute_name(name))
        return invalid_argument(
            core::clipped(name, 64),
            "is not the name of an attribute; use 1 to 20 lower-case letters and digits "
            "(CloudEvents 1.0, Attribute Naming)");
    auto text = attribute_text(name, found);
    if (!text) return tl::unexpected(text.error());
    event.attributes.emplace(name, std::move(*text));
    return {};
}

void append(std::string& text, const char* name, const std::string& value) {
    text += text.size() == 1 ? "\"" : ",\"";
    text += name;
    text += "\":";
    text += json(value).dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

json codec::Codec<CloudEvent>::encode(const CloudEvent& value) {
    json object{{"specversion", "1.0"}};
    for (const auto& [name, text] : value.attributes) object[name] = text;
    for (const auto& [name, member] : text_members)
        if (!(value.*member).empty()) object[name] = value.*member;
    if (value.userseq != 0) object["userseq"] = value.userseq;
    if (value.data.empty() || !value.dataref.empty()) return object;
    object[value.data_is_base64 ? "data_base64" : "data"] = json::parse(value.data);
    if (value.datacontenttype.empty()) object["datacontenttype"] = "application/json";
    return object;
}

core::Result<CloudEvent> codec::Codec<CloudEvent>::decode(const std::string& field,
                                                          const json& found) {
    if (!found.is_object()) return wrong(field, found, "a CloudEvent, which is an object");
    CloudEvent event;
    for (const auto& [name, value] : found.items())
        if (auto good = read_member(name, value, event); !good) return tl::unexpected(good.error());
    if (!found.contains("specversion"))
        return invalid_argument("specversion", "is missing; use \"1.0\"");
    if (found.contains("data") && event.data_is_base64)
        return invalid_argument("data_base64", "stands beside data; use one of them");
    if (event.datacontenttype == "application/json") event.datacontenttype.clear();
    return event;
}

std::string to_text(const CloudEvent& event) {
    std::string text = "{";
    append(text, "specversion", "1.0");
    for (const auto& [name, member] : text_members) {
        if (name == std::string_view("datacontenttype")) continue;
        if (!(event.*member).empty()) append(text, name, event.*member);
    }
    for (const auto& [name, value] : event.attributes) append(text, name.c_str(), value);
    if (event.userseq != 0) text += ",\"userseq\":" + std::to_string(event.userseq);
    if (event.data.empty() || !event.dataref.empty()) return text + "}";
    append(text, "datacontenttype",
           event.datacontenttype.empty() ? "application/json" : event.datacontenttype);
    return text + (event.data_is_base64 ? ",\"data_base64\":" : ",\"data\":") + event.data + "}";
}

TASKD_JSON(CloudEvent);

}  // namespace taskd::ipc
