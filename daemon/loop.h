// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "daemon/bus.h"
#include "daemon/engine.h"
#include "daemon/log.h"
#include "daemon/outbound/worker_pool.h"
#include "daemon/request_sockets.h"
#include "daemon/service_manager.h"
#include "daemon/unique_fd.h"
#include "daemon/wake_timer.h"

namespace taskd::daemon {

/// The one loop, on the one thread that touches the store.
class Loop {
public:
    Loop(Engine& engine, RequestSockets& sockets, Bus& bus, WorkerPool& workers,
         const core::Clock& clock, ServiceManager& service, UniqueFd signals, Log log);

    /// Runs until SIGTERM, SIGINT or an operator's shutdown; finishes the turn that is under way.
    /// False when the store was lost, so that the process must end as failed.
    [[nodiscard]] bool run();

private:
    void wait();
    void read_signals();
    [[nodiscard]] std::chrono::milliseconds patience() const;
    void warn(const std::vector<std::string>& warnings);

    Engine& engine_;
    RequestSockets& sockets_;
    Bus& bus_;
    WorkerPool& workers_;
    const core::Clock& clock_;
    ServiceManager& service_;
    UniqueFd signals_;
    Log log_;
    WakeTimer wake_timer_;
    std::vector<zmq::pollitem_t> items_;
    bool stopping_ = false;
    core::Monotonic warned_at_{-1000};
    std::size_t unsaid_ = 0;
};

}  // namespace taskd::daemon
