// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/times.h"
#include "core/rfc3339.h"
#include "core/rrule.h"

#include <nlohmann/json.hpp>

#include <memory>

namespace taskd::cli {
namespace {

constexpr std::size_t id_shown = 8;  // enough to tell series apart, and to type

struct Given {
    bool ended = false;
    std::string limit;
    std::string offset;
};

Table table_of(Context& context, const std::vector<ipc::SeriesView>& views) {
    const bool plain = context.screen().plain_lists();
    Table table{{{"ID", false},
                 {"TASK", true},
                 {"NEXT", false},
                 {"RULE", false, true},
                 {"SUMMARY", false, true},
                 {"ZONE", false},
                 {"STATE", false}},
                {}};
    for (const auto& view : views) {
        const auto& series = view.series;
        Cell next;
        if (view.next)
            next = {plain ? core::format(*view.next)
                          : due_words(*view.next, context.now(), context.zone()),
                    is_overdue(*view.next, context.now()) ? Paint::red : Paint::none};
        const auto since = series.ended ? series.ended : series.paused;
        const std::string state =
            !since ? ""
                   : std::string(series.ended ? "ended " : "paused ") +
                         (plain ? core::format_utc(*since) : moment(*since, context.zone()));
        // A zone is worth a column only where it is not the reader's own.
        const bool foreign = series.tzid != context.zone().name();
        table.rows.push_back({{plain ? series.id.str() : series.id.str().substr(0, id_shown)},
                              {view.open_task == 0 ? "" : std::to_string(view.open_task)},
                              next,
                              {plain ? core::format_rrule(series.rule) : view.words},
                              {series.content.summary},
                              {plain || foreign ? series.tzid : ""},
                              {state}});
    }
    return table;
}

int list(Context& context, const Given& given) {
    ipc::SeriesList request;
    request.ended = given.ended;
    if (!given.limit.empty()) {
        const auto limit = number_from("limit", given.limit, 1, core::page_max);
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
    const auto& page = answer->value;
    if (screen.one_line_json())
        for (const auto& series : answer->json.at("series")) screen.print_json(series);
    else if (screen.json())
        screen.print_json(answer->json);
    else if (screen.quiet())
        for (const auto& view : page.series) screen.print(view.series.id.str() + "\n");
    else
        screen.print_list(table_of(context, page.series));
    screen.flush();
    const auto shown = static_cast<std::int64_t>(page.series.size());
    if (shown == 0) screen.hint("no series; taskctl add SUMMARY --every WORDS adds one");
    if (shown > 0 && page.total > shown)
        screen.note("showing " +
                    (request.offset == 0 ? std::to_string(shown)
                                         : std::to_string(request.offset + 1) + " to " +
                                               std::to_string(request.offset + shown)) +
                    " of " + std::to_string(page.total) + " series" +
                    "; --limit and --offset give the others");
    return 0;
}

}  // namespace

void register_series(CommandLine& line) {
    line.add({.name = "series",
              .section = "Series",
              .summary = "recurring tasks",
              .examples = {"series list", "series pause 1 --note \"on holiday\""},
              .run = {}});
    const auto given = std::make_shared<Given>();
    auto& app = line.add(
        {.name = "series list",
         .section = "Series",
         .summary = "list series with their rules and next slots",
         .examples = {"series list", "series list --ended -o json"},
         .run = [given](Context& context, const Words&) { return list(context, *given); }});
    add_switch(app, "--ended", given->ended, "the ended ones too");
    add_text(app, "--limit", given->limit, "N", "at most so many, up to 1000 (default 100)");
    add_text(app, "--offset", given->offset, "N", "leave out so many at the beginning");
}

}  // namespace taskd::cli
