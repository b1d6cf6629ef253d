// SPDX-License-Identifier: Apache-2.0
// taskctl runs: how the commands of tasks went.
#include "cli/commands/command_flags.h"
#include "cli/commands/commands.h"
#include "cli/commands/delivery_table.h"
#include "cli/event_place.h"
#include "cli/times.h"
#include "core/rfc3339.h"
#include "core/text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>

namespace taskd::cli {
namespace {

using core::Delivery;
using core::DeliveryState;

constexpr std::size_t id_shown = 18;     // of a UUIDv7: the time, and 12 bits that are random
constexpr std::size_t id_typed_min = 8;  // all digits and shorter than this is a task's number
constexpr std::int64_t runs_max = 1000;

/// A run's state in the words that `once` has too.
std::string state_words(const Delivery& run) {
    switch (run.state) {
    case DeliveryState::dead:
        return "failed";
    case DeliveryState::suppressed:
        return "cancelled";
    case DeliveryState::pending:
        return run.attempts == 0 ? "waiting" : "retrying";
    case DeliveryState::succeeded:
    case DeliveryState::running:
        break;
    }
    return std::string(core::to_string(run.state));
}

std::optional<core::Timestamp> first_start(const Delivery& run) {
    if (run.log.empty()) return run.started;
    return run.log.front().at - run.log.front().took;
}

std::string slot_of(Context& context, const Delivery& run) {
    if (run.planned) return stamp(*run.planned, context.zone());
    return run.call->verb;
}

std::string late_words(const Delivery& run) {
    const auto start = first_start(run);
    const bool is_by_slot = run.call->verb == core::run_by_slot;
    if (!start || !run.planned || !is_by_slot) return "";
    const auto late = *start - *run.planned;
    return late < std::chrono::seconds{1} ? "on time" : rough_span(late);
}

std::string took_words(const Delivery& run) {
    if (run.log.empty()) return "";
    const auto took = run.log.back().took;
    return took < std::chrono::seconds{1} ? std::to_string(took.count()) + "ms" : rough_span(took);
}

std::string result_words(Context& context, const Delivery& run) {
    if (run.state == DeliveryState::running)
        return run.attempts > 1 ? "attempt " + std::to_string(run.attempts) : "";
    std::string text = run.result;
    if (run.state == DeliveryState::pending && run.next_attempt &&
        *run.next_attempt > context.now())
        text += (text.empty() ? "" : "; ") + std::string("next try ") +
                distance(*run.next_attempt, context.now());
    return text;
}

Table table_of(Context& context, const std::vector<Delivery>& runs) {
    const bool plain = context.screen().plain_lists();
    Table table{{{"RUN", false},
                 {"SLOT", false},
                 {"STATE", false},
                 {"LATE", true},
                 {"TOOK", true},
                 {"TASK", false, true},
                 {"RESULT", false, true}},
                {}};
    for (const auto& run : runs)
        table.rows.push_back(
            {{plain ? run.id.str() : run.id.str().substr(0, id_shown)},
             {plain && run.planned ? core::format_utc(*run.planned) : slot_of(context, run)},
             {state_words(run), paint_of(run.state)},
             {late_words(run)},
             {took_words(run)},
             {run.call->summary},
             {result_words(context, run)}});
    return table;
}

std::string why_words(const Delivery& run) {
    const auto& why = run.call->verb;
    if (why == core::run_by_slot) return "its time had come";
    if (why == core::run_by_start) return "its task was started by hand";
    if (why == core::run_by_trigger) return "it was triggered, beside its schedule";
    if (why == core::run_by_backfill) return "its slot of the past was wanted";
    return why;
}

std::string report(Context& context, const Delivery& run) {
    const auto at = [&](core::Timestamp time) { return stamp(time, context.zone()); };
    std::string out = "Run " + run.id.str() + " " +
                      painted(state_words(run), paint_of(run.state), context.screen().style()) +
                      "\n";
    const auto line = [&](const std::string& name, const std::string& text) {
        constexpr std::size_t width = 10;
        if (!text.empty()) out += "  " + name + std::string(width - name.size(), ' ') + text + "\n";
    };
    line("task", visible(run.call->summary));
    line("command", visible(run.call->method));
    line("why", why_words(run));
    line("slot", run.recurrence_id);
    if (run.planned) line("planned", at(*run.planned));
    if (const auto start = first_start(run)) line("started", at(*start));
    line("late by", late_words(run));
    for (const auto& attempt : run.log)
        line("attempt", at(attempt.at) + "  " + visible(attempt.result) + ", " +
                            std::to_string(attempt.took.count()) + " ms");
    if (run.log.empty() || run.log.back().result != run.result) line("result", visible(run.result));
    if (!run.revoked.empty()) line("cancelled", visible(run.revoked));
    if (run.state == DeliveryState::pending && run.next_attempt)
        line("next try", at(*run.next_attempt) + ", " + distance(*run.next_attempt, context.now()));
    if (!run.task.empty()) line("task id", run.task.str());
    if (!run.output.empty()) out += "  output\n";
    for (const auto& text : core::split(run.output, '\n'))
        if (!text.empty()) out += "    " + visible(text) + "\n";
    return out;
}

struct Given {
    std::string limit;
    std::string since;
    bool failed = false;
};

int run(Context& context, const Given& given, const Words& words) {
    ipc::CommandRuns request;
    request.failed = given.failed;
    if (!words.empty()) request.task = words[0];
    if (!given.limit.empty()) {
        const auto number = number_from("limit", given.limit, 1, 1000);
        if (!number) return context.fail(number.error());
        request.limit = *number;
    }
    if (!given.since.empty()) {
        const auto since =
            event_place("since", given.since, PlaceOf::begin, context.now(), context.zone());
        if (!since) return context.fail(since.error());
        if (!since->time)
            return context.fail({core::Reason::invalid_argument,
                                 "since: \"" + visible(given.since) + "\" is not a time", "since",
                                 "taskctl runs --since 24h"});
        request.since = since->time;
    }
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());
    Screen& screen = context.screen();
    const auto& runs = answer->value.runs;
    if (screen.one_line_json())
        for (const auto& one : answer->json.at("runs")) screen.print_json(one);
    else if (screen.json())
        screen.print_json(answer->json);
    else if (screen.quiet())
        for (const auto& one : runs) screen.print(one.id.str() + "\n");
    else
        screen.print_list(table_of(context, runs));
    if (runs.empty())
        screen.hint(given.failed ? "no run has failed"
                                 : "no runs yet; taskctl add ... --run -- COMMAND schedules some");
    return 0;
}

bool is_task_number(const std::string& word) {
    return word.size() < id_typed_min && word.find_first_not_of("0123456789") == std::string::npos;
}

/// The newest run of a task: of one of a series that is open, the series' newest.
core::Result<std::string> newest_run_of(ipc::Client& client, const std::string& number) {
    const auto details = client.call(ipc::TaskGet{number});
    if (!details) return tl::unexpected(details.error());
    ipc::CommandRuns request;
    request.task = number;
    request.limit = runs_max;
    const auto answer = client.call(request);
    if (!answer) return tl::unexpected(answer.error());
    const auto& runs = answer->value.runs;
    const auto& task = details->value.task;
    const auto found = task.is_open() || task.series.empty()
                           ? runs.begin()
                           : std::find_if(runs.begin(), runs.end(),
                                          [&](const auto& run) { return run.task == task.id; });
    if (found != runs.end()) return found->id.str();
    return core::not_found(
        "run", "task " + number + " has no run",
        runs.empty() ? "taskctl runs lists all" : "taskctl runs " + number + " lists its series'");
}

/// What is said of the beginning of an id that is not that of one delivery.
core::Result<std::string> run_that_begins(ipc::Client& client, const std::string& beginning) {
    ipc::CommandRuns request;
    request.limit = runs_max;
    const auto answer = client.call(request);
    if (!answer) return tl::unexpected(answer.error());
    Words ids;
    for (const auto& run : answer->value.runs)
        if (run.id.str().rfind(beginning, 0) == 0) ids.push_back(run.id.str());
    if (ids.size() == 1) return ids.front();
    if (ids.empty())
        return core::invalid_argument("run",
                                      "\"" + core::clipped(beginning, 64) +
                                          "\" is neither a task's number nor the beginning of the "
                                          "id of a run",
                                      "taskctl runs shows the newest");
    std::sort(ids.begin(), ids.end());
    std::size_t needed = 0;
    for (std::size_t i = 1; i < ids.size(); ++i) {
        const auto& [end, other] =
            std::mismatch(ids[i].begin(), ids[i].end(), ids[i - 1].begin(), ids[i - 1].end());
        needed = std::max(needed, static_cast<std::size_t>(end - ids[i].begin()) + 1);
    }
    constexpr std::size_t candidates_shown = 4;
    Words shown;
    for (const auto& id : ids)
        if (shown.size() < candidates_shown) shown.push_back(id.substr(0, needed));
    return core::invalid_argument(
        "run",
        beginning + " is the beginning of " + std::to_string(ids.size()) + " runs' ids; " +
            std::to_string(needed) + " characters tell them apart",
        core::join(shown, ", ") + (shown.size() < ids.size() ? ", ..." : ""));
}

core::Result<ipc::Answer<core::Delivery>> find_run(ipc::Client& client, const std::string& word) {
    std::string id = word;
    if (is_task_number(word)) {
        auto newest = newest_run_of(client, word);
        if (!newest) return tl::unexpected(newest.error());
        id = std::move(*newest);
    }
    auto answer = client.call(ipc::DeliveryGet{id});
    if (answer || answer.error().reason != core::Reason::invalid_argument) return answer;
    const auto begins = run_that_begins(client, id);
    if (!begins) return tl::unexpected(begins.error());
    return client.call(ipc::DeliveryGet{*begins});
}

int show(Context& context, const Words& words) {
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto answer = find_run(*client, words[0]);
    if (!answer && answer.error().field == "delivery")
        return context.fail({answer.error().reason, "there is no run " + visible(words[0]), "run",
                             "taskctl runs shows the newest"});
    if (!answer) return context.fail(answer.error());
    Screen& screen = context.screen();
    if (!answer->value.is_run())
        return context.fail({core::Reason::failed_precondition,
                             "run: " + words[0] + " is no run of a command", "run",
                             "taskctl deliveries " + words[0]});
    if (screen.json())
        screen.print_json(answer->json);
    else if (screen.quiet())
        screen.print(state_words(answer->value) + "\n");
    else
        screen.print(report(context, answer->value));
    return 0;
}

struct Backfill {
    ipc::CommandBackfill request;
    std::string key;
};

int backfill(Context& context, const Backfill& given, const Words& words) {
    auto request = given.request;
    request.series = words[0];
    request.tz_default = context.zone_name();
    if (request.from.empty())
        return context.fail({core::Reason::invalid_argument, "from: is missing", "from",
                             "taskctl runs backfill 3 --from 2026-11-01 --to 2026-11-07"});
    if (request.to.empty()) request.to = "now";
    auto client = context.client(key_from(given.key));
    if (!client) return context.fail(client.error());
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());
    context.note_replay(answer->replayed);
    Screen& screen = context.screen();
    if (screen.json())
        screen.print_json(answer->json);
    else if (screen.quiet())
        screen.print(std::to_string(answer->value.count) + "\n");
    else if (answer->value.count == 0)
        screen.print("No slot of it is there that has passed\n");
    else
        screen.print("Began " + counted(answer->value.count, "run", "runs") +
                     " for slots of the past; taskctl runs shows them\n");
    return 0;
}

int trigger(Context& context, const std::string& key, const Words& words) {
    auto client = context.client(key_from(key));
    if (!client) return context.fail(client.error());
    const auto answer = client->call(ipc::CommandTrigger{words[0]});
    if (!answer) return context.fail(answer.error());
    context.note_replay(answer->replayed);
    Screen& screen = context.screen();
    const auto& begun = answer->value;
    if (screen.json())
        screen.print_json(answer->json);
    else if (screen.quiet())
        screen.print(begun.id.str() + "\n");
    else
        screen.print("Triggered " + visible(begun.call->summary) + "\n  taskctl runs show " +
                     begun.id.str().substr(0, id_shown) + "\n");
    return 0;
}

}  // namespace

std::string run_lines(Context& context, const std::vector<Delivery>& runs) {
    std::string out;
    for (const auto& run : runs) {
        const auto start = first_start(run);
        out += "  " + run.id.str().substr(0, id_shown) + "  " +
               stamp(start.value_or(run.created), context.zone()) + "  " +
               painted(state_words(run), paint_of(run.state), context.screen().style());
        const auto result = visible(result_words(context, run));
        out += (result.empty() ? "" : ": " + result) + "\n";
    }
    return out;
}

void register_runs(CommandLine& line) {
    const auto given = std::make_shared<Given>();
    auto& app = line.add({.name = "runs",
                          .section = "Scheduled commands",
                          .summary = "list the runs of tasks' commands, newest first",
                          .usage = "[TASK]",
                          .words_max = 1,
                          .examples = {"runs", "runs 3 --failed", "runs --since \"24 hours ago\""},
                          .details = "Of one TASK or its series, or of all. LATE is by how much a "
                                     "run began after its slot's time.",
                          .run = [given](Context& context, const Words& words) {
                              return run(context, *given, words);
                          }});
    add_text(app, "--limit", given->limit, "N", "at most so many, up to 1000 (default 20)");
    add_switch(app, "--failed", given->failed, "those that failed in the end");
    add_text(app, "--since", given->since, "WORDS", "those begun since then");

    line.add({.name = "runs show",
              .section = "Scheduled commands",
              .summary = "show one run: when, why, each attempt, and what it printed",
              .usage = "RUN|TASK",
              .words_min = 1,
              .words_max = 1,
              .examples = {"runs show 0193f0aa-7c3e-7", "runs show 3"},
              .details = "RUN is the beginning of an id, of which runs shows enough; TASK stands "
                         "for the newest run of a task. The end of what it printed is kept.",
              .run = show});

    const auto key = std::make_shared<std::string>();
    auto& once_more = line.add(
        {.name = "runs trigger",
         .section = "Scheduled commands",
         .summary = "run a task's command now, beside its schedule",
         .usage = "TASK",
         .words_min = 1,
         .words_max = 1,
         .examples = {"runs trigger 3"},
         .details = "Its next slot comes as it would have. taskctl start TASK runs the slot "
                    "itself, ahead of its time; deliveries retry RUN runs a failed one again.",
         .run = [key](Context& context, const Words& words) {
             return trigger(context, *key, words);
         }});
    add_key(once_more, *key);

    const auto past = std::make_shared<Backfill>();
    auto& again =
        line.add({.name = "runs backfill",
                  .section = "Scheduled commands",
                  .summary = "run a series' command for its slots of the past",
                  .usage = "TASK --from WORDS",
                  .words_min = 1,
                  .words_max = 1,
                  .examples = {"runs backfill 3 --from 2026-11-01 --to 2026-11-07"},
                  .details = "One run for each slot between the two, in order, with the slot's own "
                             "time in TASKD_RECURRENCE_ID; at most 1000.",
                  .run = [past](Context& context, const Words& words) {
                      return backfill(context, *past, words);
                  }});
    add_text(again, "--from", past->request.from, "WORDS", "the first slot's time, or before");
    add_text(again, "--to", past->request.to, "WORDS", "the last one's, or behind (default: now)");
    add_text(again, "--tz", past->request.tz, "ZONE", "the IANA zone of the two (default: yours)");
    add_key(again, past->key);
}

}  // namespace taskd::cli
