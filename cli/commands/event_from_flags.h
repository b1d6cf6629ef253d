// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_line.h"
#include "cli/context.h"
#include "ipc/messages.h"

#include <string>
#include <vector>

namespace taskd::cli {

/// The options that say what one event is.
struct EventFlags {
    std::string type;
    std::string source;
    std::string subject;
    std::string id;
    std::string time;
    std::vector<std::string> attributes;
    std::string data;
    std::string content_type;

    /// The name of the first that was given, "" for none.
    [[nodiscard]] std::string first_given() const;
};

void add_event_options(CLI::App& app, EventFlags& flags);

/// The event that they describe. Data of a JSON type is checked; other data is a text, or bytes.
///
/// Errors: invalid_argument - names the option.
[[nodiscard]] core::Result<ipc::CloudEvent> event_from_flags(Context& context,
                                                             const EventFlags& flags);

}  // namespace taskd::cli
