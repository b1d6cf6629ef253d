// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::core {

[[nodiscard]] std::string to_lower(std::string_view text);  ///< ASCII only
[[nodiscard]] std::string to_upper(std::string_view text);  ///< ASCII only
[[nodiscard]] std::string_view trim(std::string_view text);
[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);
[[nodiscard]] std::vector<std::string> words_of(std::string_view text);  ///< split at white space
[[nodiscard]] std::string join(const std::vector<std::string>& parts, std::string_view between);

/// Whether `text` is well-formed UTF-8 (RFC 3629: no surrogates, nothing overlong).
[[nodiscard]] bool is_utf8(std::string_view text);

/// Whether `text` has a control character (C0, DEL, C1), which a terminal might obey.
[[nodiscard]] bool has_control(std::string_view text);

/// At most `bytes_max` bytes of `text`, then "..." if something was left out. Never cuts through a
/// character, so that a message which shows what was typed stays UTF-8 and bounded.
[[nodiscard]] std::string clipped(std::string_view text, std::size_t bytes_max);

/// The word of `known` that is nearest to `word`, or "" when none is near enough to suggest
/// (Levenshtein distance of at most a third of the word, and at least one).
[[nodiscard]] std::string nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace taskd::core
