// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/event_text.h"

#include <nlohmann/json.hpp>

#include <memory>

namespace taskd::cli {
namespace {

struct Given {
    std::vector<std::string> types;
    std::string limit;
};

int list(Context& context, const Given& given) {
    ipc::EventList request;
    request.types = given.types;
    if (!given.limit.empty()) {
        const auto limit = number_from("limit", given.limit, 1, 1000);
        if (!limit) return context.fail(limit.error());
        request.limit = *limit;
    }
    if (auto types = checked_types(context, given.types); !types)
        return context.fail(types.error());
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());

    Screen& screen = context.screen();
    if (screen.json() && !screen.one_line_json())
        screen.print_json(answer->json);
    else
        for (const auto& event : answer->value.events) print_event(context, event);
    if (answer->value.events.empty()) screen.hint("no events");
    return 0;
}

}  // namespace

void register_events(CommandLine& line) {
    line.add({.name = "events",
              .section = "Events",
              .summary = "what happened",
              .examples = {"events list", "events tail --type 'task.*' -o jsonl"},
              .run = {}});

    const auto listed = std::make_shared<Given>();
    auto& list_app = line.add(
        {.name = "events list",
         .section = "Events",
         .summary = "list the newest events, oldest of them first",
         .examples = {"events list", "events list --type 'reminder.*' -o jsonl"},
         .run = [listed](Context& context, const Words&) { return list(context, *listed); }});
    add_texts(list_app, "--type", listed->types, "PATTERN", types_help);
    add_text(list_app, "--limit", listed->limit, "N", "at most so many, up to 1000 (default 20)");
}

}  // namespace taskd::cli
