// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/event_from_flags.h"
#include "cli/commands/publish_report.h"
#include "cli/event_batches.h"
#include "cli/event_reader.h"
#include "cli/exit_code.h"
#include "cli/input_file.h"

#include <memory>

namespace taskd::cli {
namespace {

using core::Result;

struct Given {
    EventFlags event;
    bool all_or_nothing = false;
    std::string key;
};

int publish_one(Context& context, const Given& given) {
    auto event = event_from_flags(context, given.event);
    if (!event) return context.fail(event.error());
    auto client = context.client(key_from(given.key));
    if (!client) return context.fail(client.error());
    ipc::EventPublish request;
    request.events.emplace_back().event = std::move(*event);
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());
    context.note_replay(answer->replayed);
    PublishReport report(context, false);
    for (const auto& result : answer->value.events) report.add(0, result);
    Screen& screen = context.screen();
    return screen.json() && !screen.one_line_json() ? report.finish() : report.status();
}

/// Sends requests, under one key for each if one was given: "KEY" itself, then "KEY/2".
class Sender {
public:
    Sender(Context& context, std::string key) : context_(context), key_(std::move(key)) {}

    Result<ipc::EventsPublished> operator()(const ipc::EventPublish& request) {
        ++count_;
        std::string key = key_;
        if (!key.empty() && count_ > 1) key += "/" + std::to_string(count_);
        if (!client_ || !key.empty()) {
            auto client = context_.client(key);
            if (!client) return tl::unexpected(client.error());
            client_ = std::make_shared<ipc::Client>(std::move(*client));
        }
        auto answer = client_->call(request);
        if (!answer) return tl::unexpected(answer.error());
        if (!noted_) context_.note_replay(answer->replayed);
        noted_ = noted_ || answer->replayed;
        return std::move(answer->value);
    }

private:
    Context& context_;
    std::string key_;
    std::shared_ptr<ipc::Client> client_;
    std::int64_t count_ = 0;
    bool noted_ = false;
};

/// A whole request failed: what was sent before it is there, and this one may be.
int give_up(Context& context, PublishReport& report, core::Error error, std::int64_t line) {
    (void)report.finish();
    error.message = "from line " + std::to_string(line) + " on: " + error.message;
    if (error.hint.empty() || error.hint.find("--idempotency-key") != std::string::npos)
        error.hint = "run it again: events that are there already are not published twice";
    return context.fail(error);
}

int publish_each(Context& context, const Given& given, InputFile& file, bool imported) {
    const std::string key = key_from(given.key);
    PublishReport report(context, imported);
    EventBatches batches(
        imported, Sender(context, key),
        [&](std::int64_t line, const ipc::PublishResult& result) { report.add(line, result); });
    Result<void> sent;
    EventReader reader([&](char* into, std::size_t size) {
        // Who writes slowly into a pipe is not kept waiting for a batch to fill. With a key,
        // batches must be the same when it is run again.
        if (key.empty() && sent && !batches.empty() && !file.ready()) {
            sent = batches.flush();
            context.screen().flush();
        }
        return sent ? file.read(into, size) : 0;
    });
    while (sent) {
        auto item = reader.next();
        if (!item || !sent) break;
        if (item->event)
            sent = batches.add(item->line, std::move(*item->event));
        else
            report.add_unreadable(item->line, item->event.error());
        report.show_progress();
    }
    if (sent) sent = batches.flush();
    if (!sent) return give_up(context, report, sent.error(), batches.first_line());
    const int status = report.finish();
    if (file.error().empty()) return status;
    return context.fail({core::Reason::invalid_argument, file.error(), "file", {}});
}

int publish_all(Context& context, const Given& given, InputFile& file) {
    ipc::EventPublish request;
    std::vector<std::int64_t> lines;
    EventReader reader([&](char* into, std::size_t size) { return file.read(into, size); });
    const auto nothing = [](core::Error error, std::int64_t line) {
        error.message = "line " + std::to_string(line) + ": " + error.message;
        error.hint = "nothing was published";
        return error;
    };
    while (auto item = reader.next()) {
        if (!item->event) return context.fail(nothing(item->event.error(), item->line));
        if (request.events.size() == ipc::publish_events_max)
            return context.fail(
                nothing({core::Reason::invalid_argument,
                         "all-or-nothing takes at most " + std::to_string(ipc::publish_events_max) +
                             " events, and this is one more",
                         "all-or-nothing",
                         {}},
                        item->line));
        request.events.emplace_back().event = std::move(*item->event);
        lines.push_back(item->line);
    }
    if (!file.error().empty())
        return context.fail({core::Reason::invalid_argument, file.error(), "file", {}});
    PublishReport report(context, false);
    if (request.events.empty()) return report.finish();
    auto client = context.client(key_from(given.key));
    if (!client) return context.fail(client.error());
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());
    context.note_replay(answer->replayed);
    for (std::size_t i = 0; i < answer->value.events.size() && i < lines.size(); ++i)
        report.add(lines[i], answer->value.events[i]);
    return report.finish();
}

int publish(Context& context, const Given& given, const Words& words) {
    if (words.empty()) {
        if (given.all_or_nothing)
            return context.fail({core::Reason::invalid_argument,
                                 "--all-or-nothing goes with a FILE of events",
                                 "all-or-nothing",
                                 {}});
        return publish_one(context, given);
    }
    if (const auto flag = given.event.first_given(); !flag.empty())
        return context.fail({core::Reason::invalid_argument,
                             flag + " describes one event, and does not go with a FILE of them",
                             flag.substr(2),
                             {}});
    auto file = InputFile::open("file", words[0]);
    if (!file) return context.fail(file.error());
    return given.all_or_nothing ? publish_all(context, given, *file)
                                : publish_each(context, given, *file, false);
}

int import(Context& context, const Given& given, const Words& words) {
    auto file = InputFile::open("file", words[0]);
    if (!file) return context.fail(file.error());
    return publish_each(context, given, *file, true);
}

}  // namespace

void register_events_publish(CommandLine& line) {
    const auto given = std::make_shared<Given>();
    auto& app = line.add(
        {.name = "events publish",
         .section = "Events",
         .summary = "publish an event, or a file of them",
         .usage = "[FILE]",
         .words_max = 1,
         .examples = {"events publish --type build.finished -d '{\"ok\":true}'",
                      "events publish --type note --content-type text/plain -d 'Lunch time'",
                      "events publish events.jsonl", "events publish - -o plain"},
         .details =
             "FILE, or - for standard input, holds CloudEvents: one JSON object per line, an "
             "array, or one object. What is refused is said with its line, and the others "
             "are published. An event without an id gets one that is made from its content, "
             "so publishing a file again publishes nothing twice; an event from options "
             "gets a fresh one.",
         .run = [given](Context& context, const Words& words) {
             return publish(context, *given, words);
         }});
    add_event_options(app, given->event);
    add_switch(app, "--all-or-nothing", given->all_or_nothing,
               "publish all of FILE, at most 1000 events, or nothing");
    add_key(app, given->key);

    const auto imported = std::make_shared<Given>();
    auto& import_app = line.add(
        {.name = "events import",
         .section = "Events",
         .summary = "take over the events of an export",
         .usage = "FILE",
         .words_min = 1,
         .words_max = 1,
         .examples = {"events import events.jsonl", "events import -"},
         .details =
             "Ids, sources and times stay, also of taskd's own events; they get new numbers, "
             "and no handler is run. Importing a file again is harmless.",
         .run = [imported](Context& context, const Words& words) {
             return import(context, *imported, words);
         }});
    add_key(import_app, imported->key);
}

}  // namespace taskd::cli
