// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/event_text.h"
#include "ipc/json.h"
#include "ipc/subscriber.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>

namespace taskd::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t tail_standard = 10;
constexpr seconds look_for_reader{1};  // how soon a closed pipe is noticed when nothing happens
constexpr std::int64_t page_events = 500;

struct Given {
    std::vector<std::string> types;
    std::string limit;
    std::string since;
    bool follow = false;  // what tail does anyway
    bool no_follow = false;
};

void print(Context& context, const ipc::CloudEvent& event) {
    Screen& screen = context.screen();
    if (screen.json())
        screen.print(visible_json(ipc::to_text(event)) + "\n");
    else if (screen.quiet())
        screen.print(std::to_string(event.userseq) + "\n");
    else if (screen.plain_lists())
        screen.print(plain_event_line(event));
    else
        screen.print(event_line(event, context.zone(), screen.style()));
    screen.flush();  // a reader downstream wants each event when it happens
}

core::Result<void> check_types(Context& context, const std::vector<std::string>& types) {
    if (const auto filter = core::TopicFilter::make(types); !filter)
        return tl::unexpected(filter.error());
    for (const auto& warning : type_warnings(types)) context.screen().warn(warning);
    return {};
}

int list(Context& context, const Given& given) {
    ipc::EventList request;
    request.types = given.types;
    if (!given.limit.empty()) {
        const auto limit = number_from("limit", given.limit, 1, 1000);
        if (!limit) return context.fail(limit.error());
        request.limit = *limit;
    }
    if (auto good = check_types(context, given.types); !good) return context.fail(good.error());
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());

    Screen& screen = context.screen();
    if (screen.json() && !screen.one_line_json())
        screen.print_json(answer->json);
    else
        for (const auto& event : answer->value.events) print(context, event);
    if (answer->value.events.empty()) screen.hint("no events");
    return 0;
}

/// Prints what the log has after `position`, to its head; moves `position` there.
core::Result<void> print_log(Context& context, ipc::Client& client, const Given& given,
                             milliseconds wait, std::int64_t& position) {
    for (;;) {
        ipc::EventRead request;
        request.after = position;
        request.types = given.types;
        request.limit = page_events;
        request.wait_ms = wait.count();
        const auto page = client.call(request);
        if (!page) return tl::unexpected(page.error());
        for (const auto& event : page->value.events) print(context, event);
        position = std::max(position, page->value.next);
        if (position >= page->value.head) return {};
    }
}

/// Follows the live events of the caller's own socket.
int follow_live(Context& context, ipc::Client& client, const Given& given, std::int64_t after) {
    const auto filter = core::TopicFilter::make(given.types);
    if (!filter) return context.fail(filter.error());
    ipc::Subscriber subscriber(context.sockets(), client, given.types, *filter, after);
    for (;;) {
        const auto event = subscriber.next(look_for_reader);
        if (!event) return context.fail(event.error());
        if (*event)
            print(context, **event);
        else if (context.screen().reader_gone())
            return 0;
    }
}

/// Another user's events come over no socket of ours, but an operator may read their log.
int follow_log(Context& context, ipc::Client& client, const Given& given, std::int64_t after) {
    const milliseconds wait =
        std::min<milliseconds>(context.settings().timeout / 2, look_for_reader);
    while (!context.screen().reader_gone())
        if (auto read = print_log(context, client, given, wait, after); !read)
            return context.fail(read.error());
    return 0;
}

int tail(Context& context, const Given& given) {
    if (auto good = check_types(context, given.types); !good) return context.fail(good.error());
    std::int64_t after = 0;
    if (!given.since.empty()) {
        const auto since = number_from("since", given.since, 0, INT64_MAX);
        if (!since) return context.fail(since.error());
        after = *since;
    }
    auto client = context.client({}, Context::Start::once);
    if (!client) return context.fail(client.error());
    if (given.since.empty()) {
        ipc::EventList newest;
        newest.types = given.types;
        newest.limit = tail_standard;
        const auto page = client->call(newest);
        if (!page) return context.fail(page.error());
        for (const auto& event : page->value.events) print(context, event);
        after = page->value.head;
    }
    if (given.no_follow) {
        if (given.since.empty()) return 0;
        const auto read = print_log(context, *client, given, milliseconds{0}, after);
        return read ? 0 : context.fail(read.error());
    }
    return context.settings().as.empty() ? follow_live(context, *client, given, after)
                                         : follow_log(context, *client, given, after);
}

}  // namespace

void register_events(CommandLine& line) {
    const std::string types_help =
        "only events of this type, or of a prefix such as task.*; may be repeated";
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

    const auto tailed = std::make_shared<Given>();
    auto& tail_app = line.add(
        {.name = "events tail",
         .section = "Events",
         .summary = "print the last 10 events, then each new one as it happens",
         .examples = {"events tail", "events tail --type 'task.*' -o jsonl",
                      "events tail --since 42 --no-follow"},
         .details = "No event is left out or printed twice, also when the daemon restarts "
                    "meanwhile. Ctrl-C ends it.",
         .run = [tailed](Context& context, const Words&) { return tail(context, *tailed); }});
    add_switch(tail_app, "-f,--follow", tailed->follow, "go on with new events (the default)");
    add_switch(tail_app, "--no-follow", tailed->no_follow, "stop at the newest event");
    add_text(tail_app, "--since", tailed->since, "NUMBER",
             "begin after the event with this number; 0: with the oldest");
    add_texts(tail_app, "--type", tailed->types, "PATTERN", types_help);
}

}  // namespace taskd::cli
