// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/accounts.h"
#include "daemon/bus.h"
#include "daemon/engine.h"
#include "daemon/log.h"
#include "daemon/request_sockets.h"

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace taskd::daemon {

/// Whom the daemon serves and where: one directory with two sockets per uid. A personal daemon has
/// one entry, a system daemon one for each member of a group; who has left it loses the sockets.
class Admissions {
public:
    Admissions(RequestSockets& sockets, Bus& bus, Engine& engine, Log log)
        : sockets_(sockets), bus_(bus), engine_(engine), log_(std::move(log)) {}

    /// The personal daemon's only user.
    void admit_owner(const Admission& owner);

    /// Brings the sockets below `root` in line with the accounts: u<uid>/ for each, 0755 with
    /// sockets of 0666, since the kernel's filter decides and not the mode. Between turns.
    ///
    /// Errors: unavailable on `endpoint` - a directory can't be made or is somebody else's, or a
    ///         socket can't be bound; the others are served all the same.
    [[nodiscard]] core::Result<void> admit(const std::vector<Account>& accounts,
                                           const std::string& root);

    /// The last answers of the long polls of those who have left; each is given once.
    [[nodiscard]] std::vector<Reply> dismissed() { return std::exchange(dismissed_, {}); }

    /// Any thread.
    [[nodiscard]] std::optional<Caller> caller_of(uid_t uid) const;
    [[nodiscard]] bool admits(const core::UserId& user) const;

private:
    [[nodiscard]] core::Result<void> open(const Account& account, const std::string& root);
    void close(uid_t uid);
    void add(const Admission& admission);

    RequestSockets& sockets_;
    Bus& bus_;
    Engine& engine_;
    Log log_;
    std::map<uid_t, std::size_t> numbers_;  ///< of their sockets
    std::vector<Reply> dismissed_;
    mutable std::mutex mutex_;  ///< HTTP's threads ask who somebody is
    std::map<uid_t, Caller> callers_;
};

}  // namespace taskd::daemon
