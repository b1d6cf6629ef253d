// SPDX-License-Identifier: Apache-2.0
// What a mail looks like, and which addresses it may go to. Nothing here opens a connection.
#pragma once

#include "core/clock.h"
#include "core/result.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace taskd::daemon {

struct Mail {
    std::string to;
    std::string subject;     ///< any bytes
    std::string text;        ///< any bytes, any line ends
    std::string message_id;  ///< without <>; the same for every attempt: a repeat is recognised
    core::Timestamp date;
    std::string html{};  ///< the same for those who show it; "" for none
};

struct Mailbox {
    std::string name;  ///< may be ""
    std::string address;
};

inline constexpr std::size_t mail_address_bytes_max = 254;  ///< RFC 5321 section 4.5.3.1.3, less <>

/// Whether `address` is one bare address that RCPT TO and a To: field can hold as it is.
///
/// Shape:  atoms with dots, @, host name; ASCII only. No display name, quoted local part, address
///         literal or list.
/// Errors: invalid_argument - anything else, or more than mail_address_bytes_max.
/// Source: RFC 5321 section 4.1.2 (Dot-string, Domain), RFC 1123 section 2.1.
[[nodiscard]] core::Result<void> check_address(std::string field, const std::string& address);

/// "taskd <taskd@example.org>" or a bare address in its parts; checks neither.
[[nodiscard]] Mailbox mailbox_of(std::string_view text);

/// The message as it is sent, before dots are doubled. Pure ASCII with CRLF, lines of at most 76
/// characters where they are ours to fold. Whatever is in its parts, none of them can add a
/// header field.
///
/// Source: RFC 5322; RFC 2045 section 6.7 quoted-printable; RFC 2047 section 4.1 "B" encoding;
///         RFC 2046 section 5.1.4 multipart/alternative; RFC 3834 section 5 Auto-Submitted; RFC
///         2919 List-Id, of the sender's domain.
[[nodiscard]] std::string message_of(std::string_view from, const Mail& mail);

/// A text as a page of HTML: nothing in it is markup, and addresses of pages are links.
[[nodiscard]] std::string html_of(std::string_view title, std::string_view text);

/// What someone else wrote, as one line of UTF-8 without control characters, bounded.
[[nodiscard]] std::string shown(std::string_view text);

}  // namespace taskd::daemon
