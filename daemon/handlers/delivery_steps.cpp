// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/delivery_steps.h"

#include "core/uuid.h"
#include "daemon/handlers/command_handlers.h"
#include "ipc/json.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

using core::Delivery;
using core::DeliveryState;
using std::chrono::milliseconds;

constexpr std::int64_t held_max = 10'000;                        // what a user has in one night
constexpr milliseconds retry_after_max = std::chrono::hours{1};  // what a callee may ask for

std::string words_of(const core::Call& call) {
    return std::string(core::to_string(call.kind)) + " " + call.target + " " + call.method;
}

/// A call that was given up is a dead letter: with the event that it tells of, else its own.
void keep_letter(const Delivery& delivery, std::int64_t failed_seq, Handling& h) {
    if (h.unit.count_dead_letters(delivery.user, "delivery", delivery.id.str(), 1) > 0) return;
    const auto about = delivery.event_user_seq > 0 ? delivery.event_user_seq : failed_seq;
    const auto event = h.unit.find_event(delivery.user, about);
    DeadLetterRow letter;
    letter.id = core::uuid_v7(h.unit.now(), h.unit.random());
    letter.origin = "delivery";
    letter.name = delivery.id.str();
    letter.user_seq = about;
    letter.type = event ? event->type : "delivery.failed";
    letter.event = ipc::to_text(event ? *event : ipc::CloudEvent{});
    letter.reason = words_of(*delivery.call) + ": " + delivery.result;
    letter.attempts = delivery.attempts;
    letter.created = h.unit.now();
    h.unit.put_dead_letter(delivery.user, letter);
}

const char* type_of(DeliveryState state) {
    switch (state) {
    case DeliveryState::succeeded:
        return "delivery.succeeded";
    case DeliveryState::suppressed:
        return "delivery.suppressed";
    case DeliveryState::pending:
    case DeliveryState::running:
    case DeliveryState::dead:
        break;
    }
    return "delivery.failed";
}

std::string_view outcome_of(DeliveryState state) {
    return state == DeliveryState::pending ? "retried" : core::to_string(state);
}

/// For the counters: what it goes by.
std::string_view kind_of(const Delivery& delivery, const Handling& h) {
    if (delivery.is_run()) return "command";
    if (delivery.call) return "call";
    const auto channel = h.unit.find_channel(delivery.user, delivery.channel);
    return channel ? core::to_string(channel->kind) : "removed";
}

}  // namespace

Delivery new_delivery(Handling& h) {
    Delivery delivery;
    delivery.id = core::DeliveryId{core::uuid_v7(h.unit.now(), h.unit.random())};
    delivery.user = h.user;
    delivery.created = h.unit.now();
    delivery.rule_chain = h.unit.rule_chain();
    delivery.next_attempt = h.unit.now();
    return delivery;
}

void wait_for_quiet_hours(Delivery& delivery, const core::UserSettings& settings,
                          core::Timestamp now) {
    delivery.next_attempt = core::after_quiet_hours(settings, now);
    delivery.result = *delivery.next_attempt > now ? "waits: quiet hours" : "";
}

void tell_channel(const std::string& channel, std::int64_t event_user_seq, Handling& h,
                  const std::string& chain) {
    Delivery delivery = new_delivery(h);
    if (!chain.empty()) delivery.rule_chain = chain;
    delivery.channel = channel;
    delivery.event_user_seq = event_user_seq;
    wait_for_quiet_hours(delivery, h.unit.user_settings(delivery.user), h.unit.now());
    h.unit.insert_delivery(delivery);
}

void hurry_deliveries(const core::UserId& user, const std::string& channel, Handling& h) {
    const auto settings = h.unit.user_settings(user);
    for (const auto& held : h.unit.held_deliveries(user, channel, held_max)) {
        Delivery after = held;
        wait_for_quiet_hours(after, settings, h.unit.now());
        if (held.attempts > 0) after.result = held.result;
        h.unit.update_delivery(held, after);
    }
}

std::int64_t end_delivery(const Delivery& before, const Delivery& after, std::string_view kind,
                          Handling& h) {
    h.unit.update_delivery(before, after);
    DeliveryFigure figure{kind, outcome_of(after.state), {}};
    if (after.finished) figure.lag = *after.finished - after.created;
    h.deliveries.push_back(figure);
    if (after.state == DeliveryState::pending) return 0;
    const std::string subject =
        after.call || after.task.empty() ? after.id.str() : after.task.str();
    const auto seq = h.unit.append_event(after.user, {type_of(after.state), subject, after});
    if (after.state == DeliveryState::dead && after.call && !after.is_run())
        keep_letter(after, seq, h);
    return seq;
}

void give_up(const Delivery& before, const std::string& why, Handling& h) {
    core::Outcome outcome{false, false, why, before.output};
    outcome.status = before.status;
    end_delivery(before, core::finished(before, outcome, h.unit.now(), std::nullopt),
                 kind_of(before, h), h);
}

void suppress(const Delivery& before, const std::string& why, Handling& h) {
    const Delivery after = core::revoked(before, why, h.unit.now());
    if (after.state == DeliveryState::suppressed)
        end_delivery(before, after, kind_of(before, h), h);
    else
        h.unit.update_delivery(before, after);
    // Perhaps its turn had come.
    if (before.is_run() && after.finished) release_runs(before.user, h);
}

bool admitted(const Delivery& delivery, const std::string& circuit,
              const core::BreakerPolicy& policy, Handling& h) {
    if (circuit.empty()) return true;
    const auto wait = h.standing.breakers.admit(circuit, policy, h.received);
    if (!wait) return true;
    Delivery after = delivery;
    after.next_attempt = h.unit.now() + std::max(*wait, milliseconds{1});
    // A test has its one attempt when the circuit lets it.
    if (delivery.call && delivery.expires)
        after.next_attempt = std::min(*after.next_attempt, *delivery.expires);
    // What the callee last said is worth more than that it was not asked.
    const std::string own = delivery.user.str() + ": ";
    const auto shown = circuit.rfind(own, 0) == 0 ? circuit.substr(own.size()) : circuit;
    if (delivery.attempts == 0) after.result = "waits: the circuit of " + shown + " is open";
    h.unit.update_delivery(delivery, after);
    return false;
}

void settle(const std::string& circuit, const core::BreakerPolicy& policy,
            const core::Outcome& outcome, Handling& h) {
    if (circuit.empty()) return;
    // Without a sidecar, or of a process that ended, nothing is known of the callee.
    if (outcome.succeeded || outcome.blames_callee || outcome.status != 0)
        h.standing.breakers.settle(circuit, policy, outcome.blames_callee, h.received);
    else
        h.standing.breakers.withdraw(circuit);
}

std::optional<milliseconds> with_retry_after(std::optional<milliseconds> wait,
                                             const core::Outcome& outcome) {
    if (!wait || !outcome.retry_after) return wait;
    return std::max(*wait, std::min(*outcome.retry_after, retry_after_max));
}

}  // namespace taskd::daemon
