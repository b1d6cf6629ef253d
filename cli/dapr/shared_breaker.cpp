// SPDX-License-Identifier: Apache-2.0
#include "cli/dapr/shared_breaker.h"

#include "cli/autostart.h"
#include "ipc/dapr/call.h"

namespace taskd::cli {
namespace {

constexpr std::chrono::milliseconds patience{500};

}  // namespace

SharedBreaker::SharedBreaker(Context& context, const std::string& app) : app_(app) {
    if (app.empty()) return;
    const auto place = context.place();
    if (!place || !require_daemon(*place)) return;
    ipc::Client::Options options;
    options.deadline = patience;
    client_.emplace(context.sockets(), place->endpoint, random_, options,
                    [place = *place] { return require_daemon(place); });
}

std::optional<ipc::BreakerView> SharedBreaker::tell(const std::string& outcome) {
    if (!client_) return {};
    auto answer = client_->call(ipc::DaprBreaker{app_, outcome});
    if (answer) return std::move(answer->value);
    client_.reset();  // it is not asked again by this command
    return {};
}

std::optional<ipc::dapr::Answer> SharedBreaker::refusal() {
    const auto view = tell({});
    if (!view || view->wait_ms == 0) return {};
    ipc::dapr::Answer refused;
    refused.failure = ipc::dapr::Failure::not_called;
    refused.detail = app_ + " was not called: its circuit is " + view->state + " after " +
                     std::to_string(view->failures) + " failures in a row; again in " +
                     std::to_string((view->wait_ms + 999) / 1000) + " s";
    return refused;
}

void SharedBreaker::settle(const ipc::dapr::Answer& answer) {
    const bool is_unreachable =
        !answer.response && answer.failure == ipc::dapr::Failure::unreachable;
    if (is_unreachable)
        (void)tell("withdrawn");  // no sidecar: nothing is known of the app
    else
        (void)tell(ipc::dapr::is_retryable(answer) ? "failed" : "ok");
}

}  // namespace taskd::cli
