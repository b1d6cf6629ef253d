// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/event_fields.h"

#include "core/rfc3339.h"
#include "core/text.h"
#include "ipc/json.h"

namespace taskd::daemon {
namespace {

using core::invalid_argument;
using core::Result;
using nlohmann::json;

std::string shown(const json& found) {
    return core::clipped(found.dump(-1, ' ', true, json::error_handler_t::replace), 64);
}

}  // namespace

Result<std::string> EventFields::text(const char* name) const {
    const auto found = payload.find(name);
    if (found == payload.end() || found->is_null()) return std::string();
    if (!found->is_string())
        return invalid_argument(name, shown(*found) + " is not accepted; use a text");
    return found->get<std::string>();
}

Result<std::optional<core::Timestamp>> EventFields::time(const char* name) const {
    const auto words = text(name);
    if (!words) return tl::unexpected(words.error());
    if (words->empty()) return std::optional<core::Timestamp>{};
    const auto parsed = core::parse_utc(*words);
    if (!parsed)
        return invalid_argument(name, "\"" + core::clipped(*words, 64) +
                                          "\" is not an RFC 3339 time such as "
                                          "2026-11-24T08:30:00Z");
    return std::optional{*parsed};
}

Result<EventFields> read_fields(const ipc::CloudEvent& event) {
    const auto data = ipc::parse_json(event.data);
    if (!data || !data->is_object())
        return invalid_argument("data", "is not an object with task_id and payload");
    EventFields fields;
    const auto payload = data->find("payload");
    fields.payload = payload == data->end() || payload->is_null() ? json::object() : *payload;
    if (!fields.payload.is_object())
        return invalid_argument("payload", shown(fields.payload) + " is not an object");
    auto id = data->find("task_id");
    if (id == data->end()) {
        id = fields.payload.find("task_id");
        if (id == fields.payload.end())
            return invalid_argument("task_id", "is missing; it says which task this is about");
    }
    const auto task = ipc::from_json<core::ForeignId>(*id);
    if (!task)
        return invalid_argument("task_id", shown(*id) +
                                               " is not accepted; use a whole "
                                               "number or a text");
    fields.task = *task;
    return fields;
}

std::string to_text(const core::ForeignId& id) {
    const auto value = json::parse(id.str(), nullptr, false);
    return value.is_string() ? value.get<std::string>() : id.str();
}

}  // namespace taskd::daemon
