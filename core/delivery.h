// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/call.h"
#include "core/clock.h"
#include "core/ids.h"
#include "core/result.h"
#include "core/retry.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::core {

/// Where the attempts of one firing on one channel stand. `running` is leased to the process: what
/// a daemon finds running when it starts was interrupted. `suppressed` was not needed any more: its
/// task was done, say, or a digest tells of it.
enum class DeliveryState { pending, running, succeeded, suppressed, dead };

[[nodiscard]] std::string_view to_string(DeliveryState state);
[[nodiscard]] DeliveryState delivery_state_from(std::string_view word);

/// What became of one attempt.
struct Attempt {
    Timestamp at;  ///< when it ended
    std::string result;
    std::chrono::milliseconds took{0};

    bool operator==(const Attempt&) const = default;
};
inline constexpr std::size_t attempts_kept_max = 20;  ///< the newest ones

/// The attempts at one effect on the outside world: a reminder's firing on a channel, or a call.
struct Delivery {
    DeliveryId id;  ///< also the Idempotency-Key that every attempt carries
    UserId user;
    ReminderId reminder;  ///< empty for a call, a digest, an agenda and a test
    TaskId task;
    std::string recurrence_id;  ///< the slot's local time, "" for a task without series
    std::string channel;
    std::int64_t firing = 1;
    std::int64_t event_user_seq = 0;  ///< the reminder.due event that it tells of
    DeliveryState state = DeliveryState::pending;
    int attempts = 0;
    Timestamp created;
    std::optional<Timestamp> next_attempt;
    std::optional<Timestamp> started;  ///< the last attempt
    std::optional<Timestamp> finished;
    std::string result;        ///< of the last attempt: "exit 0", "timed out after 30 s", ...
    std::string output;        ///< of the last attempt, bounded
    std::vector<Attempt> log;  ///< oldest first
    std::string rule_chain{};  ///< the rules that led to it, see core/event_rule.h
    std::string revoked;       ///< why it is not tried again after the attempt that is under way
    DeliveryId digest;         ///< that tells of it instead
    std::optional<Call> call;  ///< instead of reminder and channel
    std::string call_key;      ///< of a call: unique per user
    int status = 0;            ///< HTTP, of the app's last answer to a call; 0 for none
    std::optional<Timestamp> expires;  ///< of a call or test: no attempt is begun after it
    std::optional<Timestamp> planned;  ///< of a command's run: when its slot's time was

    [[nodiscard]] bool is_run() const { return call && call->kind == Call::Kind::command; }

    bool operator==(const Delivery&) const = default;
};

/// What a worker says of one attempt.
struct Outcome {
    bool succeeded = false;
    bool retryable = true;
    std::string result;
    std::string output;
    std::chrono::milliseconds took{0};
    // Of a call:
    int status = 0;                                          ///< HTTP, 0 without an answer
    bool by_sidecar = false;                                 ///< the sidecar's own, not the app's
    std::string answer{};                                    ///< the body, bounded
    bool blames_callee = false;                              ///< for its circuit breaker
    std::optional<std::chrono::milliseconds> retry_after{};  ///< as the callee asked
};

/// An attempt begins; its number goes up before the outside world is touched, so that a crash in
/// the middle is counted.
[[nodiscard]] Delivery started(const Delivery& delivery, Timestamp now);

/// An attempt ended: succeeded, to be tried again `wait` from now, or dead without one. What was
/// revoked meanwhile is not tried again: it succeeded, or is suppressed.
[[nodiscard]] Delivery finished(const Delivery& delivery, const Outcome& outcome, Timestamp now,
                                std::optional<std::chrono::milliseconds> wait);

/// It need not be sent any more. One that waits is suppressed; an attempt that is under way goes
/// on, and is the last; what has ended stays.
[[nodiscard]] Delivery revoked(const Delivery& delivery, const std::string& why, Timestamp now);

/// A delivery after the clock was set back to `now`: one that was tried and waits does so no longer
/// than it would have. Its last attempt counts as made now, so that to ask again changes nothing.
[[nodiscard]] Delivery clock_set_back(const Delivery& delivery, Timestamp now);

/// A dead one that is tried again from the beginning, under the same id.
///
/// Errors: failed_precondition on `delivery` - it is not dead.
[[nodiscard]] Result<Delivery> revived(const Delivery& delivery, Timestamp now);

}  // namespace taskd::core
