// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/times.h"

#include <nlohmann/json.hpp>

namespace taskd::cli {
namespace {

std::string label_of(const std::string& about) {
    if (about == "if_done") return "if done now";
    if (about == "passed_over") return "passed over";
    return about == "slot" ? "this one" : about;
}

void show(Context& context, const ipc::TaskExplanation& explanation) {
    Screen& screen = context.screen();
    constexpr std::size_t label_width = 13;
    std::string text =
        painted("#" + std::to_string(explanation.task.number), Paint::bold, screen.style()) + " " +
        visible(explanation.task.content.summary);
    if (explanation.task.content.due)
        text += "  " + due_words(*explanation.task.content.due, context.now(), context.zone());
    text += "\n";
    std::string before;
    for (const auto& because : explanation.because) {
        std::string label = because.about == before ? "" : label_of(because.about);
        before = because.about;
        label.resize(label_width, ' ');
        text += "  " + painted(label, Paint::dim, screen.style()) + visible(because.text) + "\n";
    }
    screen.print(text);
}

int run(Context& context, const std::string& task) {
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto answer = client->call(ipc::TaskExplain{task});
    if (!answer) return context.fail(answer.error());
    Screen& screen = context.screen();
    if (screen.json())
        screen.print_json(answer->json);
    else if (screen.plain())
        for (const auto& because : answer->value.because)
            screen.print(because.about + "\t" + visible(because.text) + "\n");
    else
        show(context, answer->value);
    return 0;
}

}  // namespace

void register_explain(CommandLine& line) {
    line.add(
        {.name = "explain",
         .section = "Tasks",
         .summary = "say why a task is due when it is, and what follows it",
         .usage = "TASK",
         .words_min = 1,
         .words_max = 1,
         .examples = {"explain 3", "explain 3 -o json"},
         .details = "The rule, what moved or shifted this slot, what was passed over before it "
                    "and which policy decided that, pending reminders, and what happens if "
                    "it is done now. Changes nothing.",
         .run = [](Context& context, const Words& words) { return run(context, words.at(0)); }});
}

}  // namespace taskd::cli
