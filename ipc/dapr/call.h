// SPDX-License-Identifier: Apache-2.0
// A call of a remote service that is tried again where that can help.
#pragma once

#include "core/clock.h"
#include "core/random.h"
#include "core/retry.h"
#include "ipc/dapr/http.h"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace taskd::ipc::dapr {

/// Who a final answer is from, and of what kind. taskctl's exit status is made from it.
enum class Verdict {
    ok,               ///< 2xx or 3xx
    callee_4xx,       ///< the app's own answer
    callee_5xx,       ///< the app's own answer
    sidecar_error,    ///< a JSON object with an errorCode that starts with ERR_
    not_called,       ///< the circuit breaker is open
    unreachable,      ///< no sidecar; nothing was sent
    outcome_unknown,  ///< it was sent, and there is no answer
    timeout,          ///< it was sent, or could not be in time
};

/// The sidecar's error code in a response, "" for what the app answered. An app could make one up.
[[nodiscard]] std::string sidecar_error_code(const Response& response);

[[nodiscard]] Verdict verdict_of(const Answer& answer);

/// Whether a try again may help: no connection, no answer, 408, 425, 429, 5xx.
[[nodiscard]] bool is_retryable(const Answer& answer);

/// How long the server asks to wait (RFC 9110 section 10.2.3): seconds or a date.
[[nodiscard]] std::optional<std::chrono::milliseconds> retry_after(const Response& response,
                                                                   core::Timestamp now);

/// The world that a call is made in; tests have their own.
struct CallHooks {
    std::function<Answer(const Request&, std::chrono::milliseconds timeout)> send;
    std::function<std::chrono::milliseconds()> monotonic;
    std::function<core::Timestamp()> now;
    std::function<void(std::chrono::milliseconds)> wait;
    /// Told of each attempt that is followed by another.
    std::function<void(int attempt, const Answer&, std::chrono::milliseconds wait)> retrying;
};

struct CallResult {
    Answer answer;
    Verdict verdict = Verdict::unreachable;
    int attempts = 0;
};

/// 3 attempts, 1 s, x2, full jitter, at most 30 s apart.
[[nodiscard]] core::RetryPolicy call_policy(int retries = 2);

/// Sends until the answer is final, attempts are used up, or `deadline` (monotonic) leaves no time
/// for another. A request that changes something carries an Idempotency-Key, the same each time.
[[nodiscard]] CallResult call(const Request& request, const core::RetryPolicy& policy,
                              std::chrono::milliseconds deadline, core::Random& random,
                              const CallHooks& hooks);

}  // namespace taskd::ipc::dapr
