// SPDX-License-Identifier: Apache-2.0
// How every delivery begins and ends, on a channel or as a call.
#pragma once

#include "core/circuit_breaker.h"
#include "daemon/handlers/handling.h"

namespace taskd::daemon {

/// A new delivery of the user's, due now, that is not stored yet.
[[nodiscard]] core::Delivery new_delivery(Handling& h);

/// When a delivery is to begin that tells somebody of something: after their quiet hours.
void wait_for_quiet_hours(core::Delivery& delivery, const core::UserSettings& settings,
                          core::Timestamp now);

/// Keeps a delivery of an event to a channel of the user's, after their quiet hours. `chain` are
/// the rules that led to the event, if they are not those of the unit.
void tell_channel(const std::string& channel, std::int64_t event_user_seq, Handling& h,
                  const std::string& chain = {});

/// What waits for its channel, or for the user's quiet hours where `channel` is "", goes by what
/// they are now.
void hurry_deliveries(const core::UserId& user, const std::string& channel, Handling& h);

/// Stores how a delivery or an attempt of it has ended, with its event and what was given up as a
/// dead letter. `kind` is of its channel, "call" or "command", for the counters. Gives the event's
/// number, 0 without one.
std::int64_t end_delivery(const core::Delivery& before, const core::Delivery& after,
                          std::string_view kind, Handling& h);

/// Ends a delivery without another attempt.
void give_up(const core::Delivery& before, const std::string& why, Handling& h);
void suppress(const core::Delivery& before, const std::string& why, Handling& h);

/// Asks a circuit breaker for one attempt. Refused, the delivery waits for it and false is given:
/// that is not an attempt, nobody was asked.
[[nodiscard]] bool admitted(const core::Delivery& delivery, const std::string& circuit,
                            const core::BreakerPolicy& policy, Handling& h);
/// Tells it how the attempt ended.
void settle(const std::string& circuit, const core::BreakerPolicy& policy,
            const core::Outcome& outcome, Handling& h);

/// The wait before the next attempt, at least what the callee asked for (up to an hour).
[[nodiscard]] std::optional<std::chrono::milliseconds> with_retry_after(
    std::optional<std::chrono::milliseconds> wait, const core::Outcome& outcome);

}  // namespace taskd::daemon
