// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <spdlog/logger.h>

#include <memory>
#include <string>

namespace taskd::daemon {

using Log = std::shared_ptr<spdlog::logger>;

/// A logger to standard error, or to a file that is kept to 2 x 5 MiB. Lines are logfmt-like:
/// time, level, event, fields as key=value.
///
/// Errors: invalid_argument on `log.level`; unavailable on `log.file`.
[[nodiscard]] core::Result<Log> make_log(const std::string& level, const std::string& file);

/// A field's value: quoted, with control characters escaped, since titles come from outside.
[[nodiscard]] std::string field(const std::string& value);

}  // namespace taskd::daemon
