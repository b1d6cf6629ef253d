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

constexpr std::size_t id_shown = 8;  // enough to tell tasks apart, and to type

Paint paint_of(core::DeliveryState state) {
    switch (state) {
    case core::DeliveryState::succeeded:
        return Paint::green;
    case core::DeliveryState::dead:
        return Paint::red;
    case core::DeliveryState::pending:
    case core::DeliveryState::running:
        break;
    }
    return Paint::yellow;
}

/// The channel, or who is asked for what.
std::string where_of(const core::Delivery& delivery) {
    if (!delivery.call) return delivery.channel;
    return std::string(core::to_string(delivery.call->kind)) + " " + delivery.call->target + " " +
           delivery.call->method;
}

std::string result_of(Context& context, const core::Delivery& delivery) {
    std::string text = delivery.result;
    if (delivery.state == core::DeliveryState::pending && delivery.next_attempt &&
        delivery.attempts > 0)
        text += (text.empty() ? "" : "; ") + std::string("next try ") +
                distance(*delivery.next_attempt, context.now());
    return text;
}

int run(Context& context, const std::string& limit) {
    ipc::DeliveryList request;
    if (!limit.empty()) {
        const auto number = number_from("limit", limit, 1, 1000);
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
    if (deliveries.empty())
        screen.hint("no deliveries yet; they begin when a reminder goes off, or with --durable");
    return 0;
}

}  // namespace

Table delivery_table(Context& context, const std::vector<core::Delivery>& deliveries) {
    const bool plain = context.screen().plain_lists();
    Table table{{{"TIME", false},
                 {"CHANNEL", false, true},
                 {"STATE", false},
                 {"TRIES", true},
                 {"TASK", false},
                 {"RESULT", false, true}},
                {}};
    for (const auto& delivery : deliveries) {
        const auto& task = delivery.task.str();
        table.rows.push_back(
            {{plain ? core::format_utc(delivery.created) : stamp(delivery.created, context.zone())},
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
    for (const auto& attempt : delivery.log)
        out += "  " + stamp(attempt.at, context.zone()) + "  " + visible(attempt.result) + "\n";
    if (!delivery.output.empty()) out += visible(delivery.output) + "\n";
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
    const auto limit = std::make_shared<std::string>();
    auto& app =
        line.add({.name = "deliveries",
                  .section = "Reminders",
                  .summary = "list what was sent to channels and apps, newest first",
                  .examples = {"deliveries", "deliveries --limit 100 -o jsonl"},
                  .run = [limit](Context& context, const Words&) { return run(context, *limit); }});
    add_text(app, "--limit", *limit, "N", "at most so many, up to 1000 (default 20)");
}

}  // namespace taskd::cli
