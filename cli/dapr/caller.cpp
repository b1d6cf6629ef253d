// SPDX-License-Identifier: Apache-2.0
#include "cli/dapr/caller.h"

#include "cli/dapr/shared_breaker.h"
#include "cli/exit_code.h"
#include "core/circuit_breaker.h"
#include "core/text.h"
#include "ipc/dapr/paths.h"
#include "ipc/dapr/trace.h"
#include "version.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <thread>

namespace taskd::cli {
namespace {

using core::Reason;
using core::Result;
using ipc::dapr::Answer;
using ipc::dapr::Failure;
using ipc::dapr::Request;
using ipc::dapr::Verdict;
using std::chrono::milliseconds;

constexpr std::int64_t retries_max = 20;
constexpr milliseconds ready_poll{200};
constexpr std::size_t message_bytes_max = 500;

milliseconds monotonic() {
    return std::chrono::duration_cast<milliseconds>(
        std::chrono::steady_clock::now().time_since_epoch());
}

std::string sidecar_message(const ipc::dapr::Response& response) {
    const auto body = nlohmann::json::parse(response.body, nullptr, false);
    std::string text = ipc::dapr::sidecar_error_code(response);
    // A wrong token, for one, is answered by plain text.
    if (text.empty()) return visible(core::clipped(core::trim(response.body), message_bytes_max));
    if (body.is_object() && body.contains("message") && body["message"].is_string())
        text += ": " + body["message"].get<std::string>();
    return core::clipped(text, message_bytes_max);
}

std::string words_of(const Answer& answer) {
    if (!answer.response) return answer.detail;
    const auto code = ipc::dapr::sidecar_error_code(*answer.response);
    return "status " + std::to_string(answer.response->status) + (code.empty() ? "" : " " + code);
}

}  // namespace

Caller::Caller(Context& context, ipc::dapr::Sidecar sidecar, int retries, bool verbose)
    : context_(&context),
      http_(std::make_unique<ipc::dapr::HttpClient>(std::move(sidecar))),
      policy_(ipc::dapr::call_policy(retries)),
      verbose_(verbose),
      random_(std::make_unique<ipc::SystemRandom>()) {
    trace_ = ipc::dapr::continued_trace(ipc::dapr::process_environment("TRACEPARENT"), *random_);
}

Result<Caller> Caller::make(Context& context, const CallFlags& flags) {
    auto sidecar = ipc::dapr::find_sidecar(flags.sidecar, ipc::dapr::process_environment);
    if (!sidecar) return tl::unexpected(sidecar.error());
    int retries = 2;
    if (!flags.retries.empty()) {
        const auto number = number_from("retries", flags.retries, 0, retries_max);
        if (!number) return tl::unexpected(number.error());
        retries = static_cast<int>(*number);
    }
    return Caller(context, std::move(*sidecar), retries, flags.verbose);
}

void Caller::complete(Request& request) const {
    const auto add = [&](const char* name, const std::string& value) {
        if (ipc::dapr::header_of(request.headers, name).empty())
            request.headers.emplace_back(name, value);
    };
    add("User-Agent", "taskctl/" TASKD_VERSION);
    add("traceparent", trace_);
    const auto& user = context_->settings().as;
    if (!user.empty()) add("baggage", ipc::dapr::user_baggage(user));
}

void Caller::say(const std::string& text) {
    if (verbose_) context_->screen().note(text);
}

std::optional<Answer> Caller::wait_until_ready(milliseconds deadline) {
    bool told = false;
    for (;;) {
        const auto left = deadline - monotonic();
        if (left <= milliseconds{0}) break;
        const auto answer = http_->send({"GET", "/v1.0/healthz/outbound", {}, {}}, left);
        // No connection: the call finds that too, and tries again by its own rules. Any status but
        // 5xx is of something that has no such route; the call will tell.
        if (!answer.response && answer.failure == Failure::timeout) return answer;
        if (!answer.response || answer.response->status < 500) return {};
        if (!told) say("waiting for the sidecar to load its components");
        told = true;
        std::this_thread::sleep_for(std::min(ready_poll, std::max(left, milliseconds{0})));
    }
    Answer late;
    late.failure = Failure::timeout;
    late.detail = "the sidecar has not loaded its components in time";
    return late;
}

ipc::dapr::CallResult Caller::call(Request request, const ipc::dapr::BodySink* sink,
                                   const std::string& app) {
    const auto deadline = monotonic() + context_->settings().timeout;
    complete(request);
    const auto key = ipc::dapr::header_of(request.headers, "Idempotency-Key");
    say(request.verb + " " + to_text(http_->sidecar()) + request.path);
    say("traceparent: " + trace_ + (key.empty() ? "" : ", idempotency key: " + key));
    if (const auto late = wait_until_ready(deadline))
        return {*late, ipc::dapr::verdict_of(*late), 0};
    SharedBreaker breaker(*context_, app);
    const ipc::dapr::CallHooks hooks{
        [&](const Request& sent, milliseconds left) {
            if (auto refused = breaker.refusal()) return std::move(*refused);
            auto answer = http_->send(sent, left, sink);
            breaker.settle(answer);
            return answer;
        },
        monotonic,
        [] { return std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now()); },
        [](milliseconds wait) { std::this_thread::sleep_for(wait); },
        [&](int attempt, const Answer& answer, milliseconds wait) {
            say("attempt " + std::to_string(attempt) + ": " + words_of(answer) + "; the next in " +
                std::to_string(wait.count()) + " ms");
        }};
    auto result = ipc::dapr::call(request, policy_, deadline, *random_, hooks);
    say("attempt " + std::to_string(result.attempts) + ": " + words_of(result.answer));
    return result;
}

std::string Caller::curl(Request request) const {
    complete(request);
    const auto& sidecar = http_->sidecar();
    std::vector<std::string> words{"curl"};
    if (request.verb == "HEAD")
        words.emplace_back("-I");
    else
        words.insert(words.end(), {"-X", request.verb});
    if (!sidecar.socket.empty()) words.insert(words.end(), {"--unix-socket", sidecar.socket});
    for (const auto& [name, value] : request.headers)
        words.insert(words.end(), {"-H", name + ": " + value});
    if (request.body) words.insert(words.end(), {"--data-binary", *request.body});
    words.emplace_back("--globoff");
    words.push_back((sidecar.socket.empty() ? to_text(sidecar) : "http://localhost") +
                    request.path);
    // The shell fills the token in, so that it stands in no terminal and no file.
    std::string token;
    if (!sidecar.token.empty()) token = " -H \"dapr-api-token: $DAPR_API_TOKEN\"";
    return shell_words(words) + token;
}

int Caller::explain(const ipc::dapr::CallResult& result, const std::string& app) {
    const std::string where = to_text(http_->sidecar());
    const auto times =
        result.attempts > 1 ? " (" + std::to_string(result.attempts) + " attempts)" : "";
    const std::string doubt = result.attempts > 0 ? "; the call may have been carried out" : "";
    const auto& answer = result.answer;
    const bool has_answer = answer.response && result.verdict != Verdict::ok;
    switch (app.empty() && has_answer ? Verdict::sidecar_error : result.verdict) {
    case Verdict::ok:
        return 0;
    case Verdict::callee_4xx:
    case Verdict::callee_5xx:
        context_->screen().note(app + " answered " + std::to_string(answer.response->status) +
                                times);
        return result.verdict == Verdict::callee_4xx ? exit_callee_4xx : exit_callee_5xx;
    case Verdict::sidecar_error:
        context_->screen().error({Reason::unavailable,
                                  "the sidecar at " + where + " answered " +
                                      std::to_string(answer.response->status) + " " +
                                      sidecar_message(*answer.response) + times,
                                  {},
                                  {}});
        return exit_sidecar;
    case Verdict::not_called:
        context_->screen().error({Reason::unavailable, answer.detail, {}, {}});
        return exit_sidecar;
    case Verdict::unreachable:
        return context_->fail({Reason::unavailable,
                               "no sidecar at " + where + ": " + answer.detail + times,
                               {},
                               "start one with dapr run, or name it with --sidecar or "
                               "DAPR_HTTP_PORT"});
    case Verdict::outcome_unknown:
        return context_->fail(
            {Reason::unknown, where + ": " + answer.detail + doubt + times, {}, {}});
    case Verdict::timeout:
        return context_->fail({Reason::deadline_exceeded,
                               where + ": " + answer.detail + doubt + times,
                               {},
                               "--timeout gives it longer"});
    }
    return 1;
}

}  // namespace taskd::cli
