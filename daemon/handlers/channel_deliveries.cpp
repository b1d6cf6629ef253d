// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/channel_deliveries.h"

#include "daemon/handlers/delivery_steps.h"
#include "daemon/handlers/notices.h"
#include "ipc/dapr/paths.h"
#include "ipc/dapr/trace.h"
#include "ipc/json.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

using core::Channel;
using core::ChannelKind;
using core::Delivery;
using core::DeliveryState;
using std::chrono::milliseconds;

constexpr int http_gone = 410;
constexpr std::int64_t revoked_max = 1000;  // open deliveries of one task at once

std::string host_of(const std::string& url) {
    const auto start = url.find("://");
    const auto from = start == std::string::npos ? 0 : start + 3;
    return url.substr(from, url.find_first_of("/?", from) - from);
}

/// Whom a channel bothers; "" where nobody is behind it. Mail has one server for all, everything
/// else is its user's own circuit: one broken hook says nothing of another one at the same host.
std::string circuit_of(const Channel& channel, const core::UserId& user) {
    switch (channel.kind) {
    case ChannelKind::email:
        return "mail server";
    case ChannelKind::webhook:
    case ChannelKind::ntfy:
    case ChannelKind::gotify:
        return user.str() + ": " + channel.name + " (" + host_of(channel.url) + ")";
    case ChannelKind::dapr:
        return user.str() + ": " +
               (channel.app.empty() ? "pub/sub " + channel.pubsub : channel.app);
    case ChannelKind::exec:
    case ChannelKind::desktop:
        break;
    }
    return "";
}

/// Who tests a channel waits for the answer of its one attempt.
bool is_test(const Delivery& delivery) {
    return delivery.expires.has_value();
}

bool is_digest(const Delivery& delivery) {
    return delivery.reminder.empty() && delivery.event_user_seq == 0;
}

/// One more reminder for the digest of a channel, which goes out now if it is a new one.
void gather(const Delivery& delivery, const Channel& channel, std::optional<Delivery> digest,
            Handling& h) {
    if (!digest) {
        digest = new_delivery(h);
        digest->channel = delivery.channel;
        digest->rule_chain = delivery.rule_chain;
        h.unit.insert_delivery(*digest);
    }
    Delivery after = core::revoked(delivery, "goes into a digest", h.unit.now());
    after.digest = digest->id;
    end_delivery(delivery, after, core::to_string(channel.kind), h);
}

/// Whether the rate of a channel lets an attempt begin now; else the delivery waits, and of several
/// that have waited one digest tells. Nothing is dropped.
bool within_rate(const Delivery& delivery, const Channel& channel, Handling& h) {
    const auto rate = core::rate_of(channel);
    if (rate.max == 0) return true;
    const auto now = h.unit.now();
    const bool is_fresh_reminder = !delivery.reminder.empty() && delivery.attempts == 0;
    if (is_fresh_reminder)
        if (auto digest = h.unit.find_open_digest(delivery.user, delivery.channel)) {
            gather(delivery, channel, std::move(digest), h);
            return false;
        }
    const auto starts =
        h.unit.recent_starts(delivery.user, channel.name, now - rate.per, now, rate.max);
    const auto left = rate.max - static_cast<std::int64_t>(starts.size());
    if (left <= 0) {
        Delivery after = delivery;
        after.next_attempt = starts.back() + rate.per;
        if (delivery.attempts == 0) after.result = "waits: the rate of channel " + channel.name;
        h.unit.update_delivery(delivery, after);
        return false;
    }
    if (!is_fresh_reminder) return true;
    if (h.unit.count_waiting(delivery.user, channel.name, now, left + 1) <= left) return true;
    gather(delivery, channel, {}, h);
    return false;
}

/// How a dapr channel is asked.
core::Call call_of(const Channel& channel, const ipc::CloudEvent& event, const Delivery& delivery) {
    core::Call call;
    call.verb = "POST";
    call.body = ipc::to_text(event);
    call.key = delivery.id.str();
    call.headers = {{"Content-Type", "application/cloudevents+json"}};
    const bool invokes = !channel.app.empty();
    call.kind = invokes ? core::Call::Kind::invoke : core::Call::Kind::publish;
    call.target = invokes ? channel.app : channel.pubsub;
    call.method = invokes ? "POST " + channel.method : channel.topic;
    const auto path = invokes ? ipc::dapr::invoke_path(channel.app, channel.method, {})
                              : ipc::dapr::publish_path(channel.pubsub, channel.topic,
                                                        ipc::dapr::PublishRoute::single, {});
    if (path) call.path = *path;
    if (invokes) call.headers.emplace_back("baggage", ipc::dapr::user_baggage(delivery.user.str()));
    return call;
}

Job job_of(const Delivery& delivery, const Channel& channel, const ipc::CloudEvent& event,
           Handling& h) {
    Job job;
    job.user = delivery.user;
    job.delivery = delivery.id;
    job.channel = channel;
    job.created = delivery.created;
    job.event = ipc::to_text(event);
    job.notice = notice_of(delivery, event, h);
    job.timeout = channel.timeout;
    if (channel.has_secret) job.secret = h.unit.channel_secret(delivery.user, channel.name);
    if (channel.kind == ChannelKind::email)
        job.address = channel.to.empty() ? h.unit.user_settings(delivery.user).email : channel.to;
    if (channel.kind == ChannelKind::dapr) job.call = call_of(channel, event, delivery);
    if (channel.kind != ChannelKind::exec) return job;
    job.variables = {{"TASKD_EVENT_ID", event.id},
                     {"TASKD_EVENT_TYPE", event.type},
                     {"TASKD_USER_ID", delivery.user.str()},
                     {"TASKD_DELIVERY_ID", delivery.id.str()},
                     {"TASKD_IDEMPOTENCY_KEY", delivery.id.str()},
                     {"TASKD_ATTEMPT", std::to_string(delivery.attempts)},
                     {"TASKD_CHANNEL", delivery.channel},
                     {"TASKD_RECURRENCE_ID", delivery.recurrence_id},
                     {"TASKD_TASK_ID", delivery.task.str()},
                     {"TASKD_COUNT", job.notice.count},
                     {"TASKD_TITLE", job.notice.summary}};
    if (const auto task = h.unit.find_task(delivery.user, delivery.task)) {
        job.variables.emplace_back("TASKD_TASK_NUMBER", std::to_string(task->number));
        job.variables.emplace_back("TASKD_SUMMARY", task->content.summary);
        if (task->content.due)
            job.variables.emplace_back("TASKD_DUE", core::format(*task->content.due));
    } else {
        job.variables.emplace_back("TASKD_SUMMARY", job.notice.summary);
        if (!job.notice.number.empty())
            job.variables.emplace_back("TASKD_TASK_NUMBER", job.notice.number);
    }
    return job;
}

/// A digest takes in no more: what it tells of becomes its event.
void close_digest(Delivery& digest, Handling& h) {
    const Delivery before = digest;
    digest.event_user_seq = h.unit.append_event(
        digest.user, {"reminder.digest", digest.id.str(), digest_of(digest, h)});
    h.unit.update_delivery(before, digest);
}

/// The first reason why a channel can't be used, or "". A test finds out whether one that was
/// disabled works again.
std::string fault_of(const Delivery& delivery, const Channel& channel, const Handling& h) {
    if (!channel.disabled.empty() && !is_test(delivery))
        return "channel \"" + channel.name + "\" is disabled: " + channel.disabled;
    if (channel.kind == ChannelKind::exec && !h.settings.may_run(channel.argv.front()))
        return channel.argv.front() + " is not in exec.allow";
    if (channel.kind == ChannelKind::desktop && !h.settings.has_desktop)
        return "this daemon has nobody's desktop: desktop.enabled is false";
    if (channel.kind == ChannelKind::dapr &&
        !h.settings.may_call(channel.app.empty() ? channel.pubsub : channel.app))
        return (channel.app.empty() ? channel.pubsub : channel.app) + " is not in call.allow";
    if (channel.kind == ChannelKind::email && channel.to.empty() &&
        h.unit.user_settings(delivery.user).email.empty())
        return "your own address is not known; taskctl config email ADDRESS";
    return "";
}

void revoke_all(const std::vector<Delivery>& deliveries, const std::string& why, Handling& h) {
    for (const auto& delivery : deliveries) {
        const bool is_open =
            delivery.state == DeliveryState::pending || delivery.state == DeliveryState::running;
        const bool is_call = delivery.call && !delivery.is_run();
        if (is_open && !is_call && delivery.revoked.empty()) suppress(delivery, why, h);
    }
}

}  // namespace

std::optional<Job> start_on_channel(const Delivery& given, Handling& h) {
    Delivery delivery = given;
    // One that was closed before, and is tried again, has its event.
    const bool has_members =
        is_digest(delivery) || (delivery.reminder.empty() && h.unit.was_digest(delivery));
    if (has_members && h.unit.count_digested(delivery.user, delivery.id) == 0) {
        suppress(delivery, "all that it would tell of is done", h);
        return {};
    }
    const auto channel = h.unit.find_channel(delivery.user, delivery.channel);
    const auto fault = channel ? fault_of(delivery, *channel, h)
                               : "channel \"" + delivery.channel + "\" was removed";
    if (!fault.empty()) {
        // Tried again it tells of the same, and is no second digest that takes reminders in.
        if (is_digest(delivery)) close_digest(delivery, h);
        give_up(delivery, fault, h);
        return {};
    }
    // Of all that wait by now one digest tells, however many turns it takes to gather them.
    if (is_digest(delivery) &&
        h.unit.count_waiting(delivery.user, channel->name, h.unit.now(), 1) > 0)
        return {};
    const bool is_free = is_test(delivery);
    if (!is_free && !within_rate(delivery, *channel, h)) return {};
    if (!is_free &&
        !admitted(delivery, circuit_of(*channel, delivery.user), core::BreakerPolicy{}, h))
        return {};
    if (is_digest(delivery)) close_digest(delivery, h);
    const auto event = h.unit.find_event(delivery.user, delivery.event_user_seq);
    if (!event) {
        if (!is_free) settle(circuit_of(*channel, delivery.user), core::BreakerPolicy{}, {}, h);
        give_up(delivery, "its event is past retention", h);
        return {};
    }
    const Delivery after = core::started(delivery, h.unit.now());
    h.unit.update_delivery(delivery, after);
    return job_of(after, *channel, *event, h);
}

void finish_on_channel(const Delivery& delivery, const JobResult& result, Handling& h) {
    const core::Outcome& outcome = result.outcome;
    // Whom it asked, not whom the channel asks by now.
    settle(circuit_of(result.channel, delivery.user), core::BreakerPolicy{}, outcome, h);
    const auto channel = h.unit.find_channel(delivery.user, delivery.channel);
    std::optional<milliseconds> wait;
    if (channel) {
        const auto policy = core::retry_of(*channel, h.settings.delivery_retry);
        if (!outcome.succeeded && outcome.retryable)
            wait = with_retry_after(
                core::next_attempt(policy, delivery.attempts, h.unit.random().next()), outcome);
    }
    const Delivery after =
        core::finished(delivery, outcome, h.unit.now(), is_test(delivery) ? std::nullopt : wait);
    end_delivery(delivery, after, core::to_string(result.channel.kind), h);
    if (!channel || channel->url != result.channel.url) return;
    if (outcome.succeeded && !channel->disabled.empty())
        h.unit.disable_channel(delivery.user, *channel, "");
    if (outcome.succeeded && is_test(delivery)) hurry_deliveries(delivery.user, channel->name, h);
    if (core::is_web(channel->kind) && outcome.status == http_gone && channel->disabled.empty()) {
        const std::string why =
            "the receiver said 410 Gone; taskctl channels test " + channel->name + " asks again";
        h.unit.disable_channel(delivery.user, *channel, why);
        h.unit.append_event(delivery.user, {"channel.disabled", channel->name,
                                            core::Bulletin{channel->name, why, 0, {}}});
    }
}

void revoke_deliveries(const core::Task& task, const std::string& why, Handling& h) {
    revoke_all(h.unit.open_deliveries(task.user, task.id, revoked_max), why, h);
}

void revoke_deliveries(const core::Reminder& reminder, const std::string& why, Handling& h) {
    revoke_all(h.unit.open_deliveries(reminder, revoked_max), why, h);
}

}  // namespace taskd::daemon
