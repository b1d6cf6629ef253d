// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_line.h"
#include "cli/terminal.h"

#include <string>

namespace taskd::cli {

/// What `taskctl --help` prints: examples, commands by section, global options, exit statuses.
[[nodiscard]] std::string overview(const CommandLine& line, const Style& style);

/// What `taskctl COMMAND --help` prints: examples first.
[[nodiscard]] std::string help_of(const Command& command, const CommandLine& line,
                                  const Style& style);

}  // namespace taskd::cli
