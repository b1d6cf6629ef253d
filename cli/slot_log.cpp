// SPDX-License-Identifier: Apache-2.0
#include "cli/slot_log.h"

#include "cli/times.h"
#include "core/rfc3339.h"
#include "ipc/json.h"

#include <nlohmann/json.hpp>

namespace taskd::cli {
namespace {

using nlohmann::json;

constexpr int pages_max = 50;
constexpr std::int64_t page_size = 1000;

std::string text_at(const json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// Whether an event tells of the slot, or of the task that was made of it.
bool is_about(const std::string& type, const json& payload, const SlotInLog& about) {
    const auto is_task = [&](const char* field) {
        return !about.task.empty() && text_at(payload, field) == about.task.str();
    };
    if (type.rfind("task.", 0) == 0) return is_task("id");
    if (type.rfind("delivery.", 0) == 0) return is_task("task_id");
    if (text_at(payload, "series_id") != about.series.str()) return false;
    const std::string slot = core::format(about.slot);
    if (type == "occurrence.skipped")
        return text_at(payload, "from") <= slot && slot <= text_at(payload, "to");
    return text_at(payload, "recurrence_id") == slot;
}

std::string late_words(const json& payload) {
    const auto found = payload.find("late_ms");
    if (found == payload.end() || !found->is_number_integer()) return "";
    const std::chrono::milliseconds late{found->get<std::int64_t>()};
    return late >= std::chrono::seconds{1} ? ", " + rough_span(late) + " late" : "";
}

std::string delivery_words(const std::string& type, const json& payload) {
    const auto run = ipc::from_json<core::Delivery>(payload);
    if (!run) return type;
    std::string text = run->is_run()                  ? "command"
                       : run->call                    ? run->call->method
                       : type == "delivery.succeeded" ? "told " + run->channel
                                                      : "not told " + run->channel;
    if (!run->result.empty()) text += ": " + run->result;
    if (type == "delivery.retried") text += "; tried again";
    return text;
}

std::string words_of(const std::string& type, const json& payload) {
    if (type == "task.created")
        return "made task " + (payload.contains("number") ? payload["number"].dump() : "");
    if (type == "reminder.due")
        return "reminder went off" + late_words(payload) +
               (payload.value("firing", 1) > 1 ? ", firing " + payload["firing"].dump() : "");
    if (type == "occurrence.skipped")
        return "passed over: " + text_at(payload, "reason") +
               (payload.value("count", 1) > 1
                    ? ", with " + std::to_string(payload.value("count", 1) - 1) + " more"
                    : "");
    if (type == "ping.received")
        return "ping: " + text_at(payload, "outcome") + late_words(payload);
    if (type.rfind("delivery.", 0) == 0) return delivery_words(type, payload);
    return type;
}

}  // namespace

core::Result<std::vector<SlotEvent>> slot_log(ipc::Client& client, const SlotInLog& about) {
    std::vector<SlotEvent> story;
    ipc::EventRead request;
    request.since = about.since;
    request.types = {"task.*", "occurrence.*", "reminder.*", "delivery.*", "ping.received"};
    request.limit = page_size;
    for (int page = 0; page < pages_max; ++page) {
        const auto answer = client.call(request);
        if (!answer) return tl::unexpected(answer.error());
        for (const auto& event : answer->value.events) {
            const auto data = json::parse(event.data, nullptr, false);
            const auto payload = data.is_object() ? data.find("payload") : data.end();
            if (payload == data.end() || !payload->is_object()) continue;
            try {
                if (!is_about(event.type, *payload, about)) continue;
                story.push_back({core::parse_utc(event.time).value_or(about.since),
                                 words_of(event.type, *payload), event});
            } catch (const json::exception&) {
                // An event of somebody else's with such a type.
            }
        }
        if (answer->value.next >= answer->value.head) break;
        request.since.reset();
        request.after = answer->value.next;
    }
    return story;
}

}  // namespace taskd::cli
