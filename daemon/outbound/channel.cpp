// SPDX-License-Identifier: Apache-2.0
#include "daemon/outbound/channel.h"

#include <cctype>
#include <exception>

namespace taskd::daemon {

ipc::dapr::HttpClient& Runner::http() {
    if (!http_) http_.emplace(outside_.sidecar, &stopping_);
    return *http_;
}

core::Outcome Runner::run(const Job& job) {
    try {
        return dispatch(job);
    } catch (const std::exception& failure) {
        core::Outcome outcome{false, true, failure.what(), ""};
        return outcome;
    }
}

core::Outcome Runner::dispatch(const Job& job) {
    if (job.batch) return run_batch(job, http());
    if (job.call && job.call->kind == core::Call::Kind::email) {
        const auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(
            std::chrono::system_clock::now());
        const Mail mail{job.call->target, job.call->method, job.call->body,
                        job.call->key + "@taskd", now};
        auto outcome = send_mail(outside_.mail, mail, stopping_);
        // "Not now" for one mailbox says nothing of the server; silence and 421 do.
        const bool is_reply = outcome.result.size() > 3 &&
                              std::isdigit(static_cast<unsigned char>(outcome.result.front())) != 0;
        outcome.blames_callee = !outcome.succeeded && outcome.retryable &&
                                (!is_reply || outcome.result.rfind("421", 0) == 0);
        return outcome;
    }
    if (job.call) return run_call(job, http());
    if (job.channel.kind == "exec") return run_exec(job, stopping_);
    return {false, false, "no channel of kind \"" + job.channel.kind + "\"", ""};
}

}  // namespace taskd::daemon
