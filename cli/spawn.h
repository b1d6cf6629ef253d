// SPDX-License-Identifier: Apache-2.0
// How taskctl starts the commands of its users.
#pragma once

#include "core/result.h"

#include <map>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace taskd::cli {

struct Spawn {
    std::vector<std::string> argv;                   ///< no shell reads it
    std::map<std::string, std::string> variables{};  ///< beside those of taskctl itself
    std::vector<std::pair<int, int>> descriptors{};  ///< of ours, and its number there
    bool own_group = true;  ///< a terminal's Ctrl-C is taskctl's to deal with then
};

/// Starts a command with signals as a shell would give them: those that were ignored stay so.
/// Nothing that an outer taskctl has told of its own event is left in the environment.
///
/// Errors: not_found - the command is not there or not executable; internal - anything else.
[[nodiscard]] core::Result<pid_t> spawn(const Spawn& what);

/// Whether `program` could be started: it has a slash, or PATH leads to an executable file.
///
/// Errors: not_found.
[[nodiscard]] core::Result<void> check_runnable(const std::string& program);

}  // namespace taskd::cli
