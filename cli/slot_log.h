// SPDX-License-Identifier: Apache-2.0
// What the log says about one slot of a series and its task.
#pragma once

#include "core/ids.h"
#include "core/slot.h"
#include "ipc/client.h"

#include <string>
#include <vector>

namespace taskd::cli {

struct SlotInLog {
    core::SeriesId series;
    core::RecurrenceId slot;
    core::TaskId task;      ///< "" where none was made of it
    core::Timestamp since;  ///< nothing is known of it before
};

/// One event of its story, in order.
struct SlotEvent {
    core::Timestamp at;
    std::string text;
    ipc::CloudEvent event;
};

/// Reads the log from `since` on, at most 50 000 events of the types that tell of slots.
[[nodiscard]] core::Result<std::vector<SlotEvent>> slot_log(ipc::Client& client,
                                                            const SlotInLog& about);

}  // namespace taskd::cli
