// SPDX-License-Identifier: Apache-2.0
// taskctl on: what taskd does by itself when an event comes.
#include "cli/commands/command_flags.h"
#include "cli/commands/commands.h"
#include "cli/commands/rule_words.h"
#include "core/text.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>

namespace taskd::cli {
namespace {

using core::Result;
using nlohmann::json;
using Action = core::EventRule::Action;

struct Given {
    std::vector<std::string> where;
    std::string name;
    std::string key;
};

constexpr const char* actions =
    "add SUMMARY..., done TASK, cancel TASK, remind TEXT..., channel NAME TEXT..., run COMMAND...";

/// The words of add as taskctl add takes them, but for what a single task has no use for.
Result<std::string> read_add(const Words& words, Context& context) {
    ipc::TaskAdd task;
    std::vector<std::string> summary;
    std::string priority;
    CLI::App app;
    app.set_help_flag();
    app.add_option("summary", summary);
    app.add_option("--due", task.due);
    app.add_option("--at", task.at);
    app.add_option("--start", task.start);
    app.add_option("--remind", task.remind)->allow_extra_args(false);
    app.add_option("--channel", task.channels)->allow_extra_args(false);
    app.add_option("--project", task.project);
    app.add_option("--tag", task.tags)->allow_extra_args(false);
    app.add_option("--priority", priority);
    app.add_option("--notes", task.notes);
    app.add_option("--tz", task.tz);
    Words reversed(words.rbegin(), words.rend());
    try {
        app.parse(reversed);
    } catch (const CLI::ParseError& error) {
        return core::invalid_argument("action",
                                      std::string("of add is not accepted: ") + error.what(),
                                      "add SUMMARY... with --due, --at, --start, --remind, "
                                      "--channel, --project, --tag, --priority, --notes, --tz");
    }
    if (summary.empty())
        return core::invalid_argument("action", "add needs SUMMARY...",
                                      "-- add \"Review {data.title}\"");
    task.summary = core::join(summary, " ");
    task.tz_default = context.zone_name();
    if (!priority.empty()) {
        const auto number = number_from("priority", priority, 1, 9);
        if (!number) return tl::unexpected(number.error());
        task.priority = *number;
    }
    return ipc::to_json(task).dump();
}

/// The program behind run, with the directory and the usual variables of taskctl.
Result<core::CommandEdit> read_command(const Words& arguments, Words words) {
    CommandFlags flags;
    flags.run = true;
    auto edit = take_command(flags, arguments, words);
    if (!edit) return tl::unexpected(edit.error());
    auto& argv = *(*edit)->argv;
    argv.erase(argv.begin());
    return std::move(**edit);
}

Result<void> read_action(const Words& words, const Words& arguments, Context& context,
                         ipc::RuleSet& request) {
    if (words.empty())
        return core::invalid_argument(
            "action", "is missing: what to do, behind --",
            "taskctl on task.completed -- remind \"done: {data.payload.summary}\"");
    const std::string& verb = words.front();
    const Words rest(words.begin() + 1, words.end());
    if (verb == "add") {
        auto task = read_add(rest, context);
        if (!task) return tl::unexpected(task.error());
        request.action = Action::add;
        request.task = std::move(*task);
        return {};
    }
    if (verb == "run") {
        if (rest.empty())
            return core::invalid_argument("action", "run needs a program", "-- run make deploy");
        auto command = read_command(arguments, words);
        if (!command) return tl::unexpected(command.error());
        request.action = Action::run;
        request.command = std::move(*command);
        return {};
    }
    if (verb == "channel") {
        if (rest.size() < 2)
            return core::invalid_argument("action", "channel needs NAME and a text",
                                          "-- channel phone \"{type}: {subject}\"");
        request.action = Action::notify;
        request.channel = rest.front();
        request.text = core::join({rest.begin() + 1, rest.end()}, " ");
        return {};
    }
    if (verb == "remind")
        request.action = Action::notify;
    else if (verb == "done")
        request.action = Action::done;
    else if (verb == "cancel")
        request.action = Action::cancel;
    else
        return core::invalid_argument(
            "action", "\"" + core::clipped(verb, 64) + "\" is not accepted; use " + actions);
    if (rest.empty())
        return core::invalid_argument("action",
                                      verb + (verb == "remind" ? " needs a text"
                                                               : " needs a task: its number, id "
                                                                 "or title"));
    request.text = core::join(rest, " ");
    return {};
}

int run(Context& context, const Given& given, const Words& words, const Words& arguments) {
    const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
    const auto behind =
        dashes == arguments.end() ? 0 : static_cast<std::size_t>(arguments.end() - dashes) - 1;
    const Words action(words.end() - static_cast<std::ptrdiff_t>(std::min(behind, words.size())),
                       words.end());
    if (words.size() != action.size() + 1)
        return context.fail({core::Reason::invalid_argument,
                             "\"taskctl on\" needs one TYPE, and behind -- what to do", "types",
                             "taskctl on task.completed -- remind \"{data.payload.summary}\""});
    ipc::RuleSet request;
    request.name = given.name;
    request.when.types = {words.front()};
    request.when.where = given.where;
    if (auto good = read_action(action, arguments, context, request); !good)
        return context.fail(good.error());
    auto client = context.client(key_from(given.key));
    if (!client) return context.fail(client.error());
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());
    context.note_replay(answer->replayed);
    Screen& screen = context.screen();
    const auto& saved = answer->value;
    for (const auto& warning : saved.warnings) screen.warn(warning);
    if (screen.json())
        screen.print_json(answer->json);
    else if (screen.quiet())
        screen.print(saved.rule.name + "\n");
    else
        screen.print((saved.unchanged ? "There already: rule " : "Added rule ") +
                     visible(saved.rule.name) + "\n  " + visible(rule_words(saved.rule)) + "\n");
    return 0;
}

}  // namespace

void register_on(CommandLine& line) {
    const auto given = std::make_shared<Given>();
    auto& app = line.add(
        {.name = "on",
         .section = "Events",
         .summary = "say what taskd does by itself when an event comes",
         .usage = "TYPE -- ACTION...",
         .words_min = 1,
         .words_max = any_number,
         .examples = {"on pr.opened -- add \"Review {data.title}\" --due tomorrow --tag review",
                      "on pr.merged -- done \"Review {data.title}\"",
                      "on 'build.*' --where status=failed -- remind \"{type}: {data.repo}\"",
                      "on task.completed --where payload.project=site -- run ./deploy"},
         .details =
             "TYPE is an event's type, or a pattern such as 'build.*'. ACTION is add SUMMARY... "
             "with --due, --at, --start, --remind, --channel, --project, --tag, --priority, "
             "--notes and --tz as in taskctl add; done TASK or cancel TASK, by number, id or the "
             "whole title of an open task; remind TEXT..., to the default channel; channel NAME "
             "TEXT...; or run COMMAND..., in this directory, with the event as its standard "
             "input and TASKD_EVENT_TYPE, TASKD_EVENT_ID and TASKD_EVENT_SUBJECT. In texts {type}, "
             "{source}, {subject}, {id}, {time} and {data.NAME} are the event's; {{ is a brace. A "
             "rule applies once to each event, whatever is delivered twice; one that fails is "
             "tried again, and then the event is in taskctl dead-letters list. It is not applied "
             "to "
             "what it did itself, and at most 4 rules set each other off in a row.",
         .run = [given, &line](Context& context, const Words& words) {
             return run(context, *given, words, line.arguments());
         }});
    add_texts(app, "--where", given->where, "FIELD=VALUE",
              "a field of the data, also != < <= > >=; may be repeated");
    add_filled(app, "--name", given->name, "NAME",
               "what to call it (default rule-1, rule-2, ...); with a name, the same said again is "
               "the same rule");
    add_key(app, given->key);
}

}  // namespace taskd::cli
