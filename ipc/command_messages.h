// SPDX-License-Identifier: Apache-2.0
// Commands that taskd runs when a task's time comes, and their runs.
#pragma once

#include "core/command.h"
#include "core/delivery.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::ipc {

struct CommandRunPage {
    std::vector<core::Delivery> runs;  ///< without what they printed
};
struct CommandRuns {
    using Reply = CommandRunPage;
    static constexpr std::string_view method = "command.runs";
    static constexpr bool writes = false;
    std::int64_t limit = 20;  ///< newest first
    bool failed = false;
    std::optional<core::Timestamp> since;
    std::string task;  ///< of this task or its series only
};
/// One more run now, beside the schedule: no occurrence is completed by it.
struct CommandTrigger {
    using Reply = core::Delivery;
    static constexpr std::string_view method = "command.trigger";
    static constexpr bool writes = true;
    std::string task;
};
struct CommandBackfilled {
    std::int64_t count = 0;
    std::vector<core::Delivery> runs;  ///< the first of them
};
/// One run for each slot of a series in a range of the past, in order.
struct CommandBackfill {
    using Reply = CommandBackfilled;
    static constexpr std::string_view method = "command.backfill";
    static constexpr bool writes = true;
    std::string series;
    std::string from;  ///< in words, as `to`; both ends included
    std::string to;
    std::string tz;
    std::string tz_default;
};

}  // namespace taskd::ipc
