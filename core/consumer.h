// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "core/event_filter.h"
#include "core/ids.h"
#include "core/result.h"
#include "core/retry.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace taskd::core {

/// How many events a consumer may have looked at and not settled, in flight or behind such; then it
/// looks no further, so that one subject which fails for ever costs bounded memory.
inline constexpr std::int64_t unsettled_max = 1000;
inline constexpr std::int64_t lease_ms_max = 24 * 3'600'000;
inline constexpr std::int64_t attempts_most = 100;

/// A named reader of a user's log: members share its events, each event is one member's at a time,
/// and of one subject the next comes when the one before is settled.
struct Consumer {
    UserId user;
    std::string name;
    EventFilter::Words filter;
    std::chrono::milliseconds lease{30'000};
    std::int64_t max_in_flight = 64;
    RetryPolicy retry{5, std::chrono::seconds{1}, 2, std::chrono::minutes{10}};
    std::int64_t position = 0;  ///< everything up to here was looked at
    std::int64_t fence = 0;     ///< the last one that was given
    Timestamp created;
    std::optional<Timestamp> next;  ///< when a lease ends or a wait is over; its row in timer

    bool operator==(const Consumer&) const = default;
};

/// Whether the two take the same events in the same way.
[[nodiscard]] bool same_definition(const Consumer& a, const Consumer& b);

/// Errors: invalid_argument on the field that is out of its range, or of its filter.
[[nodiscard]] Result<void> check_consumer(const Consumer& consumer);

/// On disk: do not change.
enum class UnsettledState { leased, waiting, held };
[[nodiscard]] std::string_view to_string(UnsettledState state);
[[nodiscard]] UnsettledState unsettled_state_from(std::string_view word);

/// An event that a consumer has looked at and not settled.
struct Unsettled {
    std::int64_t user_seq = 0;
    std::string subject;
    UnsettledState state = UnsettledState::held;
    Timestamp due;       ///< end of the lease, or when it may be tried again
    std::string member;  ///< of the last lease
    std::int64_t fence = 0;
    std::int64_t attempts = 0;
    std::string reason;  ///< why the last attempt failed
    std::string event;   ///< JSON, of a dead letter that is tried again; else it is in the log

    bool operator==(const Unsettled&) const = default;
};

/// The event becomes a member's. The number of the attempt goes up before the member has it, so
/// that one whose member dies is counted.
[[nodiscard]] Unsettled leased(Unsettled row, const Consumer& consumer, const std::string& member,
                               Timestamp now);

/// An attempt failed: the row that waits for the next one, or none when it is to be given up.
[[nodiscard]] std::optional<Unsettled> failed(Unsettled row, const Consumer& consumer,
                                              const std::string& reason,
                                              const std::optional<std::chrono::milliseconds>& delay,
                                              Timestamp now, std::uint64_t random_bits);

/// A lease ran out: the same, but at once, since its member is gone and not the event at fault.
[[nodiscard]] std::optional<Unsettled> lapsed(Unsettled row, const Consumer& consumer,
                                              Timestamp now);

/// Given back untried: for any member at once, and not counted.
[[nodiscard]] Unsettled released(Unsettled row, Timestamp now);

}  // namespace taskd::core
