// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/log.h"
#include "daemon/pulse.h"
#include "ipc/dapr/http.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace taskd::daemon {

/// Asks the sidecar now and then whether it is ready, for /health/ready and `taskctl status`: on a
/// thread of its own, so that neither waits for it. When it has become reachable, it also looks
/// whether the sidecar has subscribed to the topics that taskd named: a sidecar asks for them once
/// in its life.
class SidecarWatch {
public:
    /// `topics`: those that must be subscribed to `pubsub`. `needed` by a role.
    SidecarWatch(ipc::dapr::Sidecar sidecar, std::string pubsub, std::vector<std::string> topics,
                 bool needed, Pulse& pulse, Log log);
    SidecarWatch(const SidecarWatch&) = delete;
    SidecarWatch& operator=(const SidecarWatch&) = delete;
    ~SidecarWatch();

private:
    void watch();
    [[nodiscard]] std::string look();
    [[nodiscard]] std::string missing_topics();

    std::atomic<bool> stopping_{false};
    ipc::dapr::HttpClient http_;
    std::string pubsub_;
    std::vector<std::string> topics_;
    bool needed_;
    int misses_ = 0;  ///< looks in a row that missed a topic
    Pulse& pulse_;
    Log log_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::thread thread_;
};

}  // namespace taskd::daemon
