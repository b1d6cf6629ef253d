// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/times.h"

#include <nlohmann/json.hpp>

#include <memory>

namespace taskd::cli {
namespace {

int run(Context& context, const std::string& limit) {
    ipc::AgendaGet request;
    if (!limit.empty()) {
        const auto number = number_from("limit", limit, 1, core::page_max);
        if (!number) return context.fail(number.error());
        request.limit = *number;
    }
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());
    Screen& screen = context.screen();
    const auto& agenda = answer->value;
    if (screen.one_line_json()) {
        for (const auto& task : answer->json.at("tasks")) screen.print_json(task);
    } else if (screen.json()) {
        screen.print_json(answer->json);
    } else {
        for (const auto& task : agenda.tasks) {
            const std::string number = std::to_string(task.number);
            if (screen.quiet())
                screen.print(number + "\n");
            else if (screen.plain())
                screen.print(number + "\t" + core::format(*task.content.due) + "\t" +
                             visible(task.content.summary) + "\n");
            else
                screen.print(painted("#" + number, Paint::bold, screen.style()) + " " +
                             visible(task.content.summary) + "  " +
                             due_words(*task.content.due, context.now(), context.zone()) + "\n");
        }
    }
    screen.flush();
    if (screen.json()) return 0;
    if (agenda.tasks.empty()) screen.hint("nothing is due from now on");
    if (agenda.overdue > 0)
        screen.note(counted(agenda.overdue, "task is", "tasks are") +
                    " overdue: taskctl list --due-before now");
    return 0;
}

}  // namespace

void register_next(CommandLine& line) {
    const auto limit = std::make_shared<std::string>();
    auto& app = line.add(
        {.name = "next",
         .section = "Tasks",
         .summary = "show what is due next, on one line",
         .examples = {"next", "next --limit 5"},
         .details = "For a prompt or a bar. Tasks that wait for others are left out; how many are "
                    "overdue is said on standard error.",
         .run = [limit](Context& context, const Words&) { return run(context, *limit); }});
    add_text(app, "--limit", *limit, "N", "so many, up to 1000 (default 1)");
}

}  // namespace taskd::cli
