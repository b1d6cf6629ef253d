// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/context.h"
#include "cli/terminal.h"
#include "core/time_zone.h"
#include "core/topic.h"
#include "ipc/messages.h"

#include <string>
#include <vector>

namespace taskd::cli {

/// "2026-11-24 19:30:05  #12  task.created        task 1  Stand-up": time, number, type, what it is
/// about, summary. Ends in a line feed; safe for a terminal.
[[nodiscard]] std::string event_line(const ipc::CloudEvent& event, const core::TimeZone& zone,
                                     const Style& style);

/// Number, time, type, subject and summary between tabs.
[[nodiscard]] std::string plain_event_line(const ipc::CloudEvent& event);

/// A question for each pattern that no type of taskd's own matches and that is close to one: others
/// may publish any type, so this is no error.
[[nodiscard]] std::vector<std::string> type_warnings(const std::vector<std::string>& patterns);

/// Prints an event as the output format asks, and flushes: a reader downstream wants each event
/// when it happens.
void print_event(Context& context, const ipc::CloudEvent& event);

/// Checks patterns of types, and warns of those that are close to a type of taskd's.
///
/// Errors: invalid_argument on `types`.
[[nodiscard]] core::Result<core::TopicFilter> checked_types(
    Context& context, const std::vector<std::string>& patterns);

/// "events 6 to 90 are past retention".
[[nodiscard]] std::string gone_words(std::int64_t first, std::int64_t last);

inline constexpr const char* types_help =
    "only events of this type, or of a prefix such as task.*; may be repeated";

}  // namespace taskd::cli
