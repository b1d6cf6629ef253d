// SPDX-License-Identifier: Apache-2.0
// A row of the log as an event: what several files of this folder read the same way.
#pragma once

#include "daemon/store/database.h"
#include "ipc/event_messages.h"

#define EVENT_COLUMNS \
    "user_id, user_seq, id, source, type, subject, time, data, traceparent, attributes"

namespace taskd::daemon {

/// `row` begins with EVENT_COLUMNS.
[[nodiscard]] ipc::CloudEvent read_event(const Query& row);

}  // namespace taskd::daemon
