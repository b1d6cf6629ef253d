// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace taskd::core {

/// Base64 with its padding and without line breaks.
///
/// Source: RFC 4648 section 4.
[[nodiscard]] std::string base64(std::string_view bytes);

/// The bytes of such a text; none when they are not written so.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace taskd::core
