// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/delivery_table.h"
#include "cli/input_file.h"
#include "core/span.h"
#include "core/text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <tuple>

namespace taskd::cli {
namespace {

using core::Channel;
using core::ChannelKind;
using core::Error;
using core::Result;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Given {
    bool is_default = false;
    std::string timeout;
    std::string secret_file;
    std::string subject;
    std::string body;
    std::string attempts;
    std::string backoff;
    std::string backoff_max;
    std::string rate;
    std::string key;
};

std::string span_words(milliseconds span) {
    if (span % seconds{1} != milliseconds{0}) return std::to_string(span.count()) + "ms";
    return core::format_span(std::chrono::duration_cast<seconds>(span));
}

/// Where it leads: a command, an address, a URL.
std::string target_of(const Channel& channel) {
    switch (channel.kind) {
    case ChannelKind::exec:
        return shell_words(channel.argv);
    case ChannelKind::email:
        return channel.to.empty() ? "your own address" : channel.to;
    case ChannelKind::desktop:
        return "your session";
    case ChannelKind::webhook:
    case ChannelKind::ntfy:
    case ChannelKind::gotify:
        return channel.url;
    case ChannelKind::dapr:
        break;
    }
    return channel.app.empty() ? "publish " + channel.pubsub + " " + channel.topic
                               : "invoke " + channel.app + " " + channel.method;
}

void show(Context& context, const nlohmann::json& json, const Channel& channel,
          const std::string& verb) {
    Screen& screen = context.screen();
    if (screen.json()) return screen.print_json(json);
    if (screen.quiet()) return screen.print(channel.name + "\n");
    screen.print(verb + " channel " + visible(channel.name) + "\n");
    if (verb != "Set") return;
    std::string text = "  " + std::string(core::to_string(channel.kind)) +
                       (channel.kind == ChannelKind::exec ? ": runs " : ": ") +
                       visible(target_of(channel)) + "\n  at most " + span_words(channel.timeout);
    if (const auto rate = core::rate_of(channel); rate.max > 0)
        text += ", " + std::to_string(rate.max) + " in " + span_words(rate.per) +
                " and more in a digest";
    if (channel.kind == ChannelKind::webhook)
        text += channel.has_secret ? ", signed" : ", not signed";
    if (channel.is_default) text += ", the default channel";
    screen.print(text + "\n");
    screen.hint("try it: taskctl channels test " + channel.name);
}

Error wrong_words(const std::string& kind, const std::string& usage) {
    return {core::Reason::invalid_argument, "a channel of kind " + kind + " is set by: " + usage,
            "channel", ""};
}

/// What comes after NAME and KIND.
Result<void> read_target(Channel& channel, const Words& rest) {
    const std::string name = "taskctl channels set " + channel.name + " ";
    switch (channel.kind) {
    case ChannelKind::exec:
        channel.argv = rest;
        if (rest.empty()) return tl::unexpected(wrong_words("exec", name + "exec -- COMMAND..."));
        return {};
    case ChannelKind::email:
        if (rest.size() > 1) return tl::unexpected(wrong_words("email", name + "email [ADDRESS]"));
        if (!rest.empty()) channel.to = rest[0];
        return {};
    case ChannelKind::desktop:
        if (!rest.empty()) return tl::unexpected(wrong_words("desktop", name + "desktop"));
        return {};
    case ChannelKind::webhook:
    case ChannelKind::ntfy:
    case ChannelKind::gotify: {
        const std::string kind(core::to_string(channel.kind));
        if (rest.size() != 1) return tl::unexpected(wrong_words(kind, name + kind + " URL"));
        channel.url = rest[0];
        return {};
    }
    case ChannelKind::dapr:
        break;
    }
    if (rest.size() == 3 && rest[0] == "invoke") {
        channel.app = rest[1];
        channel.method = rest[2];
        return {};
    }
    if (rest.size() == 3 && rest[0] == "publish") {
        channel.pubsub = rest[1];
        channel.topic = rest[2];
        return {};
    }
    return tl::unexpected(
        wrong_words("dapr", name + "dapr invoke APP METHOD, or ... dapr publish PUBSUB TOPIC"));
}

Result<milliseconds> read_ms(const char* field, const std::string& words) {
    const auto span = span_from(field, words);
    if (!span) return tl::unexpected(span.error());
    return milliseconds{*span};
}

/// "5/1m": so many in so long; "none".
Result<core::RateLimit> read_rate(const std::string& words) {
    if (words == "none") return core::RateLimit{};
    const auto slash = words.find('/');
    const auto most = number_from("rate", words.substr(0, slash), 1, 100);
    if (!most || slash == std::string::npos)
        return core::invalid_argument("rate", "\"" + core::clipped(words, 32) +
                                                  "\" is not accepted; use N/SPAN such as 5/1m, or "
                                                  "none");
    const auto per = read_ms("rate", words.substr(slash + 1));
    if (!per) return tl::unexpected(per.error());
    return core::RateLimit{static_cast<int>(*most), *per};
}

Result<void> read_policies(Channel& channel, const Given& given) {
    if (!given.timeout.empty()) {
        const auto timeout = read_ms("timeout", given.timeout);
        if (!timeout) return tl::unexpected(timeout.error());
        channel.timeout = *timeout;
    }
    if (!given.rate.empty()) {
        const auto rate = read_rate(given.rate);
        if (!rate) return tl::unexpected(rate.error());
        channel.rate = *rate;
    }
    if (given.attempts.empty() && given.backoff.empty() && given.backoff_max.empty()) return {};
    // What is not said is as the kind has it.
    channel.retry = core::retry_of(channel, {});
    if (!given.attempts.empty()) {
        const auto attempts = number_from("attempts", given.attempts, 1, 100);
        if (!attempts) return tl::unexpected(attempts.error());
        channel.retry->attempts_max = static_cast<int>(*attempts);
    }
    for (const auto& [field, words, into] :
         {std::tuple("backoff", &given.backoff, &channel.retry->initial),
          std::tuple("backoff-max", &given.backoff_max, &channel.retry->max)}) {
        if (words->empty()) continue;
        const auto span = read_ms(field, *words);
        if (!span) return tl::unexpected(span.error());
        *into = *span;
    }
    if (given.backoff_max.empty())
        channel.retry->max = std::max(channel.retry->max, channel.retry->initial);
    return {};
}

Result<ipc::ChannelSet> request_of(const Given& given, const Words& words) {
    ipc::ChannelSet request;
    Channel& channel = request.channel;
    channel.name = words.at(0);
    const auto kind = core::channel_kind_from(words.at(1));
    if (!kind) return tl::unexpected(kind.error());
    channel.kind = *kind;
    channel.is_default = given.is_default;
    channel.subject = given.subject;
    channel.body = given.body;
    if (auto read = read_target(channel, Words(words.begin() + 2, words.end())); !read)
        return tl::unexpected(read.error());
    if (auto read = read_policies(channel, given); !read) return tl::unexpected(read.error());
    if (given.secret_file.empty()) return request;
    constexpr std::size_t secret_bytes_max = 4096;
    auto file = InputFile::open("secret-file", given.secret_file);
    if (!file) return tl::unexpected(file.error());
    auto text = file->all(secret_bytes_max);
    if (!text) return tl::unexpected(text.error());
    request.secret = core::trim(*text);
    if (request.secret.empty())
        return core::invalid_argument("secret-file", given.secret_file + " holds no secret");
    return request;
}

int set(Context& context, const Given& given, const Words& words) {
    const auto request = request_of(given, words);
    if (!request) return context.fail(request.error());
    auto client = context.client(key_from(given.key));
    if (!client) return context.fail(client.error());
    const auto answer = client->call(*request);
    if (!answer) return context.fail(answer.error());
    context.note_replay(answer->replayed);
    show(context, answer->json, answer->value, "Set");
    return 0;
}

int test(Context& context, const std::string& key, const Words& words) {
    auto client = context.client(key_from(key));
    if (!client) return context.fail(client.error());
    const auto answer = client->call(ipc::ChannelTest{words.at(0)});
    if (!answer) return context.fail(answer.error());
    context.note_replay(answer->replayed);
    return wait_for_delivery(context, answer->value.id.str());
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
    Table table{{{"NAME"}, {"KIND"}, {"STATE"}, {"TIMEOUT", true}, {"TARGET", false, true}}, {}};
    for (const auto& channel : channels)
        table.rows.push_back(
            {{channel.name, Paint::bold},
             {std::string(core::to_string(channel.kind))},
             {!channel.disabled.empty() ? "disabled"
              : channel.is_default      ? "default"
                                        : "",
              channel.disabled.empty() ? Paint::none : Paint::red},
             {span_words(channel.timeout)},
             {channel.disabled.empty() ? target_of(channel)
                                       : target_of(channel) + ": " + channel.disabled}});
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
            "desk desktop --default");
    return 0;
}

}  // namespace

void register_channels(CommandLine& line) {
    line.add({.name = "channels",
              .section = "Reminders",
              .summary = "where reminders go",
              .examples = {"channels list", "channels set desk desktop --default"},
              .run = {}});
    const auto given = std::make_shared<Given>();
    auto& set_app = line.add(
        {.name = "channels set",
         .section = "Reminders",
         .summary = "set a channel: desktop, email, exec, webhook, ntfy, gotify or dapr",
         .usage = "NAME KIND [TARGET...]",
         .words_min = 2,
         .words_max = any_number,
         .examples = {"channels set desk desktop --default",
                      "channels set mail email ada@example.org",
                      "channels set log exec --timeout 5s -- sh -c 'cat >>~/reminders.jsonl'",
                      "channels set phone ntfy https://ntfy.sh/my-secret-topic",
                      "channels set hook webhook https://example.org/h --secret-file key",
                      "channels set team dapr publish pubsub reminders"},
         .details =
             "KIND is desktop; email [ADDRESS]; exec -- COMMAND, which no shell reads unless it is "
             "one and which gets the event as JSON on standard input and TASKD_SUMMARY, TASKD_DUE "
             "and others in its environment; webhook URL, which is sent the CloudEvent; ntfy URL "
             "and gotify URL; dapr invoke APP METHOD or dapr publish PUBSUB TOPIC. A TEMPLATE has "
             "fields in braces: {summary}, {due}, {late}, {text} and others, see taskctl(1). What "
             "is not said is as the kind has it; setting a channel again replaces all of it.",
         .run = [given](Context& context, const Words& words) {
             return set(context, *given, words);
         }});
    add_switch(set_app, "--default", given->is_default, "the channel of reminders that name none");
    add_text(set_app, "--timeout", given->timeout, "SPAN",
             "how long one attempt may take (default 30s)");
    add_text(set_app, "--secret-file", given->secret_file, "FILE",
             "signs a webhook (whsec_...), or the token of ntfy, gotify");
    add_text(set_app, "--subject", given->subject, "TEMPLATE", "instead of the title");
    add_text(set_app, "--body", given->body, "TEMPLATE",
             "instead of the usual text; of a webhook also JSON");
    add_text(set_app, "--attempts", given->attempts, "N", "give up after so many");
    add_text(set_app, "--backoff", given->backoff, "SPAN", "wait after the first failure");
    add_text(set_app, "--backoff-max", given->backoff_max, "SPAN", "the longest wait");
    add_text(set_app, "--rate", given->rate, "N/SPAN",
             "more than N in SPAN become one digest; none: any number");
    add_key(set_app, given->key);

    const auto test_key = std::make_shared<std::string>();
    auto& test_app = line.add(
        {.name = "channels test",
         .section = "Reminders",
         .summary = "send a test to a channel and say how it ended",
         .usage = "NAME",
         .words_min = 1,
         .words_max = 1,
         .examples = {"channels test desk"},
         .details = "One attempt, by the daemon, as a reminder would be sent. Exit status: 0 it "
                    "was delivered, 1 it was not.",
         .run = [test_key](Context& context, const Words& words) {
             return test(context, *test_key, words);
         }});
    add_key(test_app, *test_key);

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
