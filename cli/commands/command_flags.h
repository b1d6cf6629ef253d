// SPDX-License-Identifier: Apache-2.0
// The command that a task runs: its options, and how it is shown.
#pragma once

#include "cli/command_line.h"
#include "cli/context.h"
#include "cli/render.h"
#include "core/command.h"
#include "core/delivery.h"

#include <optional>
#include <string>
#include <vector>

namespace taskd::cli {

struct CommandFlags {
    bool run = false;
    std::string directory = untouched;
    std::string time_limit = untouched;
    std::string attempts = untouched;
    std::string delay = untouched;
    std::string jitter = untouched;
    std::string not_after = untouched;
    std::string group = untouched;
    std::vector<std::string> environment{};

    /// The first option besides --run that was given, such as "attempts"; "" without one.
    [[nodiscard]] std::string first() const;
    [[nodiscard]] bool is_given() const { return run || !first().empty(); }
};

void add_command_flags(CLI::App& app, CommandFlags& flags);

/// What the options ask for, none without any. With --run the command is what stands behind "--",
/// and is taken out of `words`; its directory and the usual variables are those of taskctl.
///
/// Errors: invalid_argument on the option that is wrong or has nothing to go with; on `run` where
///         words stand before and behind "--" without it.
[[nodiscard]] core::Result<std::optional<core::CommandEdit>> take_command(const CommandFlags& flags,
                                                                          const Words& arguments,
                                                                          Words& words);

/// An error of the daemon in the words of the options: "not-after: ..." for command.not_after.
[[nodiscard]] core::Error in_option_words(core::Error error);

/// "runs restic backup /home in /home/ada", and on a line of its own what is not the default of how
/// it runs; indented.
[[nodiscard]] std::string command_text(const core::Command& command);
[[nodiscard]] std::vector<Field> command_fields(const core::Command& command);

/// Runs as `taskctl show` has them, indented.
[[nodiscard]] std::string run_lines(Context& context, const std::vector<core::Delivery>& runs);

/// Warns where its program or its directory is not there: taskd will look where taskctl does now.
void warn_of_command(Context& context, const core::Command& command);

}  // namespace taskd::cli
