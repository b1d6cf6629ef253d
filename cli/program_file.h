// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

namespace taskd::cli {

/// Whether that is a file that may be executed.
[[nodiscard]] bool is_program(const std::string& path);

/// The absolute path of a program that belongs to us: beside this one, else on PATH.
[[nodiscard]] std::optional<std::string> find_program(const std::string& name);

}  // namespace taskd::cli
