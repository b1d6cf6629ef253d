// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/dead_letter_flags.h"
#include "cli/commands/event_text.h"
#include "cli/times.h"
#include "core/rfc3339.h"
#include "core/text.h"
#include "ipc/json.h"

#include <nlohmann/json.hpp>

#include <memory>

namespace taskd::cli {
namespace {

constexpr std::size_t id_shown = 8;  // enough to tell them apart, and to type

struct Given {
    ipc::DeadLetterFilter filter;
    std::string limit;
    std::string offset;
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

}  // namespace

void add_dead_letter_filter(CLI::App& app, ipc::DeadLetterFilter& filter) {
    add_text(app, "--origin", filter.origin, "ORIGIN",
             "only those of a consumer, handler, publish or dapr");
    add_text(app, "--name", filter.name, "NAME", "only this consumer's or handler's");
    add_texts(app, "--type", filter.types, "PATTERN", types_help);
}

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
    add_dead_letter_filter(list_app, listed->filter);
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
}

}  // namespace taskd::cli
