// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ipc/client.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

namespace taskd::cli {

/// Calls again while the daemon is away, as when it restarts; for requests that do no more when
/// they are asked again. Ends with the last error after `patience`, or as soon as `gives_up` says
/// so.
template <class Request>
[[nodiscard]] core::Result<ipc::Answer<typename Request::Reply>> patient_answer(
    ipc::Client& client, const Request& request, std::chrono::milliseconds patience,
    const std::atomic<bool>& gives_up) {
    using std::chrono::milliseconds;
    using std::chrono::steady_clock;
    constexpr milliseconds look_every{50};  // so soon is a signal to give up seen
    constexpr milliseconds pause_max{1000};
    const auto begin = steady_clock::now();
    milliseconds pause{100};
    for (;;) {
        auto answer = client.call(request);
        if (answer) return answer;
        const auto reason = answer.error().reason;
        const bool may_pass =
            reason == core::Reason::unavailable || reason == core::Reason::unknown ||
            reason == core::Reason::deadline_exceeded || reason == core::Reason::resource_exhausted;
        const auto now = steady_clock::now();
        if (!may_pass || now - begin >= patience) return tl::unexpected(answer.error());
        const auto until = std::min(now + pause, begin + patience);
        while (steady_clock::now() < until) {
            if (gives_up) return tl::unexpected(answer.error());
            std::this_thread::sleep_for(look_every);
        }
        pause = std::min(pause * 2, pause_max);
    }
}

/// The same, without what only scripts read.
template <class Request>
[[nodiscard]] core::Result<typename Request::Reply> patient_call(
    ipc::Client& client, const Request& request, std::chrono::milliseconds patience,
    const std::atomic<bool>& gives_up) {
    auto answer = patient_answer(client, request, patience, gives_up);
    if (!answer) return tl::unexpected(answer.error());
    return std::move(answer->value);
}

}  // namespace taskd::cli
