// SPDX-License-Identifier: Apache-2.0
#include "core/inbound_event.h"

#include "core/rfc3339.h"
#include "core/text.h"
#include "core/uuid.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

namespace taskd::core {
namespace {

constexpr std::string_view reserved_sources = "/taskd/";
constexpr std::size_t user_bytes_max = 128;

Result<void> check_name(const char* field, const std::string& text, bool may_be_empty) {
    if (text.empty() && !may_be_empty)
        return invalid_argument(field, "is missing; CloudEvents 1.0 requires it");
    if (text.size() > event_name_bytes_max)
        return invalid_argument(field, "\"" + clipped(text, 64) + "\" is " +
                                           std::to_string(text.size()) +
                                           " bytes long; at most 255 are accepted");
    if (has_control(text))
        return invalid_argument(field,
                                "\"" + clipped(text, 64) +
                                    "\" has control characters; printable characters are accepted");
    return {};
}

Result<void> check_attributes(const InboundEvent& event) {
    if (event.attributes.size() > event_attributes_max)
        return invalid_argument("attributes", std::to_string(event.attributes.size()) +
                                                  " extension attributes are too many; at most 32 "
                                                  "are accepted");
    for (const auto& [name, value] : event.attributes) {
        if (value.size() > event_attribute_bytes_max)
            return invalid_argument(name, "is " + std::to_string(value.size()) +
                                              " bytes long; at most 1024 are accepted");
        if (has_control(value))
            return invalid_argument(name,
                                    "has control characters; printable characters are accepted");
    }
    for (const auto* text : {&event.datacontenttype, &event.traceparent})
        if (text->size() > event_name_bytes_max || has_control(*text))
            return invalid_argument(
                text == &event.traceparent ? "traceparent" : "datacontenttype",
                "\"" + clipped(*text, 64) +
                    "\" is not accepted; use up to 255 bytes of printable characters");
    return {};
}

bool is_base64(std::string_view text) {
    // `text` is the JSON text of a string; base64 has nothing that JSON would escape but "/".
    text = text.substr(1, text.size() - 2);
    const auto padding = std::min(text.find('='), text.size());
    const auto is_digit = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '+' || c == '/';
    };
    return text.size() % 4 == 0 && text.size() - padding <= 2 &&
           std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(padding),
                       is_digit) &&
           text.find_first_not_of('=', padding) == std::string_view::npos;
}

Result<void> check_data(const InboundEvent& event) {
    if (event.data.size() > event_data_bytes_max)
        return invalid_argument("data",
                                "is " + std::to_string(event.data.size()) +
                                    " bytes long; at most 262144 (256 KiB) are accepted",
                                "store it elsewhere and send a dataref");
    if (event.data_depth > event_data_depth_max)
        return invalid_argument("data", "is nested deeper than 64 levels");
    if (event.data_is_base64 && !is_base64(event.data))
        return invalid_argument("data_base64", "is not base64 (RFC 4648 section 4)");
    return {};
}

Result<UserId> user_of(const InboundEvent& event, const AcceptRules& rules) {
    if (!event.user_id.empty() && !event.userid.empty() && event.user_id != event.userid)
        return invalid_argument("userid", "\"" + clipped(event.userid, 64) +
                                              "\" and data.user_id \"" +
                                              clipped(event.user_id, 64) + "\" differ");
    const std::string& name = event.user_id.empty() ? event.userid : event.user_id;
    if (name.size() > user_bytes_max || has_control(name))
        return invalid_argument("userid", "must be 1 to 128 bytes without control characters");
    if (!name.empty()) return UserId{name};
    if (rules.user.empty())
        return invalid_argument("userid",
                                "is missing; an event of a service names its user as the attribute "
                                "userid or as data.user_id");
    return rules.user;
}

std::string derived_id(const InboundEvent& event, const UserId& user) {
    // Lengths keep the parts apart, whatever is in them.
    std::string content = "event";
    for (const auto* part :
         {&event.source, &event.type, &event.subject, &user.str(), &event.time, &event.data})
        content += "\n" + std::to_string(part->size()) + ":" + *part;
    return uuid_v5(content);
}

}  // namespace

Result<AcceptedEvent> accept_event(InboundEvent event, const AcceptRules& rules) {
    if (event.id.empty() && rules.require_id)
        return invalid_argument("id", "is missing; CloudEvents 1.0 requires it");
    for (const auto& [field, text, may_be_empty] :
         std::initializer_list<std::tuple<const char*, const std::string*, bool>>{
             {"id", &event.id, true},
             {"source", &event.source, false},
             {"type", &event.type, false},
             {"subject", &event.subject, true},
             {"data.event_id", &event.event_id, true},
             {"data.event_type", &event.event_type, true}})
        if (auto good = check_name(field, *text, may_be_empty); !good)
            return tl::unexpected(good.error());
    if (!rules.imported && event.source.rfind(reserved_sources, 0) == 0)
        return invalid_argument("source",
                                "\"" + clipped(event.source, 64) +
                                    "\" is reserved: sources under /taskd/ are taskd's own",
                                "use a source of your own, such as /ci/build");
    for (const auto& checked : {check_attributes(event), check_data(event)})
        if (!checked) return tl::unexpected(checked.error());
    const auto user = user_of(event, rules);
    if (!user) return tl::unexpected(user.error());
    Timestamp time = rules.now;
    if (!event.time.empty()) {
        const auto parsed = parse_utc(event.time);
        if (!parsed)
            return invalid_argument("time", "\"" + clipped(event.time, 64) +
                                                "\" is not an RFC 3339 time such as "
                                                "2026-11-24T08:30:00Z");
        time = *parsed;
    }

    AcceptedEvent accepted;
    accepted.user = *user;
    accepted.id = !event.id.empty()         ? event.id
                  : !event.event_id.empty() ? event.event_id
                                            : derived_id(event, *user);
    accepted.dedup_key = event.event_id.empty() ? accepted.id : event.event_id;
    accepted.source = std::move(event.source);
    accepted.attributes = std::move(event.attributes);
    if (event.event_type.empty() || event.event_type == event.type) {
        accepted.type = std::move(event.type);
    } else {
        accepted.type = std::move(event.event_type);
        accepted.attributes["envelopetype"] = std::move(event.type);
    }
    accepted.subject = std::move(event.subject);
    accepted.time = time;
    accepted.datacontenttype = std::move(event.datacontenttype);
    accepted.traceparent = std::move(event.traceparent);
    accepted.data = std::move(event.data);
    accepted.data_is_base64 = event.data_is_base64;
    return accepted;
}

std::string content_digest(const std::string& type, const std::string& subject,
                           const std::string& data) {
    return uuid_v5("content\n" + std::to_string(type.size()) + ":" + type + "\n" +
                   std::to_string(subject.size()) + ":" + subject + "\n" + data);
}

}  // namespace taskd::core
