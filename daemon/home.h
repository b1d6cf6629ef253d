// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <string>

namespace taskd::daemon {

/// The directories of the user that runs the daemon.
struct Home {
    std::string config_file;  ///< $XDG_CONFIG_HOME/taskd/taskd.toml
    std::string state;        ///< $XDG_STATE_HOME/taskd
    std::string user;         ///< login name, or uid-<n>
    std::string sockets;      ///< $XDG_RUNTIME_DIR/taskd, or the root of all users' directories
    bool is_system = false;   ///< serves the members of a group
};
[[nodiscard]] core::Result<Home> find_home();

/// The system daemon's: /etc/taskd, /var/lib/taskd, /run/taskd.
[[nodiscard]] Home system_home();

}  // namespace taskd::daemon
