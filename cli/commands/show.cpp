// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/command_flags.h"
#include "cli/commands/commands.h"
#include "cli/commands/delivery_table.h"
#include "cli/commands/each_task.h"
#include "cli/commands/series_text.h"
#include "cli/times.h"
#include "core/rfc3339.h"
#include "core/text.h"
#include "core/when.h"

#include <memory>

namespace taskd::cli {
namespace {

using Fields = std::vector<Field>;

/// Adds fields that have a value; names with a prefix, so that plain output has no name twice.
class FieldList {
public:
    FieldList(Fields& fields, std::string prefix) : fields_(fields), prefix_(std::move(prefix)) {}
    void operator()(const std::string& name, const std::string& text, Paint paint = Paint::none) {
        if (!text.empty()) fields_.push_back({prefix_ + name, {text, paint}});
    }

private:
    Fields& fields_;
    std::string prefix_;
};

std::string time_words(Context& context, const core::CalendarTime& time) {
    if (context.screen().plain()) return core::format(time);
    return full_words(time, context.zone()) + ", " + distance(time, context.now());
}

std::string time_words(Context& context, core::Timestamp at) {
    if (context.screen().plain()) return core::format_utc(at);
    return moment(at, context.zone()) + ", " + distance(at, context.now());
}

std::string time_words(Context& context, const std::optional<core::Timestamp>& at) {
    return at ? time_words(context, *at) : "";
}

Fields task_fields(Context& context, const core::Task& task) {
    Fields fields;
    FieldList add(fields, "");
    const auto& content = task.content;
    const bool late = task.is_open() && content.due && is_overdue(*content.due, context.now());
    if (context.screen().plain()) {
        add("number", std::to_string(task.number));
        add("summary", content.summary);
    }
    add("status", std::string(core::to_string(task.status)));
    if (content.due) add("due", time_words(context, *content.due), late ? Paint::red : Paint::none);
    if (content.start) add("start", time_words(context, *content.start));
    add("project", content.project);
    add("tags", core::join(content.tags, context.screen().plain() ? "," : ", "));
    if (content.priority != 0) add("priority", std::to_string(content.priority));
    add("notes", content.notes);
    add("completed", time_words(context, task.completed));
    add("deleted", time_words(context, task.deleted));
    add("created", time_words(context, task.created));
    if (task.modified != task.created) add("modified", time_words(context, task.modified));
    add("id", task.id.str());
    add("revision", std::to_string(task.revision));
    return fields;
}

std::string reminder_line(Context& context, const core::Reminder& reminder) {
    std::string text = reminder_words(reminder);
    if (reminder.snoozed_until)
        text += ", snoozed until " + time_words(context, *reminder.snoozed_until);
    else if (reminder.next)
        text += ", next " + time_words(context, *reminder.next);
    else if (reminder.fired || reminder.fired_slot)
        text += ", past";  // it went off or was missed; the events say which
    else
        text += ", not planned";
    if (reminder.fired_slot && reminder.next)
        text += ", last for " + slot_words(*reminder.fired_slot);
    if (reminder.acknowledged) text += ", acknowledged";
    text += ", to " + (reminder.channels.empty() ? "the default channel"
                                                 : core::join(reminder.channels, ", "));
    return text;
}

void show(Context& context, const ipc::TaskDetails& details, bool is_first) {
    Screen& screen = context.screen();
    const auto heading = [&](const std::string& text) {
        screen.print(painted(text, Paint::bold, screen.style()) + "\n");
    };
    if (!is_first) screen.print("\n");
    Fields fields = task_fields(context, details.task);
    for (const auto& other : details.dependencies)
        fields.push_back({"depends on",
                          {task_words(other) + (other.is_open() ? "" : ", closed"),
                           other.is_open() ? Paint::yellow : Paint::none}});
    for (const auto& other : details.dependents)
        if (other.is_open()) fields.push_back({"needed by", {task_words(other)}});
    if (screen.plain()) {
        if (details.series)
            for (auto& field : series_fields(context, *details.series)) fields.push_back(field);
        for (const auto& reminder : details.reminders)
            fields.push_back({"reminder", {reminder_line(context, reminder)}});
        if (details.command)
            for (auto& field : command_fields(*details.command)) fields.push_back(field);
        screen.print_fields(fields);
        return;
    }
    const std::string summary = task_words(details.task);
    heading("T" + summary.substr(1));
    screen.print_fields(fields);
    if (details.series) {
        heading("Series");
        screen.print_fields(series_fields(context, *details.series));
    }
    if (!details.reminders.empty()) {
        heading(details.reminders.size() == 1 ? "Reminder" : "Reminders");
        for (const auto& reminder : details.reminders)
            screen.print("  " + visible(reminder_line(context, reminder)) + "\n");
    }
    if (details.command) {
        heading("Command");
        screen.print_fields(command_fields(*details.command));
    }
    if (!details.runs.empty()) {
        heading("Runs, newest first");
        screen.print(run_lines(context, details.runs));
    }
    if (!details.deliveries.empty()) {
        heading("Deliveries, newest first");
        screen.print(delivery_lines(context, details.deliveries));
    }
}

}  // namespace

std::vector<Field> series_fields(Context& context, const ipc::SeriesView& view) {
    Fields fields;
    const bool plain = context.screen().plain();
    FieldList add(fields, plain ? "series." : "");
    const auto& series = view.series;
    add("rule", view.words);
    add("rrule", core::format_rrule(series.rule));
    add("dtstart",
        (series.is_date ? core::format_date(series.dtstart) : core::format_local(series.dtstart)) +
            " " + series.tzid);
    add("policies", policy_words(series.policies));
    if (view.open_task != 0) {
        const std::string number = std::to_string(view.open_task);
        add("open task",
            plain || !view.next ? number : number + ", " + time_words(context, *view.next));
    }
    if (series.paused)
        add("paused",
            "since " + time_words(context, *series.paused) +
                (series.pause_note.empty() ? "" : ": " + series.pause_note),
            Paint::yellow);
    add("created", time_words(context, series.created));
    add("ended", time_words(context, series.ended));
    add("goes on from", series.predecessor.str());
    add("goes on as", series.successor.str());
    add("id", series.id.str());
    add("revision", std::to_string(series.revision));
    return fields;
}

void register_show(CommandLine& line) {
    const auto run = [](Context& context, const Words& tasks) {
        bool is_first = true;
        return for_each_task<ipc::TaskGet>(context, tasks, {},
                                           [&](const ipc::TaskDetails& details) {
                                               show(context, details, is_first);
                                               is_first = false;
                                           });
    };
    line.add({.name = "show",
              .section = "Tasks",
              .summary = "show all of a task, its series, reminders and deliveries",
              .usage = "TASK...",
              .words_min = 1,
              .words_max = any_number,
              .examples = {"show 1", "show 3f2a -o json"},
              .details = "TASK is a number as list shows it, or the first 4 or more characters of "
                         "an id.",
              .run = run});
}

}  // namespace taskd::cli
