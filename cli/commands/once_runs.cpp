// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/times.h"
#include "core/rfc3339.h"
#include "core/text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>

namespace taskd::cli {
namespace {

using core::Run;
using core::RunState;

constexpr std::size_t lines_shown = 20;
constexpr std::size_t bytes_shown = 4096;

Paint paint_of(RunState state) {
    switch (state) {
    case RunState::running:
        return Paint::bold;
    case RunState::succeeded:
        return Paint::green;
    case RunState::failed:
    case RunState::abandoned:
        return Paint::red;
    }
    return Paint::none;
}

std::string took(std::chrono::milliseconds span) {
    return span < std::chrono::seconds{10} ? std::to_string(span.count()) + " ms"
                                           : rough_span(span);
}

/// Text without what it has more than `bytes_shown` at its end; no letter is cut in two.
std::string end_of(std::string text) {
    if (text.size() <= bytes_shown) return text;
    auto first = text.size() - bytes_shown;
    const auto is_inside = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; };
    for (int steps = 0; steps < 3 && is_inside(text[first]); ++steps) ++first;
    return "[...]" + text.substr(first);
}

/// The last lines of what is kept of an output.
std::string tail_of(const std::vector<core::RunOutput>& output) {
    std::string all;
    for (const auto& part : output) all += part.bytes;
    auto lines = core::split(all, '\n');
    if (!lines.empty() && lines.back().empty()) lines.pop_back();
    const auto first = lines.size() > lines_shown ? lines.size() - lines_shown : 0;
    std::string text;
    for (auto line = first; line < lines.size(); ++line)
        text += (text.empty() ? "" : "\n") + lines[line];
    return end_of(std::move(text));
}

int show(Context& context, const Words& words) {
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto answer = client->call(ipc::RunGet{words[0]});
    if (!answer) return context.fail(answer.error());
    Screen& screen = context.screen();
    const Run& run = answer->value.run;
    if (screen.json()) {
        screen.print_json(answer->json);
        return 0;
    }
    if (screen.quiet()) {
        screen.print(std::string(core::to_string(run.state)) + "\n");
        return 0;
    }
    const auto time = [&](core::Timestamp at) {
        return screen.plain() ? core::format_utc(at)
                              : stamp(at, context.zone()) + ", " + distance(at, context.now());
    };
    const bool has_result = run.state == RunState::succeeded || run.state == RunState::failed;
    std::vector<Field> fields;
    const auto add = [&](const char* name, std::string text, Paint paint = Paint::none) {
        fields.push_back({name, {std::move(text), paint}});
    };
    add("key", run.key, Paint::bold);
    add("command", shell_words(run.command));
    add("state", std::string(core::to_string(run.state)), paint_of(run.state));
    if (has_result) add("status", std::to_string(run.status));
    add("started", time(run.started));
    if (run.finished) add("finished", time(*run.finished));
    if (has_result) add("took", took(run.took));
    add("holder", run.holder);
    add("fence", std::to_string(run.fence));
    if (run.holders > 1) add("holders", std::to_string(run.holders));
    add(run.state == RunState::running ? "lease until" : "kept until", time(run.until));
    std::int64_t kept = 0;
    for (const auto& part : answer->value.output)
        kept += static_cast<std::int64_t>(part.bytes.size());
    if (has_result)
        add("output", counted(run.output_bytes, "byte", "bytes") +
                          (kept == run.output_bytes
                               ? ""
                               : ", of which the first " + std::to_string(kept) + " are kept"));
    if (const auto tail = tail_of(answer->value.output); !tail.empty()) add("printed", tail);
    screen.print_fields(fields);
    return 0;
}

constexpr std::int64_t limit_max = 1000;

struct ListGiven {
    std::string state;
    std::string limit;
};

void print_table(Context& context, const std::vector<Run>& runs) {
    Screen& screen = context.screen();
    const bool plain = screen.plain_lists();
    Table table{{{"KEY", false, true},
                 {"STATE"},
                 {"STATUS", true},
                 {"STARTED"},
                 {"TOOK", true},
                 {"COMMAND", false, true}},
                {}};
    for (const auto& run : runs) {
        const bool has_result = run.state == RunState::succeeded || run.state == RunState::failed;
        table.rows.push_back(
            {{run.key, Paint::bold},
             {std::string(core::to_string(run.state)), paint_of(run.state)},
             {has_result ? std::to_string(run.status) : ""},
             {plain ? core::format_utc(run.started) : stamp(run.started, context.zone())},
             {has_result ? took(run.took) : ""},
             {shell_words(run.command)}});
    }
    screen.print_list(table);
    if (runs.empty()) screen.hint("No runs. Make one with: taskctl once KEY -- COMMAND");
}

int list(Context& context, const ListGiven& given, const Words& words) {
    ipc::RunList request;
    if (!words.empty()) request.prefix = words[0];
    if (!given.state.empty()) {
        const auto state = core::run_state_from(given.state);
        if (!state) return context.fail(state.error());
        request.state = *state;
    }
    if (!given.limit.empty()) {
        const auto limit = number_from("limit", given.limit, 1, limit_max);
        if (!limit) return context.fail(limit.error());
        request.limit = *limit;
    }
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const std::int64_t wanted = request.limit;
    request.limit = std::min(wanted + 1, limit_max);  // one more tells whether there are more
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());
    Screen& screen = context.screen();
    auto runs = answer->value.runs;
    auto shown = answer->json;
    const auto has_more = static_cast<std::int64_t>(runs.size()) > wanted;
    if (has_more) {
        runs.pop_back();
        shown["runs"].erase(shown["runs"].size() - 1);
    }
    if (screen.one_line_json()) {
        for (const auto& run : shown["runs"]) screen.print_json(run);
    } else if (screen.json()) {
        screen.print_json(shown);
    } else if (screen.quiet()) {
        for (const auto& run : runs) screen.print(visible(run.key) + "\n");
    } else {
        print_table(context, runs);
    }
    screen.flush();
    std::string more;
    if (has_more)
        more = std::to_string(wanted) + " shown, there are more; --limit N shows up to " +
               std::to_string(limit_max);
    else if (static_cast<std::int64_t>(runs.size()) == limit_max)
        more = std::to_string(limit_max) +
               " shown, and there may be more; PREFIX and --state show fewer";
    // Whoever said no number may take these for all.
    if (!more.empty() && screen.quiet() && given.limit.empty())
        screen.warn(more);
    else if (!more.empty())
        screen.note(more);
    return 0;
}
int forget(Context& context, const std::string& key, bool by_force, const Words& words) {
    auto client = context.client(key_from(key));
    if (!client) return context.fail(client.error());
    ipc::RunForget request{words[0]};
    if (by_force) {
        const auto known = client->call(ipc::RunGet{words[0]});
        if (!known) return context.fail(known.error());
        request.fence = known->value.run.fence;
    }
    const auto answer = client->call(request);
    if (!answer) {
        core::Error error = answer.error();
        if (error.reason == core::Reason::failed_precondition && !by_force)
            error.hint = "taskctl once forget --force " + shell_words({words[0]}) +
                         ", if its holder is known to be dead";
        return context.fail(error);
    }
    Screen& screen = context.screen();
    context.note_replay(answer->replayed);
    if (screen.json())
        screen.print_json(answer->json);
    else if (screen.quiet())
        screen.print(visible(answer->value.key) + "\n");
    else
        screen.print("Forgot " + visible(answer->value.key) + ": " +
                     visible(shell_words(answer->value.command)) + "\n");
    return 0;
}

}  // namespace

void register_once_runs(CommandLine& line) {
    line.add({.name = "once status",
              .section = "Scripts",
              .summary = "show what became of a key",
              .usage = "KEY",
              .words_min = 1,
              .words_max = 1,
              .examples = {"once status deploy-v42", "once status deploy-v42 -o json"},
              .details = "With what was printed: its last lines, or with -o json all that is kept.",
              .run = [](Context& context, const Words& words) { return show(context, words); }});

    const auto given = std::make_shared<ListGiven>();
    auto& list_app = line.add({.name = "once list",
                               .section = "Scripts",
                               .summary = "list keys, the newest first",
                               .usage = "[PREFIX]",
                               .words_max = 1,
                               .examples = {"once list", "once list deploy- --state failed"},
                               .details = "PREFIX is the beginning of the keys.",
                               .run = [given](Context& context, const Words& words) {
                                   return list(context, *given, words);
                               }});
    add_text(list_app, "--state", given->state, "STATE",
             "only running, succeeded, failed or abandoned ones");
    add_text(list_app, "--limit", given->limit, "N", "at most so many, up to 1000 (default 20)");

    const auto key = std::make_shared<std::string>();
    const auto by_force = std::make_shared<bool>(false);
    auto& forget_app =
        line.add({.name = "once forget",
                  .section = "Scripts",
                  .summary = "forget a key, so that its command may run again",
                  .usage = "KEY",
                  .words_min = 1,
                  .words_max = 1,
                  .examples = {"once forget deploy-v42"},
                  .details = "One that is being run is kept, unless --force says that its "
                             "holder is known to be dead.",
                  .run = [key, by_force](Context& context, const Words& words) {
                      return forget(context, *key, *by_force, words);
                  }});
    add_switch(forget_app, "--force", *by_force, "also one whose lease has not run out");
    add_key(forget_app, *key);
}

}  // namespace taskd::cli
