// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace taskd::cli {

/// Host, process and chance: unlike every other process, also after a restart.
[[nodiscard]] std::string process_name();

}  // namespace taskd::cli
