// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/each_task.h"

#include <memory>

namespace taskd::cli {

void register_reopen(CommandLine& line) {
    const auto key = std::make_shared<std::string>();
    const auto run = [key](Context& context, const Words& tasks) {
        return for_each_task<ipc::TaskReopen>(
            context, tasks, key_from(*key), [&](const ipc::TaskReopened& reopened) {
                context.screen().print("Reopened " + task_words(reopened.task) + "\n");
                if (reopened.removed != 0)
                    context.screen().print("  the next occurrence, task " +
                                           std::to_string(reopened.removed) + ", was removed\n");
            });
    };
    auto& app = line.add(
        {.name = "reopen",
         .section = "Tasks",
         .summary = "open completed tasks again",
         .usage = "TASK...",
         .words_min = 1,
         .words_max = any_number,
         .examples = {"reopen 1"},
         .details = "Of a series, the next occurrence goes away again if nothing was done with it.",
         .run = run});
    add_key(app, *key);
}

}  // namespace taskd::cli
