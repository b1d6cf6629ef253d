// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/each_task.h"
#include "cli/times.h"

#include <memory>

namespace taskd::cli {

void show_succession(Context& context, const ipc::TaskClosed& closed) {
    Screen& screen = context.screen();
    for (const auto& run : closed.skipped) screen.print("  " + skipped_words(run) + "\n");
    if (closed.next && closed.next->content.due) {
        const auto& due = *closed.next->content.due;
        screen.print("  next  task " + std::to_string(closed.next->number) + ", " +
                     full_words(due, context.zone()) + "  " +
                     painted(distance(due, context.now()), Paint::dim, screen.style()) + "\n");
    }
    if (closed.series_ended) screen.print("  the series has ended\n");
    if (closed.series_paused)
        screen.print("  the series is paused, so nothing follows until series resume\n");
    for (const auto number : closed.unblocked)
        screen.print("  task " + std::to_string(number) + " need not wait any more\n");
    for (const auto& warning : closed.warnings) screen.warn(warning);
}

void register_done(CommandLine& line) {
    const auto key = std::make_shared<std::string>();
    const auto run = [key](Context& context, const Words& tasks) {
        return for_each_task<ipc::TaskComplete>(
            context, tasks, key_from(*key), [&](const ipc::TaskClosed& closed) {
                context.screen().print("Completed " + task_words(closed.task) + "\n");
                show_succession(context, closed);
            });
    };
    auto& app = line.add({.name = "done",
                          .section = "Tasks",
                          .summary = "complete tasks; a series goes on to its next slot",
                          .usage = "TASK...",
                          .words_min = 1,
                          .words_max = any_number,
                          .examples = {"done 1", "done 3 4 7"},
                          .details = "TASK is a number as list shows it, or the first 4 or more "
                                     "characters of an id.",
                          .run = run});
    add_key(app, *key);
}

}  // namespace taskd::cli
