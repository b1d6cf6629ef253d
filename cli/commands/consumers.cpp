// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/consumer_flags.h"
#include "cli/commands/consumer_text.h"
#include "cli/times.h"
#include "core/rfc3339.h"
#include "core/span.h"
#include "core/text.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace taskd::cli {
namespace {

std::string number_or_nothing(std::int64_t number, bool plain) {
    return number == 0 && !plain ? "" : std::to_string(number);
}

int list(Context& context) {
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto answer = client->call(ipc::ConsumerList{});
    if (!answer) return context.fail(answer.error());

    Screen& screen = context.screen();
    const bool plain = screen.plain_lists();
    const auto& consumers = answer->value.consumers;
    Table table{{{"NAME", false, true},
                 {"LAG", true},
                 {"OLDEST", true},
                 {"IN FLIGHT", true},
                 {"WAITING", true},
                 {"HELD", true},
                 {"DEAD", true},
                 {"CURSOR", true},
                 {"FILTER", false, true}},
                {}};
    for (const auto& view : consumers) {
        const std::string oldest =
            !view.oldest ? ""
            : plain
                ? core::format_utc(*view.oldest)
                : rough_span(std::max(context.now() - *view.oldest, std::chrono::milliseconds{0}));
        table.rows.push_back(
            {{view.name, Paint::bold},
             {std::to_string(view.lag), view.lag > 0 ? Paint::yellow : Paint::none},
             {oldest},
             {number_or_nothing(view.in_flight, plain)},
             {number_or_nothing(view.waiting, plain)},
             {number_or_nothing(view.held, plain)},
             {number_or_nothing(view.dead, plain), Paint::red},
             {std::to_string(view.cursor) + "/" + std::to_string(view.head)},
             {filter_words(view)}});
    }
    if (screen.one_line_json())
        for (const auto& consumer : answer->json.at("consumers")) screen.print_json(consumer);
    else if (screen.json())
        screen.print_json(answer->json);
    else if (screen.quiet())
        for (const auto& view : consumers) screen.print(visible(view.name) + "\n");
    else
        screen.print_list(table);
    if (consumers.empty())
        screen.hint("no consumers; taskctl events consume --group NAME -- COMMAND makes one");
    return 0;
}

int show(Context& context, const Words& words) {
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto answer = client->call(ipc::ConsumerList{});
    if (!answer) return context.fail(answer.error());
    const auto& consumers = answer->value.consumers;
    const auto found = std::find_if(consumers.begin(), consumers.end(),
                                    [&](const auto& view) { return view.name == words.at(0); });
    if (found == consumers.end()) {
        std::vector<std::string> names;
        for (const auto& view : consumers) names.push_back(view.name);
        const auto near = core::nearest(words.at(0), names);
        return context.fail({core::Reason::not_found,
                             "there is no consumer \"" + core::clipped(words.at(0), 64) + "\"",
                             "name",
                             near.empty() ? "taskctl consumers list shows those that there are"
                                          : "did you mean \"" + near + "\"?"});
    }
    show_consumer(
        context,
        answer->json.at("consumers").at(static_cast<std::size_t>(found - consumers.begin())),
        *found);
    return 0;
}

std::string patterns(const std::vector<std::string>& given) {
    return given.empty() ? "" : core::join(given, "\n");
}

}  // namespace

std::string span_words(std::int64_t milliseconds) {
    if (milliseconds % 1000 != 0) return std::to_string(milliseconds) + "ms";
    return core::format_span(std::chrono::seconds{milliseconds / 1000});
}

void show_consumer(Context& context, const nlohmann::json& json, const ipc::ConsumerView& view) {
    Screen& screen = context.screen();
    if (screen.json()) return screen.print_json(json);
    if (screen.quiet()) return screen.print(visible(view.name) + "\n");
    std::vector<Field> fields{{"name", {view.name, Paint::bold}}};
    const auto add = [&](const std::string& name, const std::string& text) {
        if (!text.empty() || screen.plain()) fields.push_back({name, {text}});
    };
    const bool all = filter_words(view).empty();
    add("types", all && !screen.plain() ? "all events" : patterns(view.types));
    add("sources", patterns(view.sources));
    add("subjects", patterns(view.subjects));
    add("where", patterns(view.where));
    add("cursor", std::to_string(view.cursor) + " of " + std::to_string(view.head));
    add("lag", std::to_string(view.lag));
    if (view.oldest)
        add("oldest",
            screen.plain() ? core::format_utc(*view.oldest) : stamp(*view.oldest, context.zone()));
    add("in flight", std::to_string(view.in_flight) + " of " + std::to_string(view.max_in_flight));
    add("waiting", std::to_string(view.waiting));
    add("held", std::to_string(view.held));
    add("dead", std::to_string(view.dead));
    add("members", core::join(view.members, "\n"));
    add("lease", span_words(view.lease_ms));
    add("attempts", std::to_string(view.attempts_max));
    add("backoff", span_words(view.backoff_ms) + " to " + span_words(view.backoff_max_ms));
    screen.print_fields(fields);
}

void register_consumers(CommandLine& line) {
    line.add({.name = "consumers",
              .section = "Events",
              .summary = "groups of commands that events are handed to",
              .examples = {"consumers list", "consumers show mail"},
              .run = {}});
    line.add({.name = "consumers list",
              .section = "Events",
              .summary = "list consumers, how far they are and what they wait for",
              .examples = {"consumers list"},
              .details = "LAG is how many events are behind the cursor, wanted or not; HELD ones "
                         "wait for an earlier one of their subject.",
              .run = [](Context& context, const Words&) { return list(context); }});
    line.add({.name = "consumers show",
              .section = "Events",
              .summary = "show all of a consumer",
              .usage = "NAME",
              .words_min = 1,
              .words_max = 1,
              .examples = {"consumers show mail"},
              .run = show});
}

}  // namespace taskd::cli
