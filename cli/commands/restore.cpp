// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/each_task.h"

#include <memory>

namespace taskd::cli {

void register_restore(CommandLine& line) {
    const auto key = std::make_shared<std::string>();
    const auto run = [key](Context& context, const Words& tasks) {
        return for_each_task<ipc::TaskRestore>(
            context, tasks, key_from(*key), [&](const ipc::TaskReopened& reopened) {
                context.screen().print("Restored " + task_words(reopened.task) + "\n");
                if (reopened.removed != 0)
                    context.screen().print("  the next occurrence, task " +
                                           std::to_string(reopened.removed) + ", was removed\n");
            });
    };
    auto& app = line.add({.name = "restore",
                          .section = "Tasks",
                          .summary = "bring deleted tasks back",
                          .usage = "TASK...",
                          .words_min = 1,
                          .words_max = any_number,
                          .examples = {"list --deleted", "restore 2"},
                          .details = "list --deleted shows what can be restored.",
                          .run = run});
    add_key(app, *key);
}

}  // namespace taskd::cli
