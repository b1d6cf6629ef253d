// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/times.h"
#include "core/rfc3339.h"
#include "ipc/admin_messages.h"

#include <nlohmann/json.hpp>

#include <memory>

namespace taskd::cli {
namespace {

using std::chrono::milliseconds;

struct Given {
    bool is_service = false;
    std::string ttl;
    std::string key;
};

std::string time_words(Context& context, const std::optional<core::Timestamp>& at) {
    if (!at) return "never";
    return context.screen().plain() ? core::format_utc(*at) : moment(*at, context.zone());
}

int create(Context& context, const Given& given, const Words& words) {
    ipc::TokenCreate request;
    request.name = words.at(0);
    if (given.is_service) request.scope = "service";
    if (!given.ttl.empty()) {
        const auto ttl = span_from("ttl", given.ttl);
        if (!ttl) return context.fail(ttl.error());
        request.ttl_ms = milliseconds{*ttl}.count();
    }
    auto client = context.client(key_from(given.key));
    if (!client) return context.fail(client.error());
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());

    const auto& token = answer->value;
    Screen& screen = context.screen();
    if (token.secret.empty())
        return context.fail({core::Reason::failed_precondition,
                             "token " + token.name +
                                 " was made by an earlier request of this key, and its secret is "
                                 "shown only once",
                             "idempotency_key",
                             "taskctl token revoke " + token.name + ", then make it again"});
    if (screen.json()) {
        screen.print_json(answer->json);
    } else if (screen.quiet()) {
        screen.print(token.secret + "\n");
    } else {
        screen.print("Made token " + visible(token.name) + " (" + token.scope + ", expires " +
                     time_words(context, token.expires) + ")\n  " + token.secret + "\n");
        screen.flush();
        screen.hint(
            "  hint: this is the only time that it is shown; send it as "
            "Authorization: Bearer TOKEN");
    }
    return 0;
}

int list(Context& context) {
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto answer = client->call(ipc::TokenList{});
    if (!answer) return context.fail(answer.error());
    Screen& screen = context.screen();
    const auto& tokens = answer->value.tokens;
    Table table{{{"ID"}, {"NAME"}, {"SCOPE"}, {"CREATED"}, {"EXPIRES"}}, {}};
    for (const auto& token : tokens)
        table.rows.push_back({{token.id},
                              {token.name, Paint::bold},
                              {token.scope},
                              {time_words(context, token.created)},
                              {time_words(context, token.expires)}});
    if (screen.one_line_json())
        for (const auto& token : answer->json.at("tokens")) screen.print_json(token);
    else if (screen.json())
        screen.print_json(answer->json);
    else if (screen.quiet())
        for (const auto& token : tokens) screen.print(token.id + "\n");
    else
        screen.print_list(table);
    if (tokens.empty()) screen.hint("no tokens; for example: taskctl token create ci --ttl 30d");
    return 0;
}

int revoke(Context& context, const std::string& key, const Words& words) {
    auto client = context.client(key_from(key));
    if (!client) return context.fail(client.error());
    const auto answer = client->call(ipc::TokenRevoke{words.at(0)});
    if (!answer) return context.fail(answer.error());
    context.note_replay(answer->replayed);
    Screen& screen = context.screen();
    if (screen.json())
        screen.print_json(answer->json);
    else if (screen.quiet())
        screen.print(answer->value.id + "\n");
    else
        screen.print("Revoked token " + visible(answer->value.name) + "\n");
    return 0;
}

}  // namespace

void register_token(CommandLine& line) {
    line.add({.name = "token",
              .section = "Daemon",
              .summary = "bearer tokens for HTTP",
              .examples = {"token list", "token create ci --ttl 30d"},
              .run = {}});
    const auto given = std::make_shared<Given>();
    auto& create_app = line.add(
        {.name = "token create",
         .section = "Daemon",
         .summary = "make a token and show its secret, this once",
         .usage = "NAME",
         .words_min = 1,
         .words_max = 1,
         .examples = {"token create ci --ttl 30d", "token create scraper --service --quiet"},
         .details = "The daemon keeps a hash only: a lost secret is replaced by another token. "
                    "With --quiet nothing but the secret is printed.",
         .run = [given](Context& context, const Words& words) {
             return create(context, *given, words);
         }});
    add_switch(create_app, "--service", given->is_service,
               "may name other users and read /metrics (operators only)");
    add_text(create_app, "--ttl", given->ttl, "SPAN", "when it ends by itself (default never)");
    add_key(create_app, given->key);

    line.add({.name = "token list",
              .section = "Daemon",
              .summary = "list tokens",
              .examples = {"token list"},
              .run = [](Context& context, const Words&) { return list(context); }});

    const auto key = std::make_shared<std::string>();
    auto& revoke_app = line.add({.name = "token revoke",
                                 .section = "Daemon",
                                 .summary = "end a token at once",
                                 .usage = "TOKEN",
                                 .words_min = 1,
                                 .words_max = 1,
                                 .examples = {"token revoke ci"},
                                 .details = "TOKEN is a token's id or name.",
                                 .run = [key](Context& context, const Words& words) {
                                     return revoke(context, *key, words);
                                 }});
    add_key(revoke_app, *key);
}

}  // namespace taskd::cli
