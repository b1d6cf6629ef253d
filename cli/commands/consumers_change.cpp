// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/consumer_flags.h"
#include "cli/commands/consumer_text.h"
#include "cli/event_place.h"

#include <nlohmann/json.hpp>

#include <memory>

namespace taskd::cli {
namespace {

struct Given {
    ConsumerFlags flags;
    std::string to;
    std::string key;
};

void show(Context& context, const ipc::Answer<ipc::ConsumerChanged>& answer,
          const std::string& heading) {
    Screen& screen = context.screen();
    if (screen.json()) return screen.print_json(answer.json);
    if (!screen.quiet()) screen.print(heading + "\n");
    show_consumer(context, answer.json.at("consumer"), answer.value.consumer);
}

int create(Context& context, const Given& given, const Words& words) {
    const std::string key = key_from(given.key);
    auto client = context.client(key);
    if (!client) return context.fail(client.error());
    std::optional<ipc::ConsumerView> existing;
    if (given.flags.replace) {  // what is not said stays
        const auto found = find_consumer(*client, words.at(0));
        if (!found) return context.fail(found.error());
        existing = *found;
    }
    const auto request =
        consumer_request(context, given.flags, words.at(0), existing ? &*existing : nullptr);
    if (!request) return context.fail(request.error());
    const auto answer = client->call(*request);
    if (!answer) {
        core::Error error = answer.error();
        if (error.reason == core::Reason::conflict && key.empty())
            error.hint = "--replace changes it; taskctl consumers show " + words.at(0);
        return context.fail(error);
    }
    context.note_replay(answer->replayed);
    const std::string name = "consumer " + visible(answer->value.consumer.name);
    show(context, *answer,
         answer->value.created ? "Created " + name
         : given.flags.replace ? "Changed " + name
                               : "There is this " + name + " already");
    return 0;
}

int reset(Context& context, const Given& given, const Words& words) {
    if (given.to.empty())
        return context.fail({core::Reason::invalid_argument,
                             "to: is missing; say where the consumer is to go on", "to",
                             "--to now, --to oldest, --to 42 or --to yesterday"});
    const auto to = consumer_place("to", given.to, context.now(), context.zone());
    if (!to) return context.fail(to.error());
    auto client = context.client(key_from(given.key));
    if (!client) return context.fail(client.error());
    const auto answer = client->call(ipc::ConsumerReset{words.at(0), *to});
    if (!answer) return context.fail(answer.error());
    context.note_replay(answer->replayed);
    const auto& view = answer->value.consumer;
    show(context, *answer,
         "Reset consumer " + visible(view.name) + " to " + std::to_string(view.cursor) + " of " +
             std::to_string(view.head));
    return 0;
}

int remove(Context& context, const std::string& key, const Words& words) {
    auto client = context.client(key_from(key));
    if (!client) return context.fail(client.error());
    const auto answer = client->call(ipc::ConsumerRemove{words.at(0)});
    if (!answer) return context.fail(answer.error());
    context.note_replay(answer->replayed);
    Screen& screen = context.screen();
    const auto& view = answer->value.consumer;
    if (screen.json())
        screen.print_json(answer->json);
    else if (screen.quiet())
        screen.print(visible(view.name) + "\n");
    else
        screen.print("Removed consumer " + visible(view.name) + ", which was at " +
                     std::to_string(view.cursor) + " of " + std::to_string(view.head) + "\n");
    return 0;
}

}  // namespace

void register_consumers_change(CommandLine& line) {
    const auto given = std::make_shared<Given>();
    auto& create_app = line.add(
        {.name = "consumers create",
         .section = "Events",
         .summary = "make a consumer before anything runs for it",
         .usage = "NAME",
         .words_min = 1,
         .words_max = 1,
         .examples = {"consumers create mail --type 'reminder.*'",
                      "consumers create audit --from oldest --attempts 10 --backoff 5s",
                      "consumers create mail --replace --lease 2m"},
         .details = "Events wait for it from then on. Making it again as it is changes nothing; "
                    "with --replace, what is said changes and the rest stays.",
         .run = [given](Context& context, const Words& words) {
             return create(context, *given, words);
         }});
    add_consumer_flags(create_app, given->flags);
    add_key(create_app, given->key);

    auto& reset_app = line.add(
        {.name = "consumers reset",
         .section = "Events",
         .summary = "have a consumer go on from another place in the log",
         .usage = "NAME",
         .words_min = 1,
         .words_max = 1,
         .examples = {"consumers reset mail --to now", "consumers reset audit --to \"2h ago\""},
         .details = "Events that are in work or wait for another try are given up by that; those "
                    "behind the place come again.",
         .run = [given](Context& context, const Words& words) {
             return reset(context, *given, words);
         }});
    add_text(reset_app, "--to", given->to, "PLACE",
             "now, oldest, an event's number (it goes on behind it), or a time");
    add_key(reset_app, given->key);

    const auto key = std::make_shared<std::string>();
    auto& remove_app = line.add({.name = "consumers remove",
                                 .section = "Events",
                                 .summary = "remove a consumer",
                                 .usage = "NAME",
                                 .words_min = 1,
                                 .words_max = 1,
                                 .examples = {"consumers remove mail"},
                                 .run = [key](Context& context, const Words& words) {
                                     return remove(context, *key, words);
                                 }});
    add_key(remove_app, *key);
}

}  // namespace taskd::cli
