// SPDX-License-Identifier: Apache-2.0
#include "ipc/dapr/call.h"

#include "core/circuit_breaker.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace taskd::ipc::dapr {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A server that asks for more has failed, as far as this call is concerned.
constexpr seconds retry_after_max{std::chrono::hours{24}};

/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7); the two obsolete forms are not read.
std::optional<core::Timestamp> http_date(const std::string& text) {
    std::tm parts{};
    const char* end = strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    if (end == nullptr || *end != '\0') return {};
    return core::Timestamp{seconds{timegm(&parts)}};
}

}  // namespace

std::string sidecar_error_code(const Response& response) {
    if (response.status < 400 || response.body.empty() || response.body.front() != '{') return {};
    const auto body = json::parse(response.body, nullptr, false);
    if (!body.is_object()) return {};
    const auto code = body.find("errorCode");
    if (code == body.end() || !code->is_string()) return {};
    auto text = code->get<std::string>();
    return text.rfind("ERR_", 0) == 0 ? text : std::string{};
}

Verdict verdict_of(const Answer& answer) {
    if (!answer.response) {
        if (answer.failure == Failure::not_called) return Verdict::not_called;
        if (answer.failure == Failure::unreachable) return Verdict::unreachable;
        return answer.failure == Failure::timeout ? Verdict::timeout : Verdict::outcome_unknown;
    }
    if (answer.response->status < 400) return Verdict::ok;
    if (!sidecar_error_code(*answer.response).empty()) return Verdict::sidecar_error;
    return answer.response->status < 500 ? Verdict::callee_4xx : Verdict::callee_5xx;
}

bool is_retryable(const Answer& answer) {
    if (answer.streamed) return false;  // what was passed on can't be taken back
    if (answer.response) return core::is_retryable_status(answer.response->status);
    return answer.failure != Failure::too_large && answer.failure != Failure::refused &&
           answer.failure != Failure::not_called;
}

std::optional<milliseconds> retry_after(const Response& response, core::Timestamp now) {
    const auto text = header_of(response.headers, "Retry-After");
    if (text.empty()) return {};
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    milliseconds wait{0};
    if (error == std::errc{} && end == text.data() + text.size()) {
        wait = seconds{std::clamp<std::int64_t>(number, 0, retry_after_max.count())};
    } else {
        const auto date = http_date(text);
        if (!date) return {};
        wait = *date - now;
    }
    return std::clamp<milliseconds>(wait, milliseconds{0}, retry_after_max);
}

core::RetryPolicy call_policy(int retries) {
    core::RetryPolicy policy;
    policy.attempts_max = retries + 1;
    policy.initial = seconds{1};
    policy.max = seconds{30};
    return policy;
}

CallResult call(const Request& request, const core::RetryPolicy& policy, milliseconds deadline,
                core::Random& random, const CallHooks& hooks) {
    CallResult result;
    for (;;) {
        const milliseconds left = deadline - hooks.monotonic();
        if (left <= milliseconds{0}) {
            if (result.attempts > 0) break;
            result.answer.failure = Failure::timeout;
            result.answer.detail = "no time was left to send it";
            break;
        }
        result.answer = hooks.send(request, left);
        ++result.attempts;
        if (!is_retryable(result.answer)) break;
        auto wait = core::next_attempt(policy, result.attempts, random.next(), core::Jitter::full);
        if (!wait) break;
        if (result.answer.response)
            if (const auto asked = retry_after(*result.answer.response, hooks.now()))
                wait = std::max(*wait, *asked);
        if (hooks.monotonic() + *wait >= deadline) break;
        if (hooks.retrying) hooks.retrying(result.attempts, result.answer, *wait);
        hooks.wait(*wait);
    }
    result.verdict = verdict_of(result.answer);
    return result;
}

}  // namespace taskd::ipc::dapr
