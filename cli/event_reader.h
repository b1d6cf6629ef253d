// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/json_reader.h"
#include "ipc/messages.h"

namespace taskd::cli {

/// CloudEvents as JsonReader reads values.
class EventReader {
public:
    struct Item {
        std::int64_t line = 0;
        core::Result<ipc::CloudEvent> event;
    };

    explicit EventReader(ByteSource source) : reader_("event", std::move(source)) {}

    /// The next event, or none at the end.
    [[nodiscard]] std::optional<Item> next();

private:
    JsonReader reader_;
};

}  // namespace taskd::cli
