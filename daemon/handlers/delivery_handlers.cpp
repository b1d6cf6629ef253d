// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/delivery_handlers.h"

#include "core/text.h"
#include "core/uuid.h"
#include "daemon/handlers/call_steps.h"
#include "daemon/handlers/channel_deliveries.h"
#include "daemon/handlers/command_handlers.h"
#include "daemon/handlers/delivery_steps.h"
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
    if (!admitted(delivery, breaker_of(delivery), policy.breaker.value_or(core::BreakerPolicy{}),
                  h))
        return {};
    const Delivery after = core::started(delivery, h.unit.now());
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
    const auto wait = policy.retry ? core::wait_before(*policy.retry, delivery.attempts, random)
                                   : core::next_attempt(call_retry, delivery.attempts, random,
                                                        core::Jitter::full);
    return with_retry_after(wait, outcome);
}

void finish_call(const Delivery& delivery, const core::Outcome& outcome, Handling& h) {
    const auto policy = policy_of(*delivery.call, h.settings);
    settle(breaker_of(delivery), policy.breaker.value_or(core::BreakerPolicy{}), outcome, h);
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
    end_delivery(delivery, after, "call", h);
}

}  // namespace

std::optional<Job> start_delivery(const Timer& timer, Handling& h) {
    const auto delivery = h.unit.find_delivery(timer.user, core::DeliveryId{timer.ref});
    if (!delivery || delivery->next_attempt != timer.due) {
        h.unit.erase_timer(timer);
        return {};
    }
    if (delivery->is_run()) return start_run(*delivery, h);
    return delivery->call ? start_call(*delivery, h) : start_on_channel(*delivery, h);
}

void finish_delivery(const JobResult& result, Handling& h) {
    const auto delivery = h.unit.find_delivery(result.user, result.delivery);
    if (!delivery || delivery->state != DeliveryState::running) return;
    if (delivery->is_run()) return finish_run(*delivery, result.outcome, h);
    if (delivery->call) return finish_call(*delivery, result.outcome, h);
    finish_on_channel(*delivery, result, h);
}

Delivery keep_call(Call call, const std::string& key, std::int64_t about, milliseconds keep_trying,
                   Handling& h) {
    if (auto before = h.unit.find_call(h.user, key)) return std::move(*before);
    Delivery delivery = new_delivery(h);
    delivery.event_user_seq = about;
    delivery.expires = h.unit.now() + keep_trying;
    delivery.call = std::move(call);
    if (delivery.call->key.empty()) delivery.call->key = delivery.id.str();
    delivery.call_key = key.empty() ? delivery.id.str() : key;
    h.unit.insert_delivery(delivery);
    return delivery;
}

bool revive_call(const core::DeliveryId& id, Handling& h) {
    const auto before = h.unit.find_delivery(h.user, id);
    if (!before || !before->call) return false;
    auto after = core::revived(*before, h.unit.now());
    if (!after) return false;
    after->expires = h.unit.now() + h.settings.roles.keep_trying;
    h.unit.update_delivery(*before, *after);
    h.unit.append_event(h.user, {"delivery.retried", id.str(), *after});
    return true;
}

core::Result<ipc::DeliveryPage> list_deliveries(const ipc::DeliveryList& request, Handling& h) {
    if (request.limit < 1 || request.limit > deliveries_max)
        return core::invalid_argument(
            "limit", std::to_string(request.limit) + " is not accepted; use 1 to 1000");
    core::TaskId id;
    if (!request.task.empty()) {
        const auto task = h.unit.find_task(h.user, request.task);
        if (!task) return tl::unexpected(task.error());
        id = task->id;
    }
    return ipc::DeliveryPage{request.failed ? h.unit.dead_deliveries(h.user, id, request.limit)
                                            : h.unit.list_deliveries(h.user, id, request.limit)};
}

core::Result<Delivery> get_delivery(const ipc::DeliveryGet& request, Handling& h) {
    return h.unit.find_delivery(h.user, request.delivery);
}

core::Result<Delivery> retry_delivery(const ipc::DeliveryRetry& request, Handling& h) {
    const auto before = h.unit.find_delivery(h.user, request.delivery);
    if (!before) return tl::unexpected(before.error());
    auto after = core::revived(*before, h.unit.now());
    if (!after) return after;
    if (const auto task = h.unit.find_task(h.user, before->task);
        task && !task->is_open() && !before->call)
        return core::failed_precondition(
            "task", "task " + std::to_string(task->number) + " is " +
                        (task->deleted ? "deleted" : std::string(core::to_string(task->status))) +
                        ", so it reminds no more");
    if (before->call && !before->is_run())
        after->expires = h.unit.now() + h.settings.roles.keep_trying;
    if (before->is_run()) after->expires.reset();  // whoever asks for it wants it now
    h.unit.update_delivery(*before, *after);
    h.unit.append_event(
        h.user,
        {"delivery.retried", after->task.empty() ? after->id.str() : after->task.str(), *after});
    // What it was given up for is a letter no more.
    if (before->call) h.unit.erase_dead_letters_of(h.user, "delivery", before->id.str());
    return after;
}

}  // namespace taskd::daemon
