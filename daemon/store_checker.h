// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/log.h"

#include <atomic>
#include <string>
#include <thread>

namespace taskd::daemon {

/// Reads all of the store after an unclean stop and logs what it found. That is linear in the
/// file's size, so it is done beside the loop, on a connection that only reads.
class StoreChecker {
public:
    StoreChecker(std::string store, Log log);
    StoreChecker(const StoreChecker&) = delete;
    StoreChecker& operator=(const StoreChecker&) = delete;
    ~StoreChecker();  ///< gives up what is under way

private:
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace taskd::daemon
