// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/code_set.h"

#include <array>
#include <string>
#include <string_view>

namespace taskd::cli {

/// Exit statuses of "events consume" itself; a command's own 120 to 125 can be passed through only
/// by --stop-on. taskctl(1) says the same.
struct ConsumeStatus {
    int status;
    std::string_view meaning;
};
inline constexpr int consume_refused = 120;
inline constexpr int consume_no_daemon = 121;
inline constexpr int consume_no_group = 122;
inline constexpr int consume_data_loss = 123;
inline constexpr int consume_no_command = 124;
inline constexpr int consume_internal = 125;
inline constexpr std::array<ConsumeStatus, 6> consume_statuses{{
    {consume_refused, "wrong usage, or a group that is refused"},
    {consume_no_daemon, "no daemon, or it was away for longer than --timeout"},
    {consume_no_group, "the group was removed meanwhile"},
    {consume_data_loss, "events that the group still needed are past retention"},
    {consume_no_command, "the command can't be started"},
    {consume_internal, "internal error"},
}};

/// What an event's fate is.
enum class Verdict { ack, retry, dead, release };

/// Which exit statuses mean what.
struct ConsumeRules {
    CodeSet drop;
    CodeSet retry;  ///< empty: all that are not in the others
    CodeSet stop;
};

struct Outcome {
    Verdict verdict = Verdict::ack;
    std::string error;  ///< "exit 3", "killed by signal 9"; "" for an ack
    int stop = 0;       ///< the status to end with, 0 to go on
};

/// Decides by what waitpid said of a command.
[[nodiscard]] Outcome outcome_of(int wait_status, const ConsumeRules& rules);

}  // namespace taskd::cli
