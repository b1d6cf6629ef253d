// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_line.h"
#include "cli/context.h"
#include "core/result.h"
#include "ipc/messages.h"

#include <string>

namespace taskd::cli {

/// --grace, --nag, --nag-max, --escalate and --escalate-to as they were typed.
struct ReminderFlags {
    ipc::ReminderHow how;
    std::string nag_max;
};

void add_reminder_flags(CLI::App& app, ReminderFlags& flags);

/// Errors: invalid_argument on `nag-max`.
[[nodiscard]] core::Result<ipc::ReminderHow> reminder_how(const ReminderFlags& flags);

}  // namespace taskd::cli
