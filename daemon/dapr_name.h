// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <string>
#include <vector>

namespace taskd::daemon {

/// Names of apps, pub/sub components and topics.
///
/// Errors: invalid_argument on `key` - not 1 to 128 letters, digits, ".", "-", "_" or "/".
[[nodiscard]] core::Result<void> check_dapr_name(const char* key, const std::string& name);

/// The words between commas, without what is empty.
[[nodiscard]] std::vector<std::string> listed(const std::string& text);

}  // namespace taskd::daemon
