// SPDX-License-Identifier: Apache-2.0
#include "core/event.h"

namespace taskd::core {

const std::vector<std::string>& event_types() {
    static const std::vector<std::string> types{
        "task.created",       "task.completed", "task.reopened",   "task.deleted",
        "task.restored",      "series.created", "series.ended",    "series.updated",
        "occurrence.skipped", "reminder.due",   "reminder.missed", "delivery.succeeded",
        "delivery.failed",
    };
    return types;
}

}  // namespace taskd::core
