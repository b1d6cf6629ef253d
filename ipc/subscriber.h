// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/topic.h"
#include "ipc/client.h"
#include "ipc/messages.h"

#include <zmq.hpp>

#include <chrono>
#include <deque>
#include <optional>

namespace taskd::ipc {

/// A stream of events without gaps and repeats (P7; the Clone pattern of the ZeroMQ guide): it
/// subscribes, reads the log up to the head, then takes live copies, and reads the log again
/// whenever a number is missing, a head is ahead of it, or nothing came for a minute. The log is
/// the truth, live copies only make it quick.
class Subscriber {
public:
    /// `after` is the number of the last event that the caller has.
    Subscriber(zmq::context_t& context, Client& client, std::vector<std::string> types,
               core::TopicFilter filter, std::int64_t after);

    /// The next event, or none when nothing came within `wait`.
    ///
    /// Errors: the daemon's, when the log can't be read at the very beginning; later a daemon that
    ///         is away is waited for.
    [[nodiscard]] core::Result<std::optional<CloudEvent>> next(std::chrono::milliseconds wait);

    /// Everything up to this number was handed out or filtered away.
    [[nodiscard]] std::int64_t position() const { return known_; }

private:
    [[nodiscard]] core::Result<void> read_log();
    void take_live();
    [[nodiscard]] std::optional<CloudEvent> pop();

    Client& client_;
    std::vector<std::string> types_;
    core::TopicFilter filter_;
    zmq::socket_t socket_;
    std::int64_t known_;     ///< the last number read or received in order
    std::int64_t head_ = 0;  ///< the highest number heard of
    std::chrono::steady_clock::time_point heard_ = std::chrono::steady_clock::now();
    bool started_ = false;
    bool must_read_ = true;
    std::deque<CloudEvent> ready_;
};

}  // namespace taskd::ipc
