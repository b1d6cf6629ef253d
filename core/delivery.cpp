// SPDX-License-Identifier: Apache-2.0
#include "core/delivery.h"

#include <array>
#include <utility>

namespace taskd::core {
namespace {

constexpr std::array<std::pair<DeliveryState, std::string_view>, 5> state_names{{
    {DeliveryState::pending, "pending"},
    {DeliveryState::running, "running"},
    {DeliveryState::succeeded, "succeeded"},
    {DeliveryState::suppressed, "suppressed"},
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

Delivery started(const Delivery& delivery, Timestamp now) {
    Delivery after = delivery;
    after.started = now;
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
    after.log.push_back({now, outcome.result, outcome.took});
    if (after.log.size() > attempts_kept_max) after.log.erase(after.log.begin());
    if (outcome.succeeded) {
        after.state = DeliveryState::succeeded;
        after.finished = now;
    } else if (!delivery.revoked.empty()) {
        after.state = DeliveryState::suppressed;
        after.finished = now;
        after.result = delivery.revoked + "; the last attempt: " + outcome.result;
    } else if (wait) {
        after.state = DeliveryState::pending;
        after.next_attempt = now + *wait;
    } else {
        after.state = DeliveryState::dead;
        after.finished = now;
    }
    return after;
}

Delivery revoked(const Delivery& delivery, const std::string& why, Timestamp now) {
    Delivery after = delivery;
    if (delivery.state == DeliveryState::running) after.revoked = why;
    if (delivery.state == DeliveryState::pending) {
        after.state = DeliveryState::suppressed;
        after.finished = now;
        after.next_attempt.reset();
        // Of one that only waited there is nothing else to tell.
        after.result = delivery.attempts == 0 ? why : why + "; " + delivery.result;
    }
    return after;
}

Delivery clock_set_back(const Delivery& delivery, Timestamp now) {
    Delivery after = delivery;
    // A run that waits for its jitter has waited enough.
    const bool waits = delivery.is_run() && delivery.attempts == 0 && delivery.created > now;
    if (waits && delivery.next_attempt) after.next_attempt = std::min(*delivery.next_attempt, now);
    if (!delivery.next_attempt || !delivery.started) return after;
    // The wait counts from the attempt's end, which one that was interrupted has much later.
    const bool has_end = !delivery.log.empty() && delivery.log.back().at > *delivery.started;
    const Timestamp last = has_end ? delivery.log.back().at : *delivery.started;
    if (last <= now) return after;
    after.next_attempt = std::max(*delivery.next_attempt - (last - now), now);
    // So that to ask again changes nothing.
    after.started = std::min(*delivery.started, now);
    if (has_end) after.log.back().at = now;
    return after;
}

Result<Delivery> revived(const Delivery& delivery, Timestamp now) {
    if (delivery.state != DeliveryState::dead)
        return failed_precondition("delivery", "the state of delivery " + delivery.id.str() +
                                                   " is " + std::string(to_string(delivery.state)) +
                                                   "; only a dead one is tried again");
    Delivery after = delivery;
    after.state = DeliveryState::pending;
    after.attempts = 0;
    after.finished.reset();
    after.next_attempt = now;
    return after;
}

}  // namespace taskd::core
