// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace taskd::core {

/// Which slot of a series is meant: RECURRENCE-ID (RFC 5545 section 3.8.4.4), its nominal local
/// time in the zone of DTSTART. In a repeated hour a rule finer than daily has two slots with one
/// local time; `fold` is the second pass (as in PEP 495).
struct RecurrenceId {
    LocalTime local;
    bool fold = false;

    auto operator<=>(const RecurrenceId&) const = default;
};

/// "2026-10-25T02:30:00", and ";fold=1" behind it for the second pass. What is stored and sent.
[[nodiscard]] std::string format(const RecurrenceId& id);
[[nodiscard]] std::optional<RecurrenceId> parse_recurrence_id(std::string_view text);

/// One slot of a recurrence.
struct Slot {
    RecurrenceId id;
    Timestamp at;  ///< when it happens: after a gap, by the gap later than its nominal time

    /// Slots of one recurrence in order: the nominal local time, and second passes behind all of
    /// the first. It stays the same when the zone's rules change elsewhere, so it can be stored.
    std::int64_t position = 0;

    bool operator==(const Slot& other) const { return id == other.id; }
    auto operator<=>(const Slot& other) const { return position <=> other.position; }
};

}  // namespace taskd::core
