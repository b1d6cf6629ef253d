// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/commands/each_task.h"
#include "cli/times.h"
#include "core/text.h"

#include <nlohmann/json.hpp>

#include <memory>

namespace taskd::cli {
namespace {

int snooze(Context& context, const std::string& key, const std::string& tz, const Words& words) {
    ipc::ReminderSnooze request;
    request.task = words.at(0);
    request.until = core::join(Words(words.begin() + 1, words.end()), " ");
    request.tz = tz;
    request.tz_default = context.zone_name();
    auto client = context.client(key_from(key));
    if (!client) return context.fail(client.error());
    const auto answer = client->call(request);
    if (!answer) return context.fail(answer.error());
    context.note_replay(answer->replayed);
    Screen& screen = context.screen();
    const auto& [task, reminder] = answer->value;
    if (screen.json())
        screen.print_json(answer->json);
    else if (screen.quiet())
        screen.print(std::to_string(task.number) + "\n");
    else if (reminder.snoozed_until)
        screen.print("Snoozed " + task_words(task) + "\n  reminds " +
                     moment(*reminder.snoozed_until, context.zone()) + ", " +
                     distance(*reminder.snoozed_until, context.now()) + "\n");
    return 0;
}

}  // namespace

void register_snooze(CommandLine& line) {
    const auto key = std::make_shared<std::string>();
    const auto tz = std::make_shared<std::string>();
    auto& app = line.add(
        {.name = "snooze",
         .section = "Reminders",
         .summary = "have a task's reminder come again later",
         .usage = "TASK WHEN...",
         .words_min = 2,
         .words_max = any_number,
         .examples = {"snooze 3 20m", "snooze 3 until monday 9am", "snooze 3 tomorrow"},
         .details = "WHEN is a SPAN such as 20m, or WORDS for a time; of a day without a time, its "
                    "9:00. The reminder that went off last is moved, or else the next one. Doing "
                    "or cancelling the task ends the snooze.",
         .run = [key, tz](Context& context, const Words& words) {
             return snooze(context, *key, *tz, words);
         }});
    add_text(app, "--tz", *tz, "ZONE", "the IANA zone of the time (default: yours)");
    add_key(app, *key);

    const auto ack_key = std::make_shared<std::string>();
    const auto run = [ack_key](Context& context, const Words& tasks) {
        return for_each_task<ipc::ReminderAcknowledge>(
            context, tasks, key_from(*ack_key), [&](const ipc::ReminderChanged& changed) {
                context.screen().print("Acknowledged the reminder of " + task_words(changed.task) +
                                       "\n");
            });
    };
    auto& ack = line.add({.name = "ack",
                          .section = "Reminders",
                          .summary = "acknowledge the reminders of tasks: seen, not yet done",
                          .usage = "TASK...",
                          .words_min = 1,
                          .words_max = any_number,
                          .examples = {"ack 3"},
                          .details = "A snooze of it is over with that; the task stays open.",
                          .run = run});
    add_key(ack, *ack_key);
}

}  // namespace taskd::cli
