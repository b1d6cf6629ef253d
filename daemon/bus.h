// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/job.h"
#include "daemon/settings.h"

#include <zmq.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace taskd::daemon {

/// Live copies of committed events: one XPUB per user, whom the kernel lets in. The log is the
/// truth; a subscriber that is too slow loses copies, and notices by the numbers and heads.
class Bus {
public:
    explicit Bus(std::chrono::milliseconds heartbeat) : heartbeat_(heartbeat) {}

    /// `head` is the user's newest event, told to whoever subscribes.
    void add(core::UserId user, zmq::socket_t& socket, std::int64_t head);

    void publish(const std::vector<Publication>& publications, core::Monotonic now);

    /// Reads the user's new subscriptions; each gets the head at once.
    void welcome(const core::UserId& user);

    /// Sends the heads that are due; at most one per user and heartbeat, none while nothing
    /// changes.
    void send_heads(core::Monotonic now);
    [[nodiscard]] std::optional<core::Monotonic> next_head() const;

private:
    struct Line {
        zmq::socket_t* socket;
        std::int64_t head = 0;
        std::int64_t told = 0;  ///< the head that was sent last
        core::Monotonic told_at{0};
    };
    void send_head(Line& line);

    std::chrono::milliseconds heartbeat_;
    std::map<core::UserId, Line> lines_;
};

}  // namespace taskd::daemon
