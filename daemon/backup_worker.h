// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "daemon/unique_fd.h"
#include "ipc/messages.h"

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace taskd::daemon {

/// Makes one backup at a time, on a thread and a read-only connection of its own, so that the loop
/// serves on. The descriptor is readable when one is done.
class BackupWorker {
public:
    explicit BackupWorker(std::string store);
    BackupWorker(const BackupWorker&) = delete;
    BackupWorker& operator=(const BackupWorker&) = delete;
    ~BackupWorker();  ///< gives up what is under way

    [[nodiscard]] int fd() const { return done_.get(); }
    void start(const std::string& path);
    [[nodiscard]] std::optional<core::Result<ipc::BackupReply>> take();

private:
    std::string store_;
    UniqueFd done_;
    std::atomic<bool> stopping_{false};
    std::mutex mutex_;
    std::optional<core::Result<ipc::BackupReply>> result_;
    std::thread thread_;
};

}  // namespace taskd::daemon
