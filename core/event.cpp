// SPDX-License-Identifier: Apache-2.0
#include "core/event.h"

namespace taskd::core {

const std::vector<std::string>& event_types() {
    static const std::vector<std::string> types{
        "task.created",        "task.updated",       "task.started",     "task.completed",
        "task.reopened",       "task.cancelled",     "task.deleted",     "task.restored",
        "series.created",      "series.updated",     "series.paused",    "series.resumed",
        "series.ended",        "occurrence.skipped", "occurrence.moved", "reminder.due",
        "reminder.digest",     "agenda.due",         "channel.test",     "channel.disabled",
        "delivery.suppressed", "reminder.missed",    "reminder.snoozed", "reminder.acknowledged",
        "delivery.succeeded",  "delivery.failed",    "delivery.retried", "run.started",
        "run.finished",        "run.abandoned",      "run.resumed",      "run.forgotten",
        "ping.received",       "rule.notified",
    };
    return types;
}

}  // namespace taskd::core
