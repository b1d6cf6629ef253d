// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/each_task.h"

#include <memory>

namespace taskd::cli {

void register_start(CommandLine& line) {
    const auto key = std::make_shared<std::string>();
    const auto run = [key](Context& context, const Words& tasks) {
        return for_each_task<ipc::TaskStart>(
            context, tasks, key_from(*key), [&](const ipc::TaskChanged& changed) {
                context.screen().print("Started " + task_words(changed.task) + "\n");
                for (const auto& warning : changed.warnings) context.screen().warn(warning);
            });
    };
    auto& app = line.add({.name = "start",
                          .section = "Tasks",
                          .summary = "say that tasks are being worked on",
                          .usage = "TASK...",
                          .words_min = 1,
                          .words_max = any_number,
                          .examples = {"start 3"},
                          .details = "Their status is in-process from then on; they stay open.",
                          .run = run});
    add_key(app, *key);
}

}  // namespace taskd::cli
