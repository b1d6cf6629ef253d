// SPDX-License-Identifier: Apache-2.0
// What a desktop notification says, in the form that the bus and its server accept.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace taskd::daemon {

inline constexpr std::size_t notification_summary_bytes_max = 256;
inline constexpr std::size_t notification_body_bytes_max = 4096;  ///< before it becomes markup

/// Any bytes as one line of plain text: never markup, whatever the server can do.
///
/// Shape:  U+FFFD for what is not UTF-8 and for noncharacters, a space for every control character;
///         cut at a character, with "..." at the end.
/// Source: Desktop Notifications Specification 1.2, section 2; D-Bus Specification, "string".
[[nodiscard]] std::string summary_text(std::string_view bytes);

/// The same with its lines kept. With `markup`, for a server that has "body-markup", whatever it
/// would take for markup is escaped; without, the text goes as it is, since such a server shows
/// "&lt;" as those four characters.
///
/// Source: Desktop Notifications Specification 1.2, sections 4 and 9 ("body-markup": a server
///         without it lets markup "show through as regular text").
[[nodiscard]] std::string body_text(std::string_view bytes, bool markup);

/// Whether a button may open it: http:// or https://, visible ASCII, and no longer than a browser
/// takes. Anything else could be a file, a program's option, or another scheme's handler.
[[nodiscard]] bool is_web_url(std::string_view text);

}  // namespace taskd::daemon
