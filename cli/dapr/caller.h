// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/commands/dapr_flags.h"
#include "cli/context.h"
#include "ipc/dapr/call.h"

#include <string>

namespace taskd::cli {

/// Calls the sidecar that the flags and the environment name, and says with --verbose what it does.
class Caller {
public:
    /// Errors: invalid_argument on `sidecar`, a DAPR_ variable, or `retries`.
    [[nodiscard]] static core::Result<Caller> make(Context& context, const CallFlags& flags);

    /// Waits until the sidecar is ready (GET /v1.0/healthz/outbound), then calls; all within the
    /// time of --timeout. Adds user, trace and agent to the request.
    /// With `app` its circuit breaker is asked, where a daemon runs that keeps one.
    [[nodiscard]] ipc::dapr::CallResult call(ipc::dapr::Request request,
                                             const ipc::dapr::BodySink* sink = nullptr,
                                             const std::string& app = {});

    /// The request as a curl command that does the same; the sidecar's token stays a variable.
    [[nodiscard]] std::string curl(ipc::dapr::Request request) const;

    /// Says what a result without success means; the exit status. Without `app` whatever was
    /// answered is the sidecar's own.
    [[nodiscard]] int explain(const ipc::dapr::CallResult& result, const std::string& app = {});

private:
    Caller(Context& context, ipc::dapr::Sidecar sidecar, int retries, bool verbose);
    void complete(ipc::dapr::Request& request) const;
    void say(const std::string& text);
    [[nodiscard]] std::optional<ipc::dapr::Answer> wait_until_ready(
        std::chrono::milliseconds deadline);

    Context* context_;
    std::unique_ptr<ipc::dapr::HttpClient> http_;
    core::RetryPolicy policy_;
    bool verbose_;
    std::string trace_;
    std::unique_ptr<ipc::SystemRandom> random_;
};

}  // namespace taskd::cli
