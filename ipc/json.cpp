// SPDX-License-Identifier: Apache-2.0
// Text to JSON; the fields of messages are in the folder json/.
#include "ipc/json.h"

#include "core/instant_text.h"
#include "ipc/json/core_fields.h"

namespace taskd::ipc {

using core::invalid_argument;
using nlohmann::json;

core::Result<json> parse_json(std::string_view text) {
    bool too_deep = false;
    const auto bounded = [&](int depth, json::parse_event_t, json&) {
        // Depth is what recursive writers and destructors would pay for later.
        too_deep = too_deep || depth >= static_cast<int>(json_depth_max);
        return !too_deep;
    };
    try {
        json value = json::parse(text, bounded);
        if (too_deep) return invalid_argument("json", "is nested deeper than 72 levels");
        return value;
    } catch (const json::exception& error) {
        // The library's text names the byte; its own prefix is of no use to the reader.
        const std::string what = error.what();
        const auto colon = what.find("] ");
        return invalid_argument(
            "json",
            "is not accepted: " + (colon == std::string::npos ? what : what.substr(colon + 2)));
    }
}

namespace {

/// The names that services of a Dapr system know these by, beside those of taskd-protocol(7).
void add_common_names(const core::Payload& payload, json& object) {
    if (const auto* task = std::get_if<core::Task>(&payload)) {
        object["title"] = task->content.summary;
        if (task->content.due) object["due_at"] = core::instant_text(task->content.due->at);
        if (task->completed) object["completed_at"] = core::instant_text(*task->completed);
    } else if (const auto* fired = std::get_if<core::ReminderFired>(&payload)) {
        object["title"] = fired->summary;
        if (fired->due) object["due_at"] = core::instant_text(fired->due->at);
    }
}

}  // namespace

json payload_json(const core::Payload& payload) {
    json object = std::visit([](const auto& value) { return codec::encode(value); }, payload);
    add_common_names(payload, object);
    return object;
}

TASKD_JSON(core::Task);
TASKD_JSON(core::Series);
TASKD_JSON(core::CalendarTime);
TASKD_JSON(core::TaskContent);
TASKD_JSON(core::Reminder);
TASKD_JSON(core::Delivery);
TASKD_JSON(core::Command);
TASKD_JSON(core::OccurrenceSkipped);
TASKD_JSON(core::ForeignId);
TASKD_JSON(SeriesView);

}  // namespace taskd::ipc
