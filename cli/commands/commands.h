// SPDX-License-Identifier: Apache-2.0
// One function per file of this folder. They stand in the order of the overview.
#pragma once

#include "cli/command_line.h"
#include "cli/commands/dapr_flags.h"

namespace taskd::cli {

void register_add(CommandLine& line);
void register_list(CommandLine& line);
void register_show(CommandLine& line);
void register_explain(CommandLine& line);
void register_next(CommandLine& line);
void register_edit(CommandLine& line);
void register_start(CommandLine& line);
void register_done(CommandLine& line);
void register_cancel(CommandLine& line);
void register_reopen(CommandLine& line);
void register_delete(CommandLine& line);
void register_restore(CommandLine& line);
void register_preview(CommandLine& line);
void register_series(CommandLine& line);
void register_series_change(CommandLine& line);
void register_series_edit(CommandLine& line);
void register_series_preview(CommandLine& line);
void register_runs(CommandLine& line);
void register_missed(CommandLine& line);
void register_expect(CommandLine& line);
void register_import_crontab(CommandLine& line);
void register_import_timers(CommandLine& line);
void register_snooze(CommandLine& line);
void register_channels(CommandLine& line);
void register_deliveries(CommandLine& line);
void register_reminders(CommandLine& line);
void register_events(CommandLine& line);
void register_events_tail(CommandLine& line);
void register_events_publish(CommandLine& line);
void register_events_export(CommandLine& line);
void register_events_consume(CommandLine& line);
void register_on(CommandLine& line);
void register_rules(CommandLine& line);
void register_consumers(CommandLine& line);
void register_consumers_change(CommandLine& line);
void register_dead_letters(CommandLine& line);
void register_dead_letters_change(CommandLine& line);
void register_status(CommandLine& line);
void register_health(CommandLine& line);
void register_token(CommandLine& line);
void register_admin(CommandLine& line);
void register_admin_backup(CommandLine& line);
void register_shutdown(CommandLine& line);
void register_version(CommandLine& line);
void register_wait(CommandLine& line);
void register_once(CommandLine& line);
void register_once_runs(CommandLine& line);
void register_retry(CommandLine& line);
void register_predicates(CommandLine& line);
void register_config(CommandLine& line);
void register_completion(CommandLine& line);

/// Prints what may stand at the end of `words`, for the scripts of `completion`: one candidate on a
/// line, a tab, and what it is. Never fails.
int complete(const CommandLine& line, const Words& words);

inline void register_commands(CommandLine& line) {
    register_add(line);
    register_list(line);
    register_show(line);
    register_explain(line);
    register_next(line);
    register_edit(line);
    register_start(line);
    register_done(line);
    register_cancel(line);
    register_reopen(line);
    register_delete(line);
    register_restore(line);
    register_preview(line);
    register_series(line);
    register_series_preview(line);
    register_series_change(line);
    register_series_edit(line);
    register_runs(line);
    register_missed(line);
    register_expect(line);
    register_import_crontab(line);
    register_import_timers(line);
    register_snooze(line);
    register_channels(line);
    register_deliveries(line);
    register_reminders(line);
    register_events(line);
    register_events_tail(line);
    register_events_publish(line);
    register_events_export(line);
    register_events_consume(line);
    register_on(line);
    register_rules(line);
    register_consumers(line);
    register_consumers_change(line);
    register_dead_letters(line);
    register_dead_letters_change(line);
    register_dapr(line, {[&line](Context& context, const InvokeFlags&, const Words&) {
                             return become_taskctl_dapr(context, line);
                         },
                         [&line](Context& context, const PublishFlags&, const Words&) {
                             return become_taskctl_dapr(context, line);
                         }});
    register_status(line);
    register_health(line);
    register_token(line);
    register_admin(line);
    register_admin_backup(line);
    register_shutdown(line);
    register_version(line);
    register_wait(line);
    register_once(line);
    register_once_runs(line);
    register_retry(line);
    register_predicates(line);
    register_config(line);
    register_completion(line);
}

}  // namespace taskd::cli
