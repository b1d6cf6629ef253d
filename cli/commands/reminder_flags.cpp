// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/reminder_flags.h"

#include "cli/commands/commands.h"

namespace taskd::cli {

void add_reminder_flags(CLI::App& app, ReminderFlags& flags) {
    add_text(app, "--grace", flags.how.grace, "SPAN",
             "later than this a reminder is missed (default 24h)");
    add_text(app, "--nag", flags.how.nag, "SPAN", "remind again so often until acknowledged");
    add_text(app, "--nag-max", flags.nag_max, "N", ".. and N times at most (default 100)");
    add_text(app, "--escalate", flags.how.escalate, "SPAN",
             "not acknowledged after so long, remind on ..");
    add_texts(app, "--escalate-to", flags.how.escalate_to, "NAME",
              ".. this channel; may be repeated");
}

core::Result<ipc::ReminderHow> reminder_how(const ReminderFlags& flags) {
    ipc::ReminderHow how = flags.how;
    if (flags.nag_max.empty()) return how;
    const auto most = number_from("nag-max", flags.nag_max, 1, core::nags_max);
    if (!most) return tl::unexpected(most.error());
    how.nag_max = *most;
    return how;
}

}  // namespace taskd::cli
