// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <chrono>
#include <string>
#include <string_view>

namespace taskd::core {

/// A span in words: "10m", "1h30m", "2 days", "0"; seconds up to days, at most 366 days.
[[nodiscard]] Result<std::chrono::seconds> parse_span(std::string_view field,
                                                      std::string_view words);

/// The shortest form that parse_span reads back: "1h30m".
[[nodiscard]] std::string format_span(std::chrono::seconds span);

}  // namespace taskd::core
