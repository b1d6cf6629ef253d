// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/command.h"
#include "core/delivery.h"
#include "core/reminder.h"
#include "core/series.h"
#include "core/task.h"

#include <optional>
#include <string>
#include <vector>

namespace taskd::core {

/// What is known of a task when someone asks why it is due when it is.
struct ExplainSubject {
    Task task;
    bool blocked = false;  ///< a task that it depends on is open
    std::vector<Reminder> reminders;
    std::vector<Delivery> deliveries;  ///< the newest of the task, newest first, with their digests
    std::optional<Series> series;
    std::optional<Schedule> schedule;         ///< of the series
    std::vector<SkippedSlots> skipped;        ///< the runs right before its slot, the newest first
    std::optional<NextSlot> if_done;          ///< what would follow if it were done now
    std::string tzid{};                       ///< the user's zone, for a task without times
    std::string default_channel{};            ///< its name; "" for none
    std::optional<Command> command{};         ///< that is run at its time
    std::vector<Delivery> runs{};             ///< of it for this task, newest first
    std::optional<SkipReason> passed_over{};  ///< why its own slot was
    std::optional<Gap> gap{};                 ///< in which its time came, or that of what `skipped`
    // Of a slot that has no task; `task` is what it would be then.
    bool is_slot = false;
    std::optional<SkippedSlots> passed_with{};  ///< the run of slots in which it was passed over
    std::int64_t open_task = 0;  ///< the number of the open occurrence before it; 0 without one
    Timestamp now{};
};

/// One sentence of an explanation. `about` is one of: rule, slot, moved, shifted, clock, gap,
/// skipped, policy, paused, blocked, reminder, delivery, command, run, passed_over, future,
/// if_done.
struct Because {
    std::string about;
    std::string text;

    bool operator==(const Because&) const = default;
};

/// Why a task is due when it is: its rule, what moved or shifted its slot, what was passed over
/// before it and which policy decided that, and what happens if it is done now. In causal order.
[[nodiscard]] std::vector<Because> explain(const ExplainSubject& subject);

}  // namespace taskd::core
