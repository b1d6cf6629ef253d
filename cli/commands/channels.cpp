// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "core/span.h"

#include <nlohmann/json.hpp>

#include <memory>

namespace taskd::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Given {
    bool is_default = false;
    std::string timeout;
    std::string key;
};

std::string timeout_words(const ipc::Channel& channel) {
    const milliseconds timeout{channel.timeout_ms};
    if (timeout % seconds{1} != milliseconds{0}) return std::to_string(timeout.count()) + "ms";
    return core::format_span(std::chrono::duration_cast<seconds>(timeout));
}

void show(Context& context, const nlohmann::json& json, const ipc::Channel& channel,
          const std::string& verb) {
    Screen& screen = context.screen();
    if (screen.json()) return screen.print_json(json);
    if (screen.quiet()) return screen.print(channel.name + "\n");
    screen.print(verb + " channel " + visible(channel.name) + "\n");
    if (verb != "Set") return;
    screen.print("  runs " + visible(shell_words(channel.argv)) + "\n  at most " +
                 timeout_words(channel) + (channel.is_default ? ", the default channel\n" : "\n"));
}

int set(Context& context, const Given& given, const Words& words) {
    ipc::ChannelSet request;
    request.channel.name = words.at(0);
    request.channel.kind = words.at(1);
    request.channel.argv.assign(words.begin() + 2, words.end());
    request.channel.is_default = given.is_default;
    if (!given.timeout.empty()) {
        const auto timeout = core::parse_span("timeout", given.timeout);
        if (!timeout) return context.fail(timeout.error());
        request.channel.timeout_ms = milliseconds{*timeout}.count();
    }
    auto client = context.client(key_from(given.key));
    if (!client) return context.fail(client.error());
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());
    context.note_replay(answer->replayed);
    show(context, answer->json, answer->value, "Set");
    return 0;
}

int remove(Context& context, const std::string& key, const Words& words) {
    auto client = context.client(key_from(key));
    if (!client) return context.fail(client.error());
    const auto answer = client->call(ipc::ChannelRemove{words.at(0)});
    if (!answer) return context.fail(answer.error());
    context.note_replay(answer->replayed);
    show(context, answer->json, answer->value, "Removed");
    return 0;
}

int list(Context& context) {
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto answer = client->call(ipc::ChannelList{});
    if (!answer) return context.fail(answer.error());

    Screen& screen = context.screen();
    const auto& channels = answer->value.channels;
    Table table{{{"NAME"}, {"KIND"}, {"DEFAULT"}, {"TIMEOUT", true}, {"COMMAND", false, true}}, {}};
    for (const auto& channel : channels)
        table.rows.push_back({{channel.name, Paint::bold},
                              {channel.kind},
                              {channel.is_default ? "default" : ""},
                              {timeout_words(channel)},
                              {shell_words(channel.argv)}});
    if (screen.one_line_json())
        for (const auto& channel : answer->json.at("channels")) screen.print_json(channel);
    else if (screen.json())
        screen.print_json(answer->json);
    else if (screen.quiet())
        for (const auto& channel : channels) screen.print(channel.name + "\n");
    else
        screen.print_list(table);
    if (channels.empty())
        screen.hint(
            "no channels, so reminders are only events; for example: taskctl channels set "
            "desk exec --default -- notify-send Reminder");
    return 0;
}

}  // namespace

void register_channels(CommandLine& line) {
    line.add(
        {.name = "channels",
         .section = "Reminders",
         .summary = "where reminders go",
         .examples = {"channels list", "channels set desk exec --default -- notify-send Reminder"},
         .run = {}});
    const auto given = std::make_shared<Given>();
    auto& set_app = line.add(
        {.name = "channels set",
         .section = "Reminders",
         .summary = "set a channel: a command that reminders run",
         .usage = "NAME exec -- COMMAND [ARGUMENT...]",
         .words_min = 3,
         .words_max = any_number,
         .examples = {"channels set desk exec --default -- notify-send Reminder",
                      "channels set log exec --timeout 5s -- sh -c 'cat >>~/reminders.jsonl'"},
         .details = "No shell reads COMMAND unless it is one. It gets the reminder.due event as "
                    "JSON on standard input, and TASKD_SUMMARY, TASKD_DUE, TASKD_TASK_NUMBER and "
                    "others in its environment. Status 0 means delivered; anything else is tried "
                    "again.",
         .run = [given](Context& context, const Words& words) {
             return set(context, *given, words);
         }});
    add_switch(set_app, "--default", given->is_default, "the channel of reminders that name none");
    add_text(set_app, "--timeout", given->timeout, "SPAN",
             "how long COMMAND may run (default 30s)");
    add_key(set_app, given->key);

    line.add({.name = "channels list",
              .section = "Reminders",
              .summary = "list channels",
              .examples = {"channels list"},
              .run = [](Context& context, const Words&) { return list(context); }});

    const auto key = std::make_shared<std::string>();
    auto& remove_app = line.add({.name = "channels remove",
                                 .section = "Reminders",
                                 .summary = "remove a channel",
                                 .usage = "NAME",
                                 .words_min = 1,
                                 .words_max = 1,
                                 .examples = {"channels remove desk"},
                                 .run = [key](Context& context, const Words& words) {
                                     return remove(context, *key, words);
                                 }});
    add_key(remove_app, *key);
}

}  // namespace taskd::cli
