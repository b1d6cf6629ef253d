// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/reminder.h"

namespace taskd::core {

/// A reminder as a user says when it goes off, and no more of it.
///
/// Shape:  "10m", "10m before", "1h before start", "2d after due"; "at the time", "at due", "at
///         start"; "when unblocked", "1h after unblocked"; "at tomorrow 9:00". Words of a fixed
///         time are those of parse_when(), in `zone`.
/// Errors: invalid_argument on `field`.
[[nodiscard]] Result<Reminder> parse_reminder(std::string_view field, std::string_view words,
                                              Timestamp now, const TimeZone& zone);

/// The same in words that can be read again: "10m before", "at the time", "at 2026-12-01 09:00:00
/// Europe/Berlin".
[[nodiscard]] std::string format_reminder(const Reminder& reminder);

}  // namespace taskd::core
