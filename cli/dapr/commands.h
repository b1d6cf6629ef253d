// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/commands/dapr_flags.h"

namespace taskd::cli {

[[nodiscard]] int invoke(Context& context, const InvokeFlags& flags, const Words& words);
[[nodiscard]] int publish(Context& context, const PublishFlags& flags, const Words& words);

/// The commands of taskctl-dapr.
inline void register_dapr_commands(CommandLine& line) {
    register_dapr(line, {invoke, publish});
}

}  // namespace taskd::cli
