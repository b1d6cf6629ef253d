// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace taskd::cli {

class CommandLine;

/// taskctl, or a part of it: arguments in, exit status out (exit_code.h). Nothing is thrown.
[[nodiscard]] int run(int argc, char** argv, void (*add_commands)(CommandLine&)) noexcept;

}  // namespace taskd::cli
