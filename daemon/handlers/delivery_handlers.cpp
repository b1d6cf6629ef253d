// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/delivery_handlers.h"

#include "core/text.h"
#include "core/uuid.h"
#include "daemon/handlers/call_steps.h"
#include "ipc/json.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

using core::Call;
using core::Delivery;
using core::DeliveryState;
using std::chrono::milliseconds;

constexpr std::int64_t deliveries_max = 1000;
// 1 s, x2, full jitter, at most a minute apart; how often is up to `expires`.
constexpr core::RetryPolicy call_retry{1'000'000, std::chrono::seconds{1}, 2,
                                       std::chrono::minutes{1}};
constexpr milliseconds retry_after_max = std::chrono::hours{1};  // what a callee may ask for

core::CallPolicy policy_of(const Call& call, const Settings& settings) {
    return call.kind == Call::Kind::publish ? settings.roles.resiliency.component(call.target)
                                            : settings.roles.resiliency.app(call.target);
}

/// Mail has one server, whoever it is for. No app has a name with a space.
std::string breaker_of(const Delivery& delivery) {
    const Call& call = *delivery.call;
    if (call.kind == Call::Kind::email) return "mail server";
    const std::string target = (call.kind == Call::Kind::publish ? "pub/sub " : "") + call.target;
    const bool is_own = call.step.empty() && !call.context.empty();
    return is_own ? delivery.user.str() + ": " + target : target;
}

std::string words_of(const Call& call) {
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

void tell_end(const Delivery& delivery, Handling& h) {
    const bool is_dead = delivery.state == DeliveryState::dead;
    const std::string subject = delivery.call ? delivery.id.str() : delivery.task.str();
    const auto seq = h.unit.append_event(
        delivery.user, {is_dead ? "delivery.failed" : "delivery.succeeded", subject, delivery});
    if (is_dead && delivery.call) keep_letter(delivery, seq, h);
}

void give_up(const Delivery& before, const std::string& why, Handling& h) {
    core::Outcome outcome{false, false, why, before.output};
    outcome.status = before.status;
    Delivery after = core::finished(before, outcome, h.unit.now(), std::nullopt);
    h.unit.update_delivery(before, after);
    tell_end(after, h);
}

Job job_of(const Delivery& delivery, const ipc::Channel& channel, const ipc::CloudEvent& event,
           UnitOfWork& unit) {
    Job job{delivery.user, delivery.id, channel, {}, ipc::to_text(event)};
    job.variables = {{"TASKD_EVENT_ID", event.id},
                     {"TASKD_EVENT_TYPE", event.type},
                     {"TASKD_USER_ID", delivery.user.str()},
                     {"TASKD_DELIVERY_ID", delivery.id.str()},
                     {"TASKD_IDEMPOTENCY_KEY", delivery.id.str()},
                     {"TASKD_ATTEMPT", std::to_string(delivery.attempts)},
                     {"TASKD_CHANNEL", delivery.channel},
                     {"TASKD_RECURRENCE_ID", delivery.recurrence_id},
                     {"TASKD_TASK_ID", delivery.task.str()}};
    if (const auto task = unit.find_task(delivery.user, delivery.task)) {
        job.variables.emplace_back("TASKD_TASK_NUMBER", std::to_string(task->number));
        job.variables.emplace_back("TASKD_SUMMARY", task->content.summary);
        if (task->content.due)
            job.variables.emplace_back("TASKD_DUE", core::format(*task->content.due));
    }
    return job;
}

std::optional<Job> start_on_channel(const Delivery& delivery, Handling& h) {
    const auto channel = h.unit.find_channel(delivery.user, delivery.channel);
    const auto event = h.unit.find_event(delivery.user, delivery.event_user_seq);
    if (!channel || !event) {
        give_up(delivery,
                channel ? "its event is past retention"
                        : "channel \"" + delivery.channel + "\" was removed",
                h);
        return {};
    }
    if (!h.settings.may_run(channel->argv.front())) {
        give_up(delivery, channel->argv.front() + " is not in exec.allow", h);
        return {};
    }
    const Delivery after = core::started(delivery);
    h.unit.update_delivery(delivery, after);
    return job_of(after, *channel, *event, h.unit);
}

std::string given_up_words(const Delivery& delivery) {
    const auto tried = std::to_string(delivery.attempts);
    return "given up after " + tried + (delivery.attempts == 1 ? " attempt" : " attempts") +
           (delivery.result.empty() ? "" : ", the last one: " + delivery.result);
}

std::optional<Job> start_call(const Delivery& delivery, Handling& h) {
    if (delivery.expires && h.unit.now() >= *delivery.expires) {
        give_up(delivery, given_up_words(delivery), h);
        return {};
    }
    const auto policy = policy_of(*delivery.call, h.settings);
    const auto wait = h.standing.breakers.admit(
        breaker_of(delivery), policy.breaker.value_or(core::BreakerPolicy{}), h.received);
    if (wait) {
        // Not an attempt: the callee was not asked.
        Delivery after = delivery;
        after.next_attempt = h.unit.now() + std::max(*wait, milliseconds{1});
        if (delivery.expires) after.next_attempt = std::min(*after.next_attempt, *delivery.expires);
        // What the callee last said is worth more than that it was not asked.
        if (delivery.attempts == 0)
            after.result = "waits: the circuit of " + breaker_of(delivery) + " is open";
        h.unit.update_delivery(delivery, after);
        return {};
    }
    const Delivery after = core::started(delivery);
    h.unit.update_delivery(delivery, after);
    Job job;
    job.user = delivery.user;
    job.delivery = delivery.id;
    job.call = delivery.call;
    job.timeout = policy.timeout.value_or(h.settings.roles.call_timeout);
    return job;
}

/// How long to wait before the next attempt of a call; none when there is none.
std::optional<milliseconds> wait_of(const Delivery& delivery, const core::Outcome& outcome,
                                    const core::CallPolicy& policy, Handling& h) {
    if (outcome.succeeded) return {};
    const bool may_help =
        outcome.status == 0
            ? outcome.retryable
            : core::retries_status(policy.retry ? &*policy.retry : nullptr, outcome.status);
    if (!may_help) return {};
    const auto random = h.unit.random().next();
    auto wait = policy.retry
                    ? core::wait_before(*policy.retry, delivery.attempts, random)
                    : core::next_attempt_full_jitter(call_retry, delivery.attempts, random);
    if (!wait) return {};
    if (outcome.retry_after)
        wait = std::max(*wait, std::min(*outcome.retry_after, retry_after_max));
    return wait;
}

void finish_call(const Delivery& delivery, const core::Outcome& outcome, Handling& h) {
    const auto policy = policy_of(*delivery.call, h.settings);
    // Without a sidecar, or of a process that ended, nothing is known of the callee.
    if (outcome.succeeded || outcome.blames_callee || outcome.status != 0)
        h.standing.breakers.settle(breaker_of(delivery),
                                   policy.breaker.value_or(core::BreakerPolicy{}),
                                   outcome.blames_callee, h.received);
    else
        h.standing.breakers.withdraw(breaker_of(delivery));
    auto wait = wait_of(delivery, outcome, policy, h);
    if (wait && delivery.expires && h.unit.now() + *wait >= *delivery.expires) wait.reset();
    core::Outcome known = outcome;
    if (outcome.succeeded) {
        auto inner = h.unit.nested("");
        Handling step{inner, delivery.user, h.settings, h.identity, h.standing, h.received};
        const auto followed = follow_call(delivery, outcome, step);
        h.unit.check_alive();
        if (followed) {
            h.unit.adopt(inner.release());
        } else {
            known.succeeded = false;
            known.result = followed.error().message;
        }
    }
    Delivery after = core::finished(delivery, known, h.unit.now(), wait);
    h.unit.update_delivery(delivery, after);
    if (after.state != DeliveryState::pending) tell_end(after, h);
}

}  // namespace

std::optional<Job> start_delivery(const Timer& timer, Handling& h) {
    const auto delivery = h.unit.find_delivery(timer.user, core::DeliveryId{timer.ref});
    if (!delivery || delivery->next_attempt != timer.due) {
        h.unit.erase_timer(timer);
        return {};
    }
    return delivery->call ? start_call(*delivery, h) : start_on_channel(*delivery, h);
}

void finish_delivery(const JobResult& result, Handling& h) {
    const auto delivery = h.unit.find_delivery(result.user, result.delivery);
    if (!delivery || delivery->state != DeliveryState::running) return;
    if (delivery->call) return finish_call(*delivery, result.outcome, h);
    const Delivery after = core::finished(*delivery, result.outcome, h.unit.now(),
                                          h.settings.delivery_retry, h.unit.random().next());
    h.unit.update_delivery(*delivery, after);
    if (after.state != DeliveryState::pending) tell_end(after, h);
}

Delivery keep_call(Call call, const std::string& key, std::int64_t about, milliseconds keep_trying,
                   Handling& h) {
    if (auto before = h.unit.find_call(h.user, key)) return std::move(*before);
    Delivery delivery;
    delivery.id = core::DeliveryId{core::uuid_v7(h.unit.now(), h.unit.random())};
    delivery.user = h.user;
    delivery.event_user_seq = about;
    delivery.created = h.unit.now();
    delivery.next_attempt = h.unit.now();
    delivery.expires = h.unit.now() + keep_trying;
    delivery.call = std::move(call);
    if (delivery.call->key.empty()) delivery.call->key = delivery.id.str();
    delivery.call_key = key.empty() ? delivery.id.str() : key;
    h.unit.insert_delivery(delivery);
    return delivery;
}

bool revive_call(const core::DeliveryId& id, Handling& h) {
    const auto before = h.unit.find_delivery(h.user, id);
    if (!before || !before->call || before->state != DeliveryState::dead) return false;
    Delivery after = *before;
    after.state = DeliveryState::pending;
    after.attempts = 0;
    after.finished.reset();
    after.next_attempt = h.unit.now();
    after.expires = h.unit.now() + h.settings.roles.keep_trying;
    h.unit.update_delivery(*before, after);
    return true;
}

core::Result<ipc::DeliveryPage> list_deliveries(const ipc::DeliveryList& request, Handling& h) {
    if (request.limit < 1 || request.limit > deliveries_max)
        return core::invalid_argument(
            "limit", std::to_string(request.limit) + " is not accepted; use 1 to 1000");
    return ipc::DeliveryPage{h.unit.list_deliveries(h.user, {}, request.limit)};
}

core::Result<Delivery> get_delivery(const ipc::DeliveryGet& request, Handling& h) {
    return h.unit.find_delivery(h.user, request.delivery);
}

}  // namespace taskd::daemon
