// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "daemon/config.h"
#include "daemon/home.h"

#include <functional>
#include <string>

namespace taskd::daemon {

/// Reads the configuration from all its sources; again on SIGHUP.
using LoadConfig = std::function<core::Result<Config>()>;

/// Builds everything, serves until told to stop, and gives the exit status. `ready` is called once
/// requests are accepted. It holds no logic: what depends on what, and nothing more.
///
/// Errors: why it could not start, before anything was changed.
[[nodiscard]] core::Result<int> serve(const LoadConfig& load, const Home& home,
                                      const std::function<void()>& ready);

/// Puts a backup in the place of the store, which no daemon may be using.
///
/// Shape:  where the old store is kept; "" if there was none.
[[nodiscard]] core::Result<std::string> restore(const Config& config, const std::string& backup);

}  // namespace taskd::daemon
