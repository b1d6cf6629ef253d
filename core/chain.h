// SPDX-License-Identifier: Apache-2.0
// Recurring tasks as other services have them: each occurrence is a task of its own that names the
// one before it, and a pattern says when the next one is.
#pragma once

#include "core/calendar_time.h"
#include "core/clock.h"
#include "core/ids.h"
#include "core/result.h"
#include "core/rrule.h"

#include <optional>
#include <string>

namespace taskd::core {

/// One occurrence, and what is known of its chain. It is there from when the occurrence was made or
/// completed, whichever came first.
struct ChainLink {
    UserId user;
    ForeignId task;
    LocalTime first;  ///< the chain's first time: the 31st does not drift to the 28th
    std::string tzid;
    LocalTime slot;                 ///< this occurrence's time
    std::optional<LocalTime> next;  ///< that of the one after it, once it was decided
    bool ended = false;             ///< .. and there is none
    ForeignId child;                ///< the task made for it, once its id is known

    [[nodiscard]] bool is_decided() const { return next || ended; }
    bool operator==(const ChainLink&) const = default;
};

/// Shape:  DAILY, WEEKLY, MONTHLY or YEARLY in any case, or an RRULE with or without "RRULE:". The
///         words keep to the month's last day where the day does not exist (RFC 7529's SKIP).
/// Errors: invalid_argument on `recurring_pattern`.
[[nodiscard]] Result<Rrule> parse_pattern(const std::string& text);

/// The first slot after both this occurrence's own and the moment it was completed; none when the
/// pattern has no more.
///
/// Errors: invalid_argument on `tz` - the zone is not in tzdata any more.
[[nodiscard]] Result<std::optional<CalendarTime>> next_in_chain(const ChainLink& link,
                                                                const Rrule& pattern,
                                                                Timestamp completed);

}  // namespace taskd::core
