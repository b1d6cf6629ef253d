// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/event_text.h"
#include "cli/times.h"
#include "core/rfc3339.h"
#include "core/text.h"
#include "ipc/json.h"

#include <nlohmann/json.hpp>

#include <iostream>
#include <memory>
#include <unistd.h>

namespace taskd::cli {
namespace {

constexpr std::size_t id_shown = 8;  // enough to tell them apart, and to type

struct Given {
    ipc::DeadLetterFilter filter;
    std::string limit;
    std::string offset;
    bool yes = false;
    std::string key;
};

int list(Context& context, const Given& given) {
    ipc::DeadLetterList request;
    request.filter = given.filter;
    if (!given.limit.empty()) {
        const auto limit = number_from("limit", given.limit, 1, 1000);
        if (!limit) return context.fail(limit.error());
        request.limit = *limit;
    }
    if (!given.offset.empty()) {
        const auto offset = number_from("offset", given.offset, 0, INT64_MAX);
        if (!offset) return context.fail(offset.error());
        request.offset = *offset;
    }
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());

    Screen& screen = context.screen();
    const bool plain = screen.plain_lists();
    const auto& letters = answer->value.dead_letters;
    Table table{{{"ID"},
                 {"WHEN"},
                 {"ORIGIN"},
                 {"NAME", false, true},
                 {"TYPE", false, true},
                 {"EVENT", true},
                 {"ATTEMPTS", true},
                 {"REASON", false, true}},
                {}};
    for (const auto& letter : letters)
        table.rows.push_back(
            {{plain ? letter.id : letter.id.substr(0, id_shown), Paint::bold},
             {plain ? core::format_utc(letter.created) : stamp(letter.created, context.zone())},
             {letter.origin},
             {letter.name},
             {letter.event.type},
             {letter.event.userseq == 0 ? "" : std::to_string(letter.event.userseq)},
             {std::to_string(letter.attempts)},
             {letter.reason}});
    if (screen.one_line_json())
        for (const auto& letter : answer->json.at("dead_letters")) screen.print_json(letter);
    else if (screen.json())
        screen.print_json(answer->json);
    else if (screen.quiet())
        for (const auto& letter : letters) screen.print(visible(letter.id) + "\n");
    else
        screen.print_list(table);
    screen.flush();
    const auto shown = static_cast<std::int64_t>(letters.size());
    if (shown == 0) screen.hint("no dead letters");
    if (shown > 0 && answer->value.total > request.offset + shown)
        screen.note("showing " + std::to_string(shown) + " of " +
                    std::to_string(answer->value.total) +
                    " dead letters; --limit and --offset give the others");
    return 0;
}

void print_letter(Context& context, const ipc::DeadLetter& letter) {
    Screen& screen = context.screen();
    const bool plain = screen.plain();
    std::vector<Field> fields{{"id", {letter.id, Paint::bold}}};
    const auto add = [&](const std::string& name, const std::string& text) {
        if (!text.empty() || plain) fields.push_back({name, {text}});
    };
    add("origin", letter.origin);
    add("name", letter.name);
    add("reason", letter.reason);
    add("attempts", std::to_string(letter.attempts));
    add("given up",
        plain ? core::format_utc(letter.created) : stamp(letter.created, context.zone()));
    add("event", letter.event.userseq == 0 ? "" : std::to_string(letter.event.userseq));
    add("type", letter.event.type);
    add("source", letter.event.source);
    add("subject", letter.event.subject);
    add("event id", letter.event.id);
    add("time", letter.event.time);
    for (const auto& [name, value] : letter.event.attributes) add(name, value);
    std::string data = letter.event.data;
    if (!plain)
        if (const auto json = ipc::parse_json(data)) data = json->dump(2);
    add("data", data);
    screen.print_fields(fields);
}

int show(Context& context, const Words& words) {
    ipc::DeadLetterList request;
    request.filter.ids = words;
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());
    Screen& screen = context.screen();
    const auto& letters = answer->value.dead_letters;
    if (letters.empty())
        return context.fail({core::Reason::not_found,
                             "there is no dead letter " + core::clipped(words.at(0), 64), "id",
                             "taskctl dead-letters list shows those that there are"});
    for (std::size_t i = 0; i < letters.size(); ++i) {
        if (screen.json())
            screen.print_json(answer->json.at("dead_letters").at(i));
        else if (screen.quiet())
            screen.print(visible(letters[i].id) + "\n");
        else
            print_letter(context, letters[i]);
    }
    return 0;
}

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

void add_filter(CLI::App& app, ipc::DeadLetterFilter& filter) {
    add_text(app, "--origin", filter.origin, "ORIGIN",
             "only those of a consumer, handler or publish");
    add_text(app, "--name", filter.name, "NAME", "only this consumer's or handler's");
    add_texts(app, "--type", filter.types, "PATTERN", types_help);
}

}  // namespace

void register_dead_letters(CommandLine& line) {
    line.add({.name = "dead-letters",
              .section = "Events",
              .summary = "events that were given up",
              .examples = {"dead-letters list", "dead-letters retry --name mail"},
              .run = {}});
    const auto listed = std::make_shared<Given>();
    auto& list_app = line.add(
        {.name = "dead-letters list",
         .section = "Events",
         .summary = "list events that were given up, newest first",
         .examples = {"dead-letters list", "dead-letters list --name mail -o jsonl"},
         .run = [listed](Context& context, const Words&) { return list(context, *listed); }});
    add_filter(list_app, listed->filter);
    add_text(list_app, "--limit", listed->limit, "N", "at most so many, up to 1000 (default 20)");
    add_text(list_app, "--offset", listed->offset, "N", "leave out so many at the beginning");

    line.add({.name = "dead-letters show",
              .section = "Events",
              .summary = "show a dead letter and its event",
              .usage = "ID",
              .words_min = 1,
              .words_max = 1,
              .examples = {"dead-letters show 01934a5e"},
              .details = "ID may be the first 4 or more characters.",
              .run = show});

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
    add_filter(retry_app, retried->filter);
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
    add_filter(drop_app, dropped->filter);
    add_switch(drop_app, "--all", dropped->filter.all, "all that there are");
    add_switch(drop_app, "-y,--yes", dropped->yes, "do not ask");
    add_key(drop_app, dropped->key);
}

}  // namespace taskd::cli
