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
    std::string directory, time_limit, attempts, delay, jitter, not_after, group;
    std::vector<std::string> environment;

    [[nodiscard]] bool is_given() const;
};

void add_command_flags(CLI::App& app, CommandFlags& flags);

/// What the options ask for, none without any. With --run the command is what stands behind "--",
/// and is taken out of `words`; its directory and the usual variables are those of taskctl.
///
/// Errors: invalid_argument on the option that is wrong or has nothing to go with.
[[nodiscard]] core::Result<std::optional<core::CommandEdit>> take_command(const CommandFlags& flags,
                                                                          const Words& arguments,
                                                                          Words& words);

/// "runs restic backup /home in /home/ada"
[[nodiscard]] std::string command_words(const core::Command& command);
[[nodiscard]] std::vector<Field> command_fields(const core::Command& command);

/// Runs as `taskctl show` has them, indented.
[[nodiscard]] std::string run_lines(Context& context, const std::vector<core::Delivery>& runs);

/// taskd will look for it where taskctl does now.
void warn_of_program(Context& context, const core::Command& command);

}  // namespace taskd::cli
