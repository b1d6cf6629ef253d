// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/dead_letter_flags.h"

#include <nlohmann/json.hpp>

#include <iostream>
#include <memory>
#include <unistd.h>

namespace taskd::cli {
namespace {

struct Given {
    ipc::DeadLetterFilter filter;
    bool yes = false;
    std::string key;
};

/// The filter that words and options make. Everything has to be asked for.
core::Result<ipc::DeadLetterFilter> chosen(const Given& given, const Words& words) {
    ipc::DeadLetterFilter filter = given.filter;
    filter.ids = words;
    const bool by_filter = !filter.origin.empty() || !filter.name.empty() || !filter.types.empty();
    if (!filter.ids.empty() && (filter.all || by_filter))
        return core::invalid_argument(
            "id", "ids name the dead letters, and do not go with " +
                      std::string(filter.all ? "--all" : "--origin, --name or --type"));
    if (filter.ids.empty() && !filter.all && !by_filter)
        return core::invalid_argument("id",
                                      "says which dead letters: ids, --origin, --name, --type, "
                                      "or --all for all of them");
    return filter;
}

/// Says what was done and what stays; the exit status.
int report(Context& context, const ipc::Answer<ipc::DeadLettersChanged>& answer,
           const std::string& verb) {
    context.note_replay(answer.replayed);
    Screen& screen = context.screen();
    if (screen.json())
        screen.print_json(answer.json);
    else if (screen.quiet())
        for (const auto& id : answer.value.ids) screen.print(visible(id) + "\n");
    else
        screen.print(verb + " " + counted(answer.value.count, "dead letter", "dead letters") +
                     "\n");
    for (const auto& why : answer.value.skipped) screen.warn(why);
    return 0;
}

/// Asks on a terminal before many are dropped for good; true to go on.
core::Result<bool> confirmed(Context& context, ipc::Client& client, const Given& given,
                             const ipc::DeadLetterFilter& filter) {
    if (given.yes) return true;
    const bool may_ask =
        context.settings().may_ask && isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
    if (!may_ask && !filter.ids.empty()) return true;  // they were named
    if (!may_ask)
        return core::invalid_argument("yes", "dropping by a filter can't be undone; say --yes");
    ipc::DeadLetterList request;
    request.filter = filter;
    request.limit = 1;
    const auto page = client.call(request);
    if (!page) return tl::unexpected(page.error());
    if (page->value.total == 0 && filter.ids.empty()) return true;
    const auto count =
        filter.ids.empty() ? page->value.total : static_cast<std::int64_t>(filter.ids.size());
    std::cerr << "Drop " << counted(count, "dead letter", "dead letters") << " for good? [y/N] "
              << std::flush;
    std::string line;
    (void)std::getline(std::cin, line);
    return line == "y" || line == "Y" || line == "yes";
}

int retry(Context& context, const Given& given, const Words& words) {
    const auto filter = chosen(given, words);
    if (!filter) return context.fail(filter.error());
    auto client = context.client(key_from(given.key));
    if (!client) return context.fail(client.error());
    const auto answer = client->call(ipc::DeadLetterRetry{*filter});
    return answer ? report(context, *answer, "Put back") : context.fail(answer.error());
}

int drop(Context& context, const Given& given, const Words& words) {
    const auto filter = chosen(given, words);
    if (!filter) return context.fail(filter.error());
    auto client = context.client(key_from(given.key));
    if (!client) return context.fail(client.error());
    const auto go_on = confirmed(context, *client, given, *filter);
    if (!go_on) return context.fail(go_on.error());
    if (!*go_on) {
        context.screen().note("nothing was dropped");
        return 0;
    }
    const auto answer = client->call(ipc::DeadLetterDrop{*filter});
    return answer ? report(context, *answer, "Dropped") : context.fail(answer.error());
}

}  // namespace

void register_dead_letters_change(CommandLine& line) {
    const auto retried = std::make_shared<Given>();
    auto& retry_app =
        line.add({.name = "dead-letters retry",
                  .section = "Events",
                  .summary = "hand events that were given up out again",
                  .usage = "[ID...]",
                  .words_max = any_number,
                  .examples = {"dead-letters retry 01934a5e", "dead-letters retry --name mail",
                               "dead-letters retry --all"},
                  .details = "Their attempts are counted anew.",
                  .run = [retried](Context& context, const Words& words) {
                      return retry(context, *retried, words);
                  }});
    add_dead_letter_filter(retry_app, retried->filter);
    add_switch(retry_app, "--all", retried->filter.all, "all that there are");
    add_key(retry_app, retried->key);

    const auto dropped = std::make_shared<Given>();
    auto& drop_app =
        line.add({.name = "dead-letters drop",
                  .section = "Events",
                  .summary = "forget events that were given up",
                  .usage = "[ID...]",
                  .words_max = any_number,
                  .examples = {"dead-letters drop 01934a5e", "dead-letters drop --name mail --yes"},
                  .details = "The events themselves stay in the log. On a terminal it "
                             "asks first; elsewhere it needs --yes, unless ids say "
                             "which.",
                  .run = [dropped](Context& context, const Words& words) {
                      return drop(context, *dropped, words);
                  }});
    add_dead_letter_filter(drop_app, dropped->filter);
    add_switch(drop_app, "--all", dropped->filter.all, "all that there are");
    add_switch(drop_app, "-y,--yes", dropped->yes, "do not ask");
    add_key(drop_app, dropped->key);
}

}  // namespace taskd::cli
