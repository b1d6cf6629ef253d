// SPDX-License-Identifier: Apache-2.0
#include "core/delivery.h"

#include <array>
#include <utility>

namespace taskd::core {
namespace {

constexpr std::array<std::pair<DeliveryState, std::string_view>, 4> state_names{{
    {DeliveryState::pending, "pending"},
    {DeliveryState::running, "running"},
    {DeliveryState::succeeded, "succeeded"},
    {DeliveryState::dead, "dead"},
}};

}  // namespace

std::string_view to_string(DeliveryState state) {
    for (const auto& [value, name] : state_names)
        if (value == state) return name;
    return "dead";
}

DeliveryState delivery_state_from(std::string_view word) {
    for (const auto& [value, name] : state_names)
        if (name == word) return value;
    return DeliveryState::dead;
}

Delivery started(const Delivery& delivery) {
    Delivery after = delivery;
    after.state = DeliveryState::running;
    after.attempts += 1;
    after.next_attempt.reset();
    return after;
}

Delivery finished(const Delivery& delivery, const Outcome& outcome, Timestamp now,
                  std::optional<std::chrono::milliseconds> wait) {
    Delivery after = delivery;
    after.result = outcome.result;
    after.output = outcome.output;
    after.status = outcome.by_sidecar ? 0 : outcome.status;
    after.next_attempt.reset();
    after.log.push_back({now, outcome.result});
    if (after.log.size() > attempts_kept_max) after.log.erase(after.log.begin());
    if (outcome.succeeded) {
        after.state = DeliveryState::succeeded;
        after.finished = now;
    } else if (wait) {
        after.state = DeliveryState::pending;
        after.next_attempt = now + *wait;
    } else {
        after.state = DeliveryState::dead;
        after.finished = now;
    }
    return after;
}

Delivery finished(const Delivery& delivery, const Outcome& outcome, Timestamp now,
                  const RetryPolicy& policy, std::uint64_t random_bits) {
    const bool again = !outcome.succeeded && outcome.retryable;
    return finished(delivery, outcome, now,
                    again ? next_attempt(policy, delivery.attempts, random_bits) : std::nullopt);
}

}  // namespace taskd::core
