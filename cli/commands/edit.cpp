// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/command_flags.h"
#include "cli/commands/commands.h"
#include "cli/commands/each_task.h"
#include "cli/commands/reminder_flags.h"
#include "cli/edit_buffer.h"
#include "cli/editor.h"
#include "core/text.h"

#include <nlohmann/json.hpp>

#include <memory>

namespace taskd::cli {
namespace {

constexpr int openings_max = 100;  // a person gives up before; a program might never

struct Given {
    std::string summary = untouched;
    std::string notes = untouched;
    std::string project = untouched;
    std::string priority = untouched;
    std::string start = untouched;
    std::string due = untouched;
    std::vector<std::string> tags;
    std::vector<std::string> no_tags;
    std::vector<std::string> remind;
    std::vector<std::string> channels;
    ReminderFlags reminding;
    CommandFlags command;
    bool no_run = false;
    bool no_remind = false;
    std::vector<std::string> depends_on;
    std::vector<std::string> no_depends_on;
    std::string tz;
    std::string key;
};

core::Result<ipc::TaskUpdate> update_from(const Given& given) {
    ipc::TaskUpdate update;
    const auto take = [](std::optional<std::string>& into, const std::string& flag) {
        if (flag != untouched) into = flag;
    };
    take(update.edit.summary, given.summary);
    take(update.edit.notes, given.notes);
    take(update.edit.project, given.project);
    take(update.start, given.start);
    take(update.due, given.due);
    if (given.priority != untouched) {
        const auto priority = number_from("priority", given.priority, 0, 9);
        if (!priority) return tl::unexpected(priority.error());
        update.edit.priority = static_cast<int>(*priority);
    }
    update.edit.add_tags = given.tags;
    update.edit.remove_tags = given.no_tags;
    if (given.no_remind && !given.remind.empty())
        return core::invalid_argument("remind", "goes with either --remind or --no-remind");
    if (given.no_remind || !given.remind.empty()) update.remind = given.remind;
    if (!given.channels.empty()) update.channels = given.channels;
    auto how = reminder_how(given.reminding);
    if (!how) return tl::unexpected(how.error());
    update.reminding = std::move(*how);
    update.add_depends_on = given.depends_on;
    update.remove_depends_on = given.no_depends_on;
    update.tz = given.tz;
    return update;
}

void show(Context& context, const nlohmann::json& json, const ipc::TaskChanged& changed,
          const std::string& about_command = {}) {
    Screen& screen = context.screen();
    for (const auto& warning : changed.warnings) screen.warn(warning);
    if (screen.json())
        screen.print_json(json);
    else if (screen.quiet())
        screen.print(std::to_string(changed.task.number) + "\n");
    else
        screen.print("Edited " + task_words(changed.task) + "\n" +
                     (changed.understood.empty() ? "" : "  " + visible(changed.understood) + "\n") +
                     about_command);
    screen.flush();
}

/// What a task runs after its command was changed; warns of what is not there. The reply to a
/// change has no command, so it is asked for.
std::string command_lines(Context& context, ipc::Client& client, const core::Task& task) {
    const auto details = client.call(ipc::TaskGet{std::to_string(task.number)});
    if (!details) return "";  // the change itself is made
    std::string text = "  runs no command any more\n";
    if (const auto& command = details->value.command) {
        warn_of_command(context, *command);
        text = command_text(*command);
    }
    if (details->value.series)
        text += "  the command is its series': this holds for all slots to come\n";
    return text;
}

/// An error of an edit by options, in their words.
core::Error told(const core::Error& error, const Given& given, const std::string& task) {
    const auto alone = given.command.run ? "" : given.command.first();
    if (error.field != "command.argv" || alone.empty()) return in_option_words(error);
    return core::invalid_argument(alone, "task " + visible(task) + " has no command that it is for",
                                  "taskctl edit " + visible(task) + " --run -- PROGRAM")
        .value();
}

int edit_by_flags(Context& context, ipc::TaskUpdate update, const Given& given,
                  const Words& tasks) {
    const auto key = key_from(given.key);
    if (!key.empty() && tasks.size() > 1)
        return context.fail({core::Reason::invalid_argument,
                             "an idempotency key stands for one request, but " +
                                 std::to_string(tasks.size()) + " tasks were named",
                             "idempotency_key", "use one key for each task"});
    auto client = context.client(key);
    if (!client) return context.fail(client.error());
    int status = 0;
    for (const auto& task : tasks) {
        update.task = task;
        const auto answer = client->call(update);
        if (!answer) {
            const int failed = context.fail(told(answer.error(), given, task));
            if (status == 0) status = failed;
            continue;
        }
        context.note_replay(answer->replayed);
        show(context, answer->json, answer->value,
             update.command ? command_lines(context, *client, answer->value.task) : "");
    }
    return status;
}

std::string without_problems(const std::string& text) {
    std::string rest;
    for (const auto& line : core::split(text, '\n'))
        if (line.rfind("# !! ", 0) != 0) rest += line + "\n";
    rest.pop_back();  // the last line had no line feed of its own
    return rest;
}

/// One task in the editor. What is wrong comes back into the text, as long as the user goes on
/// changing it; what they typed is never thrown away.
int edit_in_editor(Context& context, const Given& given, const std::string& task) {
    auto client = context.client(key_from(given.key));
    if (!client) return context.fail(client.error());
    auto details = client->call(ipc::TaskGet{task});
    if (!details) return context.fail(details.error());
    auto editor = Editor::open();
    if (!editor && !given.tz.empty())
        return context.fail(core::invalid_argument("tz",
                                                   "goes with --due, --start or --remind; there is "
                                                   "no terminal for an editor")
                                .value());
    if (!editor) return context.fail(editor.error());

    std::string text = edit_text(details->value, "");
    std::string before;  // what was refused last
    for (int opened = 1;; ++opened) {
        const auto edited = editor->edit(text);
        if (!edited) return context.fail(edited.error());
        if (is_blank(*edited)) {
            context.screen().note("nothing was changed");
            return 0;
        }
        auto update = parse_edit(*edited, details->value);
        core::Error problem;
        if (update && is_empty(*update)) {
            context.screen().note("nothing was changed");
            return 0;
        }
        if (update) {
            update->tz = given.tz;
            update->tz_default = context.zone_name();
            const auto answer = client->call(*update);
            if (answer) {
                context.note_replay(answer->replayed);
                show(context, answer->json, answer->value);
                return 0;
            }
            problem = answer.error();
        } else {
            problem = update.error();
        }
        const bool can_mend = problem.reason == core::Reason::invalid_argument ||
                              problem.reason == core::Reason::failed_precondition ||
                              problem.reason == core::Reason::not_found;
        const std::string rest = without_problems(*edited);
        if (!can_mend || rest == before || opened == openings_max) {
            const std::string kept = "your text is kept in " + editor->keep();
            problem.hint = problem.hint.empty() ? kept : problem.hint + " (" + kept + ")";
            return context.fail(problem);
        }
        // Their own text, with what is wrong in the place of what was wrong before.
        before = rest;
        text = "# !! " + problem.message + "\n" +
               (problem.hint.empty() ? "" : "# !! hint: " + problem.hint + "\n") + rest;
    }
}

/// An option that was given and asks for nothing, as an empty --nag does; "" without one.
std::string idle_option(const CLI::App& app) {
    for (const auto* option : app.get_options()) {
        const auto& names = option->get_lnames();
        if (option->count() == 0 || names.empty()) continue;
        if (names.front() != "tz" && names.front() != "idempotency-key") return names.front();
    }
    return "";
}

int run(Context& context, const Given& given, const CommandLine& line, Words tasks) {
    auto update = update_from(given);
    if (!update) return context.fail(update.error());
    auto command = take_command(given.command, line.arguments(), tasks);
    if (!command) return context.fail(command.error());
    update->command = std::move(*command);
    if (given.no_run) update->command.emplace().remove = true;
    if (given.no_run && given.command.is_given())
        return context.fail({core::Reason::invalid_argument,
                             "no-run: goes with no other option of a command", "no-run", ""});
    if (tasks.empty())
        return context.fail({core::Reason::invalid_argument, "name the task to edit", "task",
                             "taskctl edit 3 --run -- PROGRAM"});
    update->tz_default = context.zone_name();
    if (!is_empty(*update)) return edit_by_flags(context, *update, given, tasks);
    if (const auto idle = idle_option(*line.find("edit")->app); !idle.empty())
        return context.fail(
            core::invalid_argument(idle, "is empty, which changes nothing", "taskctl edit --help")
                .value());
    if (!context.settings().may_ask)
        return context.fail({core::Reason::invalid_argument,
                             "nothing to change was named, and --no-input forbids an editor",
                             "edit", "for example --summary TEXT"});
    for (const auto& task : tasks)
        if (const int status = edit_in_editor(context, given, task); status != 0) return status;
    return 0;
}

}  // namespace

void register_edit(CommandLine& line) {
    const auto given = std::make_shared<Given>();
    auto& app = line.add(
        {.name = "edit",
         .section = "Tasks",
         .summary = "change tasks, by options or in your editor",
         .usage = "TASK...",
         .words_min = 1,
         .words_max = any_number,
         .examples = {"edit 3 --due \"fri 17:30\" --tag phone", "edit 3", "edit 3 --due none"},
         .details = "Without options, each task is opened in $VISUAL or $EDITOR as TOML; what is "
                    "wrong comes back into the text. Of a series, this changes one occurrence, but "
                    "its reminders and its command, which are the series'.",
         .run = [given, &line](Context& context, const Words& words) {
             return run(context, *given, line, words);
         }});
    add_text(app, "--summary", given->summary, "TEXT", "what is to be done");
    add_text(app, "--notes", given->notes, "TEXT", "what else there is to say");
    add_text(app, "--project", given->project, "NAME", "its project; \"\" for none");
    add_texts(app, "--tag", given->tags, "WORD", "add a tag; may be repeated");
    add_texts(app, "--no-tag", given->no_tags, "WORD", "remove a tag; may be repeated");
    add_text(app, "--priority", given->priority, "0-9", "1 is the highest, 0 none");
    add_text(app, "--due", given->due, "WORDS", "when it is due; none for no time");
    add_text(app, "--start", given->start, "WORDS", "when to begin with it; none for no time");
    add_texts(app, "--remind", given->remind, "WORDS",
              "remind so long before or at WORDS, and no other way; may be repeated");
    add_switch(app, "--no-remind", given->no_remind, "remind no more");
    add_texts(app, "--channel", given->channels, "NAME", "where its reminders go; may be repeated");
    add_reminder_flags(app, given->reminding);
    add_texts(app, "--depends-on", given->depends_on, "TASK",
              "wait for this task too; may be repeated");
    add_texts(app, "--no-depends-on", given->no_depends_on, "TASK",
              "wait for this task no more; may be repeated");
    add_command_flags(app, given->command);
    add_switch(app, "--no-run", given->no_run, "run no command any more");
    add_text(app, "--tz", given->tz, "ZONE", "the IANA zone of the times (default: yours)");
    add_key(app, given->key);
}

}  // namespace taskd::cli
