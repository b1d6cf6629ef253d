// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/slot_log.h"
#include "cli/times.h"
#include "core/rfc3339.h"
#include "core/text.h"
#include "ipc/json.h"

#include <nlohmann/json.hpp>

namespace taskd::cli {
namespace {

std::string label_of(const std::string& about) {
    if (about == "if_done") return "if done now";
    if (about == "passed_over") return "passed over";
    if (about == "future") return "its task";
    return about == "slot" ? "this one" : about;
}

void show(Context& context, const ipc::TaskExplanation& explanation,
          const std::vector<SlotEvent>& log) {
    Screen& screen = context.screen();
    constexpr std::size_t label_width = 13;
    std::string text;
    if (explanation.task.number != 0)
        text = painted("#" + std::to_string(explanation.task.number), Paint::bold, screen.style()) +
               " ";
    text += visible(explanation.task.content.summary);
    if (explanation.task.content.due)
        text += "  " + due_words(*explanation.task.content.due, context.now(), context.zone());
    text += "\n";
    std::string before;
    const auto add = [&](const std::string& about, const std::string& words) {
        std::string label = about == before ? "" : label_of(about);
        before = about;
        label.resize(label_width, ' ');
        text += "  " + painted(label, Paint::dim, screen.style()) + visible(words) + "\n";
    };
    for (const auto& because : explanation.because) add(because.about, because.text);
    for (const auto& event : log) add("log", stamp(event.at, context.zone()) + "  " + event.text);
    screen.print(text);
}

/// What the log says of a slot that was asked for: it can't have been anything before it was made.
core::Result<std::vector<SlotEvent>> log_of(ipc::Client& client,
                                            const ipc::TaskExplanation& explanation) {
    if (!explanation.slot) return std::vector<SlotEvent>{};
    const auto& task = explanation.task;
    SlotInLog about{task.series, *explanation.slot, task.id, {}};
    about.since = task.number != 0 ? task.created : task.content.due->at - std::chrono::hours{24};
    return slot_log(client, about);
}

int run(Context& context, const Words& words) {
    ipc::TaskExplain request;
    request.task = core::join(words, " ");
    if (const auto at = request.task.find('@'); at != std::string::npos) {
        request.when = core::trim(request.task.substr(at + 1));
        request.task = core::trim(request.task.substr(0, at));
        if (request.when.empty())
            return context.fail(
                {core::Reason::invalid_argument,
                 "\"taskctl explain " + visible(request.task) + "@\" needs a time behind @", "when",
                 "taskctl explain 3@tomorrow"});
    }
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());
    const auto log = log_of(*client, answer->value);
    if (!log) return context.fail(log.error());
    Screen& screen = context.screen();
    if (screen.json()) {
        auto shown = answer->json;
        if (answer->value.slot) {
            shown["log"] = nlohmann::json::array();
            for (const auto& event : *log) shown["log"].push_back(ipc::to_json(event.event));
        }
        screen.print_json(shown);
    } else if (screen.plain()) {
        for (const auto& because : answer->value.because)
            screen.print(because.about + "\t" + visible(because.text) + "\n");
        for (const auto& event : *log)
            screen.print("log\t" + core::format_utc(event.at) + " " + visible(event.text) + "\n");
    } else {
        show(context, answer->value, *log);
    }
    return 0;
}

}  // namespace

void register_explain(CommandLine& line) {
    line.add({.name = "explain",
              .section = "Tasks",
              .summary = "say why a task is due when it is, and what follows it",
              .usage = "TASK[@WHEN]",
              .words_min = 1,
              .words_max = any_number,
              .examples = {"explain 3", "explain 3@tomorrow", "explain 3@2026-12-24"},
              .details =
                  "The rule, what moved or shifted this slot, what was passed over before it "
                  "and which policy decided that, pending reminders, and what happens if "
                  "it is done now. With @WHEN, a day or a time in the zone of the series, the "
                  "story of that slot instead, of the past or to come: its task and what the log "
                  "says of it, or why it has none. Changes nothing.",
              .run = [](Context& context, const Words& words) { return run(context, words); }});
}

}  // namespace taskd::cli
