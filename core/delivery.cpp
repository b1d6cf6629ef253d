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
                  const RetryPolicy& policy, std::uint64_t random_bits) {
    Delivery after = delivery;
    after.result = outcome.result;
    after.output = outcome.output;
    after.next_attempt.reset();
    if (outcome.succeeded) {
        after.state = DeliveryState::succeeded;
        after.finished = now;
        return after;
    }
    const auto wait =
        outcome.retryable ? next_attempt(policy, after.attempts, random_bits) : std::nullopt;
    if (wait) {
        after.state = DeliveryState::pending;
        after.next_attempt = now + *wait;
    } else {
        after.state = DeliveryState::dead;
        after.finished = now;
    }
    return after;
}

}  // namespace taskd::core
