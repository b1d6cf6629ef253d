// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "core/result.h"
#include "core/time_zone.h"

#include <optional>
#include <string>
#include <vector>

namespace taskd::core {

/// What a user has set; "" for what they have not.
struct UserSettings {
    std::string zone;              ///< IANA name; without one, the caller's own
    std::string email;             ///< where mail for them goes
    std::string quiet_hours;       ///< "22:00-07:00" on the clock of `zone`: deliveries wait
    std::string agenda{};          ///< "08:00" on the clock of `zone`: what the day has is sent
    std::string agenda_channel{};  ///< .. to it; "" for the default channel
    std::vector<std::chrono::local_days> holidays{};  ///< days off, for shift; sorted

    bool operator==(const UserSettings&) const = default;
};

inline constexpr std::size_t holidays_max = 1000;
inline constexpr std::size_t email_bytes_max =
    254;  // RFC 5321 section 4.5.3.1.3, less its brackets

/// Checks and normalises what was typed ("22-7" becomes "22:00-07:00").
///
/// Errors: invalid_argument on `zone`, `email`, `quiet_hours` or `holidays`.
[[nodiscard]] Result<UserSettings> checked(UserSettings settings);

/// When a delivery may go out: `now`, or the end of the quiet hours that `now` lies in. Checked
/// settings in; a zone that tzdata lost makes no quiet hours.
[[nodiscard]] Timestamp after_quiet_hours(const UserSettings& settings, Timestamp now);

/// When the agenda comes next after `now`; none without one.
[[nodiscard]] std::optional<Timestamp> next_agenda(const UserSettings& settings, Timestamp now);

/// The time of an agenda that was to come at `planned`, after the clock was set back to `now` or
/// the rules of the zone changed. It moves by hours, or from far ahead; but a day that has had its
/// agenda does not have it again.
[[nodiscard]] std::optional<Timestamp> renewed_agenda(const UserSettings& settings,
                                                      Timestamp planned, Timestamp now);

}  // namespace taskd::core
