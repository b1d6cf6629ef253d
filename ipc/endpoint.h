// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <string>

namespace taskd::ipc {

/// The directory that holds a daemon's sockets for one user.
class Endpoint {
public:
    /// Errors: invalid_argument on `endpoint` - not an absolute path, or so long that a socket in
    ///         it would not fit into sockaddr_un (107 bytes).
    [[nodiscard]] static core::Result<Endpoint> make(const std::string& directory);

    [[nodiscard]] const std::string& directory() const { return directory_; }
    [[nodiscard]] std::string requests() const { return "ipc://" + directory_ + "/requests.sock"; }
    [[nodiscard]] std::string events() const { return "ipc://" + directory_ + "/events.sock"; }

    /// Whether a process accepts connections there right now.
    [[nodiscard]] bool is_listening() const;

    /// Errors: permission_denied - the directory exists, but is not this user's alone: whoever else
    ///         may write there could pose as the daemon. A missing directory is fine.
    [[nodiscard]] core::Result<void> check_owner() const;

private:
    explicit Endpoint(std::string directory) : directory_(std::move(directory)) {}

    std::string directory_;
};

/// $XDG_RUNTIME_DIR/taskd, or /tmp/taskd-<uid> without one.
[[nodiscard]] std::string personal_directory();

}  // namespace taskd::ipc
