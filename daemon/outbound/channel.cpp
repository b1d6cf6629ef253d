// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/channel.h"

#include "daemon/outbound/web_channel.h"

#include <cctype>
#include <exception>

namespace taskd::daemon {
namespace {

using core::ChannelKind;
using core::Outcome;

core::Timestamp now() {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(
        std::chrono::system_clock::now());
}

std::string filled(const std::string& pattern, const std::string& usual,
                   const core::Notice& notice) {
    if (pattern.empty()) return usual;
    const auto read = core::Template::parse("subject", pattern);
    return read ? read->fill(notice) : pattern;
}

Notification notification_of(const Job& job) {
    using Urgency = Notification::Urgency;
    const auto& notice = job.notice;
    Notification shown;
    shown.tag = job.user.str() + " " + notice.tag;
    shown.user = job.user.str();
    if (notice.can_act) shown.task = notice.task;
    shown.delivery = job.delivery.str();
    shown.summary = filled(job.channel.subject, notice.summary, notice);
    shown.body = filled(job.channel.body, notice.text, notice);
    shown.urgency = notice.is_urgent  ? Urgency::critical
                    : notice.is_minor ? Urgency::low
                                      : Urgency::normal;
    shown.url = notice.url;
    shown.timeout = job.channel.timeout;
    return shown;
}

}  // namespace

ipc::dapr::HttpClient& Runner::http() {
    if (!http_) http_.emplace(outside_.sidecar, &stopping_);
    return *http_;
}

Outcome Runner::run(const Job& job) {
    const auto begun = std::chrono::steady_clock::now();
    Outcome outcome;
    try {
        outcome = dispatch(job);
    } catch (const std::exception& failure) {
        outcome = {false, true, failure.what(), ""};
    }
    outcome.took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - begun);
    return outcome;
}

Outcome Runner::dispatch(const Job& job) {
    if (job.batch) return run_batch(job, http());
    if (job.call && job.call->kind == core::Call::Kind::email)
        return mail(
            {job.call->target, job.call->method, job.call->body, job.call->key + "@taskd", now()});
    if (job.call) return run_call(job, http());
    return on_channel(job);
}

Outcome Runner::mail(const Mail& mail) {
    auto outcome = send_mail(outside_.mail, mail, stopping_);
    // "Not now" for one mailbox says nothing of the server; silence and 421 do.
    const bool is_reply = outcome.result.size() > 3 &&
                          std::isdigit(static_cast<unsigned char>(outcome.result.front())) != 0;
    outcome.blames_callee = !outcome.succeeded && outcome.retryable &&
                            (!is_reply || outcome.result.rfind("421", 0) == 0);
    return outcome;
}

Outcome Runner::on_channel(const Job& job) {
    if (job.taken_back) return {false, false, "taken back before it was shown", ""};
    const auto& notice = job.notice;
    switch (job.channel.kind) {
    case ChannelKind::exec:
        return run_exec(job, stopping_);
    case ChannelKind::email: {
        if (outside_.mail.url.empty()) return {false, false, "smtp.url is not set", ""};
        const auto subject = filled(job.channel.subject, notice.summary, notice);
        std::string usual = notice.text;
        if (notice.can_act)
            usual +=
                "\n\ntaskctl done " + notice.number + "\ntaskctl snooze " + notice.number + " 10m";
        const auto text = filled(job.channel.body, usual, notice);
        // The title is not in the usual text, and a mail may be read without its subject.
        const auto plain = job.channel.body.empty() ? notice.summary + "\n\n" + text : text;
        return mail({job.address, subject, plain, job.delivery.str() + "@taskd", job.created,
                     html_of(subject, text)});
    }
    case ChannelKind::desktop:
        return desktop_.show(notification_of(job));
    case ChannelKind::webhook:
    case ChannelKind::ntfy:
    case ChannelKind::gotify:
        return send_webhook(web_request(job, now()), outside_.web, stopping_);
    case ChannelKind::dapr:
        break;  // a call
    }
    return {false, false, "nothing can be sent to it", ""};
}

}  // namespace taskd::daemon
