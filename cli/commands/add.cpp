// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/command_flags.h"
#include "cli/commands/commands.h"
#include "cli/commands/policy_flags.h"
#include "cli/commands/reminder_flags.h"
#include "cli/commands/task_file.h"
#include "cli/times.h"
#include "core/text.h"
#include "core/when.h"

#include <nlohmann/json.hpp>

#include <memory>

namespace taskd::cli {
namespace {

using nlohmann::json;

struct Given {
    ipc::TaskAdd request;
    std::string priority;
    std::string key;
    std::string file;
    PolicyFlags policies;
    ReminderFlags reminding;
    CommandFlags command;
};

/// "reminder 10m before"; of a DATE the day starts at 09:00, so the time is said too.
std::string reminder_line(const core::Reminder& reminder, bool is_date,
                          const core::TimeZone& zone) {
    std::string text = "reminder " + reminder_words(reminder);
    if (is_date && reminder.next) text += ", first " + moment(*reminder.next, zone);
    if (!reminder.channels.empty()) text += ", to " + core::join(reminder.channels, ", ");
    return text;
}

void show(Context& context, const ipc::TaskAdded& added) {
    Screen& screen = context.screen();
    const auto& due = added.task.content.due;
    const auto dim = [&](const core::CalendarTime& time) {
        return painted(distance(time, context.now()), Paint::dim, screen.style());
    };
    std::string text = "Added task " + std::to_string(added.task.number) + ": " +
                       visible(added.task.content.summary) + "\n";
    if (!added.understood.empty()) {
        text += "  " + visible(added.understood);
        if (due && !added.series) text += "  " + dim(*due);
        text += "\n";
    }
    std::string label = "next  ";
    for (const auto& slot : added.slots) {
        text += "  " + label + core::describe(slot) + "  " + dim(slot) + "\n";
        label.assign(label.size(), ' ');
    }
    const bool by_schedule =
        !added.series || added.series->series.policies.anchor == core::Anchor::schedule;
    if (!by_schedule)
        text += "        and then counted from the day on which it is done\n";
    else if (!added.slots.empty() && added.slots.size() < 3)
        text += "        and then it ends\n";
    for (const auto& reminder : added.reminders)
        text += "  " + visible(reminder_line(reminder, due && due->is_date, context.zone())) + "\n";
    if (added.command) text += command_text(*added.command);
    screen.print(text);
}

int run(Context& context, const Given& given, const Words& arguments, Words words) {
    auto command = take_command(given.command, arguments, words);
    if (!command) return context.fail(command.error());
    const auto alone = given.command.run ? "" : given.command.first();
    if (!alone.empty() && given.file.empty())  // the tasks of a file may have commands of their own
        return context.fail(
            core::invalid_argument(alone, "goes with --run and a command behind --",
                                   "taskctl add Backup --every day --run -- ./backup --all")
                .value());
    if (words.empty() && *command && (*command)->argv)
        words = {core::clipped(core::command_line(*(*command)->argv), core::summary_bytes_max / 2)};
    if (words.empty() == given.file.empty())
        return context.fail({core::Reason::invalid_argument,
                             words.empty()
                                 ? "\"taskctl add\" needs SUMMARY..., or a file of tasks with -f"
                                 : "--file has its own summaries; leave out the words",
                             "summary", "taskctl add Call Zoe"});
    ipc::TaskAdd request = given.request;
    auto how = reminder_how(given.reminding);
    if (!how) return context.fail(how.error());
    request.reminding = std::move(*how);
    request.command = std::move(*command);
    request.summary = core::join(words, " ");
    request.tz_default = context.zone_name();
    request.policies = given.policies.words();
    if (!given.priority.empty()) {
        const auto priority = number_from("priority", given.priority, 1, 9);
        if (!priority) return context.fail(priority.error());
        request.priority = *priority;
    }
    if (!given.file.empty()) {
        json standard = ipc::to_json(request);
        standard.erase("summary");
        return add_from_file(context, given.file, standard, key_from(given.key));
    }
    auto client = context.client(key_from(given.key));
    if (!client) return context.fail(client.error());
    const auto answer = client->call(request);
    if (!answer) return context.fail(in_option_words(answer.error()));

    context.note_replay(answer->replayed);
    for (const auto& warning : answer->value.warnings) context.screen().warn(warning);
    if (answer->value.command) warn_of_command(context, *answer->value.command);
    if (context.screen().json())
        context.screen().print_json(answer->json);
    else if (context.screen().quiet())
        context.screen().print(std::to_string(answer->value.task.number) + "\n");
    else
        show(context, answer->value);
    return 0;
}

}  // namespace

void register_add(CommandLine& line) {
    const auto given = std::make_shared<Given>();
    auto& app = line.add(
        {.name = "add",
         .section = "Tasks",
         .summary = "add a task, or with --every a series of them",
         .usage = "[SUMMARY...] [-- COMMAND [ARGUMENT...]]",
         .words_max = any_number,
         .examples = {"add Stand-up --every weekday --at 9:30 --remind 10m",
                      "add Pay rent --every \"month on the last day\" --remind 2d",
                      "add Call Zoe --due \"fri 17:30\" --project home --tag phone",
                      "add Backup --every day --at 2:00 --run -- restic backup /home",
                      "add -f tasks.jsonl --project move"},
         .details =
             "WORDS are times such as 9:30, tomorrow 9am, fri 17:30, in 20 minutes, first "
             "monday of january, 24 december or 2026-12-31T09:00, with an IANA zone behind "
             "them if need be; rules such as day, weekdays, 2 weeks on mon,thu, the last "
             "friday of the month, 3 days after completion, a cron line or an RRULE: see "
             "taskd-recurrence(7). A SPAN is 10m, 1h30m or 2 days. taskctl preview shows "
             "what a rule gives. FILE has one JSON object per line with the fields of "
             "task.add, such as {\"summary\":\"Tea\",\"at\":\"9:30\",\"idempotency_key\":\"1\"}; "
             "options are for those that do not say otherwise, and a line that is refused "
             "keeps no other back: the exit status is 1 then. With --run, taskd runs the COMMAND "
             "behind -- when the time has come, in this directory and with this PATH: exit status "
             "0 completes the task, another one fails it; taskctl runs tells how it went.",
         .run = [given, &line](Context& context, const Words& words) {
             return run(context, *given, line.arguments(), words);
         }});
    auto& request = given->request;
    add_text(app, "--every", request.every, "WORDS", "recur by this rule");
    add_text(app, "--at", request.at, "WORDS", "time of a series' slots, or when it is due");
    add_text(app, "--due", request.due, "WORDS", "when it is due");
    add_text(app, "--start", request.start, "WORDS", "when to begin with it");
    add_texts(app, "--remind", request.remind, "WORDS",
              "remind so long before it is due, or at WORDS; may be repeated");
    add_texts(app, "--channel", request.channels, "NAME",
              "where reminders go, else the default channel; may be repeated");
    add_reminder_flags(app, given->reminding);
    add_text(app, "--project", request.project, "NAME", "one project it belongs to");
    add_texts(app, "--tag", request.tags, "WORD", "a tag; may be repeated");
    add_text(app, "--priority", given->priority, "1-9", "1 is the highest");
    add_texts(app, "--depends-on", request.depends_on, "TASK",
              "a task that has to be closed before; may be repeated");
    add_text(app, "--notes", request.notes, "TEXT", "what else there is to say");
    add_text(app, "--tz", request.tz, "ZONE", "the IANA zone of the times (default: yours)");
    add_policies(app, given->policies);
    add_command_flags(app, given->command);
    add_text(app, "-f,--file", given->file, "FILE",
             "add the tasks of a file, - for standard input");
    add_key(app, given->key);
}

}  // namespace taskd::cli
