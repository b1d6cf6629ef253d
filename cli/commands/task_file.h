// SPDX-License-Identifier: Apache-2.0
// `taskctl add -f`: tasks from a file, each on its own.
#pragma once

#include "cli/context.h"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace taskd::cli {

/// Adds each task of `path`, "-" for standard input, and says what became of it; goes on after one
/// that is refused. `standard` are the parameters that a task has where it does not say otherwise;
/// with `key`, the Nth task gets KEY/N if it has no idempotency_key.
[[nodiscard]] int add_from_file(Context& context, const std::string& path,
                                const nlohmann::json& standard, const std::string& key);

}  // namespace taskd::cli
