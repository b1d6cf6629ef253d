// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/context.h"
#include "ipc/dapr/http.h"

#include <optional>
#include <string>

namespace taskd::cli {

/// The circuit breaker of an app as the running daemon keeps it for everyone. Without a daemon, or
/// one that does not answer at once, calls are made as if it was closed.
class SharedBreaker {
public:
    /// `app` "": none.
    SharedBreaker(Context& context, const std::string& app);

    /// Asks for a call: the answer to give when it is not to be made.
    [[nodiscard]] std::optional<ipc::dapr::Answer> refusal();
    /// What became of a call that was made.
    void settle(const ipc::dapr::Answer& answer);

private:
    [[nodiscard]] std::optional<ipc::BreakerView> tell(const std::string& outcome);

    std::string app_;
    ipc::SystemRandom random_;
    std::optional<ipc::Client> client_;
};

}  // namespace taskd::cli
