// SPDX-License-Identifier: Apache-2.0
#include "cli/event_batches.h"

#include "ipc/json.h"

namespace taskd::cli {

core::Result<void> EventBatches::add(std::int64_t line, ipc::CloudEvent event) {
    const std::size_t bytes = ipc::to_text(event).size() + 1;
    const bool full = lines_.size() == ipc::publish_events_max || bytes_ + bytes > batch_bytes_max;
    if (full && !empty())
        if (auto sent = flush(); !sent) return sent;
    pending_.events.emplace_back().event = std::move(event);
    lines_.push_back(line);
    bytes_ += bytes;
    return {};
}

core::Result<void> EventBatches::flush() {
    if (empty()) return {};
    const auto answer = send_(pending_);
    if (!answer) return tl::unexpected(answer.error());
    if (answer->events.size() != lines_.size())
        return tl::unexpected(core::Error{core::Reason::internal,
                                          "the daemon answered " +
                                              std::to_string(answer->events.size()) + " of " +
                                              std::to_string(lines_.size()) + " events",
                                          {},
                                          {}});
    for (std::size_t i = 0; i < lines_.size(); ++i) report_(lines_[i], answer->events[i]);
    pending_.events.clear();
    lines_.clear();
    bytes_ = 0;
    return {};
}

}  // namespace taskd::cli
