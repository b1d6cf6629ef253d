// SPDX-License-Identifier: Apache-2.0
// Text to JSON; the fields of messages are in the folder json/.
#include "ipc/json.h"

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

json payload_json(const core::Payload& payload) {
    return std::visit([](const auto& value) { return codec::encode(value); }, payload);
}

TASKD_JSON(core::Task);
TASKD_JSON(core::Series);
TASKD_JSON(core::CalendarTime);
TASKD_JSON(core::TaskContent);
TASKD_JSON(core::Reminder);
TASKD_JSON(core::Delivery);
TASKD_JSON(SeriesView);

}  // namespace taskd::ipc
