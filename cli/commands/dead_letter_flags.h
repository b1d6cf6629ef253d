// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_line.h"
#include "ipc/messages.h"

namespace taskd::cli {

/// --origin, --name and --type, which leave some of the dead letters.
void add_dead_letter_filter(CLI::App& app, ipc::DeadLetterFilter& filter);

}  // namespace taskd::cli
