// SPDX-License-Identifier: Apache-2.0
// The data of events as the services of a Dapr system send it:
// {"event_id", "event_type", "task_id", "user_id", "payload": {...}}.
#pragma once

#include "core/clock.h"
#include "core/ids.h"
#include "core/result.h"
#include "ipc/event_messages.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace taskd::daemon {

struct EventFields {
    core::ForeignId task;
    nlohmann::json payload;  ///< an object

    /// A member of the payload that is a text; "" where there is none or null.
    [[nodiscard]] core::Result<std::string> text(const char* name) const;
    /// .. that is an RFC 3339 time.
    [[nodiscard]] core::Result<std::optional<core::Timestamp>> time(const char* name) const;
};

/// Errors: invalid_argument on `data`, `task_id` or `payload`.
[[nodiscard]] core::Result<EventFields> read_fields(const ipc::CloudEvent& event);

/// As it goes into a path or a text: a text without its quotes.
[[nodiscard]] std::string to_text(const core::ForeignId& id);

}  // namespace taskd::daemon
