// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <string>
#include <utility>

namespace taskd::cli {

/// The two sides of NAME=VALUE that an option was given; the value may be empty.
///
/// Errors: invalid_argument on the option's name.
[[nodiscard]] core::Result<std::pair<std::string, std::string>> name_and_value(
    const std::string& option, const std::string& text);

}  // namespace taskd::cli
