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

/// Numbers of events, both ends among them.
struct EventRange {
    std::int64_t first = 0;
    std::int64_t last = 0;

    bool operator==(const EventRange&) const = default;
};

/// Reads a page of the log.
///
/// Errors: data_loss - `after` is past the newest event, so another store is in the place of the
///         one that it was read from; else the daemon's.
[[nodiscard]] core::Result<EventPage> read_page(Client& client, const EventRead& request);

/// A stream of events without gaps and repeats (P7; the Clone pattern of the ZeroMQ guide): it
/// subscribes, reads the log up to the head, then takes live copies, and reads the log again
/// whenever a number is missing, a head is not the one that it knows, or nothing came for a minute.
/// The log is the truth, live copies only make it quick.
class Subscriber {
public:
    /// `after` is the number of the last event that the caller has; `since` instead of it begins
    /// with what came at that time or later.
    Subscriber(zmq::context_t& context, Client& client, std::vector<std::string> types,
               core::TopicFilter filter, std::int64_t after,
               std::optional<core::Timestamp> since = {});

    /// The next event, or none when nothing came within `wait`.
    ///
    /// Errors: the daemon's, when the log can't be read at the very beginning; later a daemon that
    ///         is away is waited for. data_loss - the newest event is older than one that was read:
    ///         another store is in the place of the first, and the numbers mean other events.
    [[nodiscard]] core::Result<std::optional<CloudEvent>> next(std::chrono::milliseconds wait);

    /// Everything up to this number was handed out, is about to be, or was filtered away.
    [[nodiscard]] std::int64_t position() const { return known_; }

    /// Everything up to this number was handed out or filtered away: where another subscriber may
    /// go on.
    [[nodiscard]] std::int64_t settled() const {
        return ready_.empty() ? known_ : ready_.front().userseq - 1;
    }

    /// Live copies that never came, of events that are wanted; the log had them.
    [[nodiscard]] std::int64_t lost() const { return lost_; }

    /// What retention took before it was read, of the last read that found such a gap.
    [[nodiscard]] std::optional<EventRange> gone() const { return gone_; }

private:
    [[nodiscard]] core::Result<void> read_log();
    void take_page(EventPage& page);
    void take_live();
    void take_message(const std::vector<zmq::message_t>& message);
    void note_skipped(std::int64_t number);
    [[nodiscard]] std::optional<CloudEvent> pop();

    Client& client_;
    std::vector<std::string> types_;
    core::TopicFilter filter_;
    zmq::socket_t socket_;
    std::int64_t known_;                    ///< the last number read or received in order
    std::optional<core::Timestamp> since_;  ///< until the first read
    std::int64_t head_ = 0;                 ///< the highest number heard of
    std::int64_t live_ = 0;                 ///< the highest of a live copy
    std::deque<EventRange> skipped_;        ///< numbers between live copies, not read yet
    std::int64_t lost_ = 0;
    std::int64_t told_ = 0;  ///< of them, how many the daemon was told of
    std::optional<EventRange> gone_;
    std::chrono::steady_clock::time_point heard_ = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point read_again_{};  ///< not before, after a failure
    bool started_ = false;
    bool must_read_ = true;
    std::deque<CloudEvent> ready_;
};

}  // namespace taskd::ipc
