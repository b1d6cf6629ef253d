// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "daemon/backup_worker.h"
#include "daemon/bus.h"
#include "daemon/engine.h"
#include "daemon/http/http_server.h"
#include "daemon/log.h"
#include "daemon/metrics.h"
#include "daemon/outbound/command_runner.h"
#include "daemon/outbound/worker_pool.h"
#include "daemon/pulse.h"
#include "daemon/request_sockets.h"
#include "daemon/service_manager.h"
#include "daemon/turn_size.h"
#include "daemon/unique_fd.h"
#include "daemon/wake_timer.h"

namespace taskd::daemon {

/// The one loop, on the one thread that touches the store.
class Loop {
public:
    Loop(Engine& engine, RequestSockets& sockets, Bus& bus, WorkerPool& workers,
         CommandRunner& commands, BackupWorker& backups, const core::Clock& clock,
         ServiceManager& service, UniqueFd signals, Log log);

    /// What others are told of the loop, and HTTP's way in if it is served; before run().
    struct Observers {
        Pulse& pulse;
        Metrics& metrics;
        HttpServer* http = nullptr;
    };
    void attach(const Observers& observers);

    /// Runs until SIGTERM, SIGINT or an operator's shutdown; finishes the turn that is under way.
    /// False when the store was lost, so that the process must end as failed.
    [[nodiscard]] bool run();

    /// What SIGHUP does; users may come and go in it. Gives replies to send.
    void on_reload(std::function<std::vector<Reply>()> reload) { reload_ = std::move(reload); }

private:
    void watch();
    void wait();
    void reload();
    void read_signals();
    [[nodiscard]] std::chrono::milliseconds patience() const;
    void reply(std::vector<Reply> replies);
    [[nodiscard]] std::vector<JobResult> results();
    void hand_out(std::vector<Job> jobs);
    void observe(const Turn& turn, std::size_t requests, std::chrono::nanoseconds took);
    void warn(const std::vector<std::string>& warnings);

    Engine& engine_;
    RequestSockets& sockets_;
    Bus& bus_;
    WorkerPool& workers_;
    CommandRunner& commands_;
    BackupWorker& backups_;
    std::function<std::vector<Reply>()> reload_;
    const core::Clock& clock_;
    ServiceManager& service_;
    UniqueFd signals_;
    Log log_;
    WakeTimer wake_timer_;
    std::vector<zmq::pollitem_t> items_;
    std::size_t first_user_item_ = 0;
    TurnSize turn_size_;
    std::optional<Observers> observers_;
    bool stopping_ = false;
    bool reload_wanted_ = false;
    core::Monotonic warned_at_{-1000};
    std::size_t unsaid_ = 0;
};

}  // namespace taskd::daemon
