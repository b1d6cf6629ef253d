// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/delivery_table.h"
#include "cli/times.h"
#include "core/rfc3339.h"
#include "core/text.h"

#include <nlohmann/json.hpp>

#include <memory>

namespace taskd::cli {
namespace {

using core::Result;

constexpr std::size_t id_shown = 8;          // enough to tell tasks apart, and to type
constexpr std::size_t id_prefix_shown = 18;  // of a UUIDv7: the time, and 12 bits that are random

/// The channel, or who is asked for what.
std::string where_of(const core::Delivery& delivery) {
    if (!delivery.call) return delivery.channel;
    return std::string(core::to_string(delivery.call->kind)) + " " + delivery.call->target + " " +
           delivery.call->method;
}

std::string result_of(Context& context, const core::Delivery& delivery) {
    std::string text = delivery.result;
    const bool waits = delivery.state == core::DeliveryState::pending && delivery.next_attempt &&
                       *delivery.next_attempt > context.now();
    if (waits)
        text += (text.empty() ? "" : "; ") + std::string("next try ") +
                distance(*delivery.next_attempt, context.now());
    return text;
}

struct Given {
    std::string limit;
    std::string task;
    bool failed = false;
};

struct Retry {
    std::string task;
    std::string key;
    bool failed = false;
};

int show_one(Context& context, const std::string& reference) {
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto answer = client->call(ipc::DeliveryGet{reference});
    if (!answer) return context.fail(answer.error());
    Screen& screen = context.screen();
    if (screen.json())
        screen.print_json(answer->json);
    else if (screen.quiet())
        screen.print(std::string(core::to_string(answer->value.state)) + "\n");
    else
        screen.print(delivery_report(context, answer->value));
    return 0;
}

/// The ids of the dead ones, up to as many as one list has.
Result<Words> failed_ones(ipc::Client& client, const std::string& task) {
    ipc::DeliveryList request;
    request.failed = true;
    request.task = task;
    request.limit = 1000;
    const auto answer = client.call(request);
    if (!answer) return tl::unexpected(answer.error());
    Words ids;
    for (const auto& delivery : answer->value.deliveries) ids.push_back(delivery.id.str());
    return ids;
}

int retry(Context& context, const Retry& given, const Words& words) {
    const bool failed = given.failed;
    if (failed != words.empty())
        return context.fail({core::Reason::invalid_argument,
                             failed ? "--failed goes without ids" : "name a delivery, or --failed",
                             "delivery", "taskctl deliveries --failed shows them"});
    if (!failed && !given.task.empty())
        return context.fail(
            {core::Reason::invalid_argument, "--task goes with --failed", "task", ""});
    auto client = context.client(key_from(given.key));
    if (!client) return context.fail(client.error());
    Words ids = words;
    if (failed) {
        auto found = failed_ones(*client, given.task);
        if (!found) return context.fail(found.error());
        ids = std::move(*found);
    }
    int status = 0;
    for (const auto& id : ids) {
        const auto answer = client->call(ipc::DeliveryRetry{id});
        // What is done meanwhile is not to be told any more.
        if (!answer && failed && answer.error().field == "task") {
            context.screen().note("Left delivery " + id + ": " + answer.error().message);
            continue;
        }
        if (!answer) {
            status = context.fail(answer.error());
            continue;
        }
        context.note_replay(answer->replayed);
        Screen& screen = context.screen();
        if (screen.json())
            screen.print_json(answer->json);
        else if (screen.quiet())
            screen.print(answer->value.id.str() + "\n");
        else
            screen.print("Trying delivery " + answer->value.id.str() +
                         " again: " + visible(where_of(answer->value)) + "\n");
    }
    if (ids.empty()) context.screen().hint("no delivery has failed");
    return status;
}

int run(Context& context, const Given& given, const Words& words) {
    if (!words.empty()) return show_one(context, words[0]);
    ipc::DeliveryList request;
    request.failed = given.failed;
    request.task = given.task;
    if (!given.limit.empty()) {
        const auto number = number_from("limit", given.limit, 1, 1000);
        if (!number) return context.fail(number.error());
        request.limit = *number;
    }
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());

    Screen& screen = context.screen();
    const auto& deliveries = answer->value.deliveries;
    if (screen.one_line_json())
        for (const auto& delivery : answer->json.at("deliveries")) screen.print_json(delivery);
    else if (screen.json())
        screen.print_json(answer->json);
    else if (screen.quiet())
        for (const auto& delivery : deliveries) screen.print(delivery.id.str() + "\n");
    else
        screen.print_list(delivery_table(context, deliveries));
    if (deliveries.empty() && given.failed)
        screen.hint("no delivery has failed");
    else if (deliveries.empty())
        screen.hint("no deliveries yet; they begin when a reminder goes off, or with --durable");
    return 0;
}

}  // namespace

Paint paint_of(core::DeliveryState state) {
    switch (state) {
    case core::DeliveryState::succeeded:
        return Paint::green;
    case core::DeliveryState::dead:
        return Paint::red;
    case core::DeliveryState::suppressed:
        return Paint::dim;
    case core::DeliveryState::pending:
    case core::DeliveryState::running:
        break;
    }
    return Paint::yellow;
}

Table delivery_table(Context& context, const std::vector<core::Delivery>& deliveries) {
    const bool plain = context.screen().plain_lists();
    Table table{{{"ID", false},
                 {"TIME", false},
                 {"CHANNEL", false, true},
                 {"STATE", false},
                 {"TRIES", true},
                 {"TASK", false},
                 {"RESULT", false, true}},
                {}};
    for (const auto& delivery : deliveries) {
        const auto& task = delivery.task.str();
        table.rows.push_back(
            {{plain ? delivery.id.str() : delivery.id.str().substr(0, id_prefix_shown)},
             {plain ? core::format_utc(delivery.created) : stamp(delivery.created, context.zone())},
             {where_of(delivery)},
             {std::string(core::to_string(delivery.state)), paint_of(delivery.state)},
             {std::to_string(delivery.attempts)},
             {plain ? task : task.substr(0, id_shown)},
             {result_of(context, delivery)}});
    }
    return table;
}

std::string delivery_report(Context& context, const core::Delivery& delivery) {
    const auto& style = context.screen().style();
    std::string out = "Delivery " + delivery.id.str() + " " +
                      painted(core::to_string(delivery.state), paint_of(delivery.state), style) +
                      " after " + counted(delivery.attempts, "try", "tries") + ": " +
                      visible(where_of(delivery)) + "\n";
    if (!delivery.task.empty()) out += "  task " + delivery.task.str() + "\n";
    out += "  since " + stamp(delivery.created, context.zone()) + "\n";
    for (const auto& attempt : delivery.log)
        out += "  " + stamp(attempt.at, context.zone()) + "  " + visible(attempt.result) + ", " +
               std::to_string(attempt.took.count()) + " ms\n";
    if (!delivery.revoked.empty()) out += "  not needed any more: " + delivery.revoked + "\n";
    const auto ends_with_attempt =
        !delivery.log.empty() && delivery.log.back().result == delivery.result;
    if (!delivery.result.empty() && !ends_with_attempt)
        out += "  " + visible(delivery.result) + "\n";
    if (!delivery.digest.empty()) out += "  in the digest " + delivery.digest.str() + "\n";
    if (delivery.state == core::DeliveryState::pending && delivery.next_attempt)
        out += "  next try " + stamp(*delivery.next_attempt, context.zone()) + ", " +
               distance(*delivery.next_attempt, context.now()) + "\n";
    for (const auto& line : core::split(delivery.output, '\n'))
        if (!line.empty()) out += "    " + visible(line) + "\n";
    return out;
}

std::string delivery_lines(Context& context, const std::vector<core::Delivery>& deliveries) {
    std::string out;
    for (const auto& delivery : deliveries) {
        const auto& style = context.screen().style();
        out += "  " + stamp(delivery.created, context.zone()) + "  " + visible(where_of(delivery)) +
               "  " + painted(core::to_string(delivery.state), paint_of(delivery.state), style) +
               " after " + counted(delivery.attempts, "try", "tries");
        const auto result = visible(result_of(context, delivery));
        out += (result.empty() ? "" : ": " + result) + "\n";
    }
    return out;
}

void register_deliveries(CommandLine& line) {
    const auto given = std::make_shared<Given>();
    auto& app = line.add(
        {.name = "deliveries",
         .section = "Reminders",
         .summary = "list what was sent to channels and apps, newest first",
         .usage = "[DELIVERY]",
         .words_max = 1,
         .examples = {"deliveries", "deliveries --failed", "deliveries --limit 100 -o jsonl"},
         .details = "With DELIVERY, the beginning of an id, that one with all its "
                    "attempts.",
         .run = [given](Context& context, const Words& words) {
             return run(context, *given, words);
         }});
    add_text(app, "--limit", given->limit, "N", "at most so many, up to 1000 (default 20)");
    add_switch(app, "--failed", given->failed, "those that were given up");
    add_text(app, "--task", given->task, "TASK", "those of one task");

    const auto retried = std::make_shared<Retry>();
    auto& again = line.add({.name = "deliveries retry",
                            .section = "Reminders",
                            .summary = "try deliveries again that were given up",
                            .usage = "[DELIVERY...]",
                            .words_max = any_number,
                            .examples = {"deliveries retry 0193f0aa", "deliveries retry --failed"},
                            .details = "From the first attempt on, under the same id, which is its "
                                       "Idempotency-Key.",
                            .run = [retried](Context& context, const Words& words) {
                                return retry(context, *retried, words);
                            }});
    add_switch(again, "--failed", retried->failed, "the newest 1000 that were given up");
    add_text(again, "--task", retried->task, "TASK", "with --failed: those of one task");
    add_key(again, retried->key);
}

}  // namespace taskd::cli
