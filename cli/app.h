// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace taskd::cli {

/// taskctl: arguments in, exit status out (exit_code.h). Nothing is thrown.
[[nodiscard]] int run(int argc, char** argv) noexcept;

}  // namespace taskd::cli
