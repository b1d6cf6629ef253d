// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "core/result.h"
#include "core/time_zone.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace taskd::cli {

/// A place in the log: behind the event with a number, or at a time. One of them is there.
struct EventPlace {
    std::optional<std::int64_t> number;
    std::optional<core::Timestamp> time;

    bool operator==(const EventPlace&) const = default;
};

/// Reads "42", "yesterday", "2026-11-24 09:00", "2h ago", and "2h" for the same: of the log it is
/// the past that is meant. A time of day alone is today's; as a begin, yesterday's if today's is
/// still to come.
///
/// Errors: invalid_argument on `field`.
enum class PlaceOf { begin, end };
[[nodiscard]] core::Result<EventPlace> event_place(std::string_view field, std::string_view words,
                                                   PlaceOf which, core::Timestamp now,
                                                   const core::TimeZone& zone);

/// The same for the begin of a consumer, in the daemon's words: "now", "oldest", a number, or a
/// time in UTC.
[[nodiscard]] core::Result<std::string> consumer_place(std::string_view field,
                                                       std::string_view words, core::Timestamp now,
                                                       const core::TimeZone& zone);

}  // namespace taskd::cli
