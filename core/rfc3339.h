// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"

#include <optional>
#include <string>
#include <string_view>

namespace taskd::core {

/// "2026-11-24T08:30:00.000Z" (RFC 3339 section 5.6), always with milliseconds and in UTC.
[[nodiscard]] std::string format_utc(Timestamp at);

/// "2026-11-24T09:30:00+01:00": an instant as the wall clock at `offset` shows it.
[[nodiscard]] std::string format_with_offset(Timestamp at, std::chrono::seconds offset);

/// "2026-11-24T09:30:00" and "2026-11-24": ISO 8601 local forms, without a zone.
[[nodiscard]] std::string format_local(LocalTime local);
[[nodiscard]] std::string format_date(LocalTime local);

/// A parsed RFC 3339 or ISO 8601 time. `offset` is absent for a local time; `has_time` is false for
/// a bare date. Seconds may be left out, 'T' may be a space, fractions are kept to milliseconds.
struct ParsedTime {
    LocalTime local;
    std::chrono::milliseconds fraction{0};
    bool has_time = false;
    std::optional<std::chrono::seconds> offset;

    bool operator==(const ParsedTime&) const = default;
};
[[nodiscard]] std::optional<ParsedTime> parse_iso(std::string_view text);

/// Whether the forms above can write `at` so that it is read back: the years 1 to 9999 in UTC.
[[nodiscard]] bool is_writable(Timestamp at);

/// An instant in RFC 3339 form with zone ("Z" or an offset); nothing else is accepted, and
/// no instant that its offset moves out of the years that can be written.
[[nodiscard]] std::optional<Timestamp> parse_utc(std::string_view text);

/// A local time as format_local and format_date write it.
[[nodiscard]] std::optional<LocalTime> parse_local(std::string_view text);

}  // namespace taskd::core
