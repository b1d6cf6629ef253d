// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/each_task.h"

#include <memory>

namespace taskd::cli {

void register_cancel(CommandLine& line) {
    const auto key = std::make_shared<std::string>();
    const auto run = [key](Context& context, const Words& tasks) {
        return for_each_task<ipc::TaskCancel>(
            context, tasks, key_from(*key), [&](const ipc::TaskClosed& closed) {
                context.screen().print("Cancelled " + task_words(closed.task) + "\n");
                show_succession(context, closed);
            });
    };
    auto& app = line.add(
        {.name = "cancel",
         .section = "Tasks",
         .summary = "close tasks that will not be done",
         .usage = "TASK...",
         .words_min = 1,
         .words_max = any_number,
         .examples = {"cancel 3"},
         .details = "Of a series, this skips one slot, and the next one follows; series end "
                    "ends all of it. reopen takes it back.",
         .run = run});
    add_key(app, *key);
}

}  // namespace taskd::cli
