// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/delivery_table.h"
#include "cli/exit_code.h"
#include "core/span.h"
#include "core/text.h"

#include <nlohmann/json.hpp>

#include <memory>

namespace taskd::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds poll{20'000};

/// The exit status for what became of a delivery.
int status_of(const core::Delivery& delivery) {
    if (delivery.state == core::DeliveryState::succeeded) return 0;
    if (!delivery.call || delivery.call->kind == core::Call::Kind::email) return 1;
    if (delivery.status >= 500) return exit_callee_5xx;
    if (delivery.status >= 400) return exit_callee_4xx;
    if (delivery.status > 0) return 1;  // answered, but of no use
    return exit_sidecar;
}

int show(Context& context, const ipc::Answer<core::Delivery>& answer) {
    Screen& screen = context.screen();
    const auto& delivery = answer.value;
    if (screen.json())
        screen.print_json(answer.json);
    else if (screen.quiet())
        screen.print(std::string(core::to_string(delivery.state)) + "\n");
    else
        screen.print(delivery_report(context, delivery));
    return status_of(delivery);
}

}  // namespace

int wait_for_delivery(Context& context, const std::string& reference, const std::string& patience) {
    std::optional<steady_clock::time_point> until;
    if (!patience.empty()) {
        const auto span = core::parse_span("for", patience);
        if (!span) return context.fail(span.error());
        until = steady_clock::now() + *span;
    }
    auto client = context.client();
    if (!client) return context.fail(client.error());
    // The head is read first: an end that comes after it is seen by the read that waits.
    auto page = client->call(ipc::EventList{{"delivery.*"}, 1, 0});
    if (!page) return context.fail(page.error());
    std::int64_t after = page->value.head;
    std::string id = reference;
    for (;;) {
        const auto answer = client->call(ipc::DeliveryGet{id});
        if (!answer) return context.fail(answer.error());
        if (answer->value.finished) return show(context, *answer);
        id = answer->value.id.str();
        auto wait = std::min(poll, context.settings().timeout / 2);
        if (until)
            wait = std::min(wait,
                            std::chrono::duration_cast<milliseconds>(*until - steady_clock::now()));
        if (wait <= milliseconds{0})
            return context.fail({core::Reason::deadline_exceeded,
                                 "delivery " + id + " is not finished after " +
                                     core::clipped(patience, 64) + ": " +
                                     std::to_string(answer->value.attempts) + " attempts so far",
                                 {},
                                 "it goes on; wait again, or see taskctl deliveries"});
        ipc::EventRead read;
        read.after = after;
        read.types = {"delivery.*"};
        read.wait_ms = wait.count();
        page = client->call(read);
        if (!page) return context.fail(page.error());
        after = page->value.next;
    }
}

void register_wait(CommandLine& line) {
    const auto patience = std::make_shared<std::string>();
    auto& app =
        line.add({.name = "wait",
                  .section = "Dapr",
                  .summary = "wait until a delivery is finished",
                  .usage = "DELIVERY",
                  .words_min = 1,
                  .words_max = 1,
                  .examples = {"wait 0193f0aa", "wait 0193f0aa --for 5m -o json"},
                  .details = "DELIVERY is what invoke or publish said with --durable, or its first "
                             "4 or more characters. Exit status: 0 it succeeded; 8 or 9 the app "
                             "answered 4xx or 5xx in the end; 10 it was given up without an answer "
                             "of the app; 7 it is not finished after --for.",
                  .run = [patience](Context& context, const Words& words) {
                      return wait_for_delivery(context, words[0], *patience);
                  }});
    add_text(app, "--for", *patience, "SPAN", "wait no longer than this (default for ever)");
}

}  // namespace taskd::cli
