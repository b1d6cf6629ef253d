// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ipc/admin_messages.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::daemon {

struct TurnFigures;

/// Counters and times of the daemon, by the conventions of Prometheus: base units, `_total`,
/// `_seconds`, `_bytes`, and label values from fixed sets only (a word that a client invents must
/// not become a time series). Any thread may count and read; nobody waits for the loop.
class Metrics {
public:
    explicit Metrics(std::string store_path);
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;
    ~Metrics();

    /// A turn of the loop: what was in it and how long it took.
    void turn(const TurnFigures& figures, std::size_t requests, std::chrono::nanoseconds took);

    /// What stands at this moment, and totals that others count; told by the loop after each turn.
    struct Standing {
        std::size_t polls_parked = 0;
        std::size_t deliveries_running = 0;
        std::uint64_t messages_refused = 0;  ///< of a foreign uid, or of a wrong shape
        std::uint64_t replies_dropped = 0;   ///< that a peer which doesn't read did not take
        /// Live copies that the socket refused as a whole. What an XPUB drops for one slow
        /// subscriber, libzmq tells nobody; that subscriber sees the gap by its numbers.
        std::uint64_t bus_send_failures = 0;
    };
    void standing(const Standing& now);

    void http(std::string_view route, int status);
    void http_standing(std::size_t connections, std::size_t queued);

    /// The exposition format of Prometheus, version 0.0.4.
    [[nodiscard]] std::string text();
    [[nodiscard]] std::vector<ipc::Sample> samples();

private:
    struct Series;
    void look_at_process();

    std::string store_path_;
    std::unique_ptr<Series> series_;
};

}  // namespace taskd::daemon
