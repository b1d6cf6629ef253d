// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/job.h"
#include "daemon/settings.h"

#include <zmq.hpp>

#include <map>
#include <optional>
#include <set>
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

    void remove(const core::UserId& user) { lines_.erase(user); }

    void publish(const std::vector<Publication>& publications, core::Monotonic now);

    /// Reads the user's new subscriptions; each gets the head at once.
    void welcome(const core::UserId& user);

    /// Sends the heads that are due; at most one per user and heartbeat, none while nothing
    /// changes.
    void send_heads(core::Monotonic now);
    [[nodiscard]] std::optional<core::Monotonic> next_head() const;

    /// Copies that the socket refused as a whole; what it drops for one subscriber nobody is told.
    [[nodiscard]] std::uint64_t send_failures() const { return send_failures_; }

private:
    struct Line {
        zmq::socket_t* socket;
        /// What is subscribed to, as far as it is few enough to be kept; an event that nobody has
        /// asked for is not even written out.
        std::set<std::string> prefixes{};
        bool has_many = false;
        std::int64_t head = 0;
        std::int64_t told = 0;  ///< the head that was sent last
        core::Monotonic told_at{0};
    };
    static constexpr std::size_t prefixes_kept_max = 64;

    void send_head(Line& line);
    [[nodiscard]] static bool is_wanted(const Line& line, const std::string& type);
    void send(zmq::socket_t& socket, const std::string& topic, std::int64_t number,
              const std::string& body);

    std::chrono::milliseconds heartbeat_;
    std::uint64_t send_failures_ = 0;
    std::map<core::UserId, Line> lines_;
};

}  // namespace taskd::daemon
