// SPDX-License-Identifier: Apache-2.0
// Text of others, made fit to be stored, sent on and shown.
#pragma once

#include <string>
#include <string_view>

namespace taskd::core {

/// The character at the front of `text`; "" when the bytes there are none (RFC 3629).
[[nodiscard]] std::string_view first_character(std::string_view text);

/// Stands for bytes that are no character: U+FFFD.
inline constexpr std::string_view replacement_character = "\xef\xbf\xbd";

/// Valid UTF-8: U+FFFD for each byte that is not, a space for every control character but the
/// `kept` ones.
[[nodiscard]] std::string cleaned(std::string_view text, std::string_view kept = {});

}  // namespace taskd::core
