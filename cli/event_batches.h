// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ipc/client.h"
#include "ipc/messages.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace taskd::cli {

/// Events on their way to the daemon, in requests that it takes: at most 1000 events and 3 MiB.
class EventBatches {
public:
    /// What became of one event; `line` says where it stood.
    using Report = std::function<void(std::int64_t line, const ipc::PublishResult&)>;
    /// Sends one request.
    using Send = std::function<core::Result<ipc::EventsPublished>(ipc::EventPublish)>;

    static constexpr std::size_t batch_bytes_max = 3 * 1024 * 1024;

    EventBatches(bool imported, Send send, Report report)
        : send_(std::move(send)), report_(std::move(report)) {
        pending_.each = true;
        pending_.imported = imported;
    }

    /// Takes one, and sends those before it when it does not fit to them any more.
    ///
    /// Errors: send's, when a whole request failed.
    [[nodiscard]] core::Result<void> add(std::int64_t line, ipc::CloudEvent event);

    /// Sends what waits.
    [[nodiscard]] core::Result<void> flush();

    [[nodiscard]] bool empty() const { return pending_.events.empty(); }
    /// Line of the first that waits.
    [[nodiscard]] std::int64_t first_line() const { return lines_.empty() ? 0 : lines_.front(); }

private:
    Send send_;
    Report report_;
    ipc::EventPublish pending_;
    std::vector<std::int64_t> lines_;
    std::size_t bytes_ = 0;
};

}  // namespace taskd::cli
