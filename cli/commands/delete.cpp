// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/each_task.h"

#include <memory>

namespace taskd::cli {

void register_delete(CommandLine& line) {
    const auto key = std::make_shared<std::string>();
    const auto run = [key](Context& context, const Words& tasks) {
        return for_each_task<ipc::TaskDelete>(
            context, tasks, key_from(*key), [&](const ipc::TaskClosed& closed) {
                context.screen().print("Deleted " + task_words(closed.task) + "\n");
                show_succession(context, closed);
                context.screen().flush();
                context.screen().hint("  hint: taskctl restore " +
                                      std::to_string(closed.task.number) + " brings it back");
            });
    };
    auto& app = line.add({.name = "delete",
                          .section = "Tasks",
                          .summary = "delete tasks; restore brings them back",
                          .usage = "TASK...",
                          .words_min = 1,
                          .words_max = any_number,
                          .examples = {"delete 2", "delete 3 4 7"},
                          .details = "Of a series, this skips one slot: the series goes on with "
                                     "the next.",
                          .run = run});
    add_key(app, *key);
}

}  // namespace taskd::cli
