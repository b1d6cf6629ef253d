// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "daemon/config.h"

#include <functional>
#include <string>

namespace taskd::daemon {

/// The directories of the user that runs the daemon.
struct Home {
    std::string config_file;  ///< $XDG_CONFIG_HOME/taskd/taskd.toml
    std::string state;        ///< $XDG_STATE_HOME/taskd
    std::string user;         ///< login name, or uid-<n>
};
[[nodiscard]] core::Result<Home> find_home();

/// Builds everything, serves until told to stop, and gives the exit status. `ready` is called once
/// requests are accepted. It holds no logic: what depends on what, and nothing more.
///
/// Errors: why it could not start, before anything was changed.
[[nodiscard]] core::Result<int> serve(const Config& config, const Home& home,
                                      const std::function<void()>& ready);

}  // namespace taskd::daemon
