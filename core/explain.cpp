// SPDX-License-Identifier: Apache-2.0
#include "core/explain.h"

#include "core/describe.h"
#include "core/policies.h"
#include "core/reminder_words.h"
#include "core/rfc3339.h"
#include "core/span.h"
#include "core/text.h"
#include "core/when.h"

namespace taskd::core {
namespace {

using std::chrono::days;
using std::chrono::floor;

using Sentences = std::vector<Because>;

std::string shown(const Schedule& schedule, const Slot& slot) {
    return describe(calendar_time(slot.id.local, schedule.is_date, schedule.zone));
}

std::string slots_counted(const SkippedSlots& run) {
    return std::to_string(run.count) + (run.count == 1 ? " slot" : " slots");
}

/// Why slots were passed over, and the policy that decides it so.
std::string reason_words(SkipReason reason, const Policies& policies) {
    switch (reason) {
    case SkipReason::catch_up:
        if (policies.catch_up == CatchUp::latest)
            return "passed by then, and catch_up latest takes only the last one";
        if (policies.catch_up == CatchUp::all)
            return "passed by then, and more were missed than max allows";
        return "passed by then, and catch_up skip makes up for none";
    case SkipReason::window:
        return "older than the window of " + format_span(policies.window);
    case SkipReason::overlap:
        return "an earlier one was still open, and overlap one allows no second";
    case SkipReason::paused:
        return "the series was paused";
    case SkipReason::exdate:
        return "left out by the series";
    case SkipReason::shift:
        return "on a day off, and shift skip leaves those out";
    case SkipReason::min_gap:
        return "sooner than min_gap " + format_span(policies.min_gap) +
               " after the last one was done";
    case SkipReason::user:
        return "skipped by you";
    case SkipReason::cancelled:
        return "the task was cancelled or deleted";
    case SkipReason::superseded:
        return "a changed rule took their place";
    case SkipReason::ended:
        return "the series had ended";
    case SkipReason::failed:
        return "its command did not succeed";
    case SkipReason::not_after:
        return "it was too late for its command to begin";
    case SkipReason::missed:
        return "no ping came for it";
    }
    return "";
}

std::string run_words(const Schedule& schedule, const SkippedSlots& run, const Policies& policies) {
    const std::string from = shown(schedule, schedule.slot(run.from));
    const std::string to = shown(schedule, schedule.slot(run.to));
    return slots_counted(run) + " (" + from + (run.count == 1 ? "" : " to " + to) +
           "): " + reason_words(run.reason, policies);
}

void add_slot(const ExplainSubject& subject, Sentences& because) {
    const Series& series = *subject.series;
    const Schedule& schedule = *subject.schedule;
    const CalendarTime dtstart{series.dtstart, series.is_date, series.tzid, {}};
    because.push_back(
        {"rule", describe_zoned(series.rule, dtstart) + ", since " + format_date(series.dtstart)});
    if (!subject.task.recurrence_id) return;
    const Slot slot = schedule.slot(*subject.task.recurrence_id);
    const std::string nominal = shown(schedule, slot);
    const bool is_first = schedule.slots.first_slot() == slot;
    if (series.policies.anchor == Anchor::completion && !is_first)
        because.push_back({"slot", nominal + " counts from when the one before it was done "
                                             "(anchor completion)"});
    else if (is_first)
        because.push_back({"slot", nominal + " is the first slot of the rule"});
    else
        because.push_back({"slot", nominal + " is a slot of the rule"});

    const auto* changed = schedule.override_of(slot.id);
    const auto due = schedule.at(slot);
    if (changed != nullptr && changed->to)
        because.push_back({"moved", "you moved it to " + describe(*changed->to)});
    else if (due.local != slot.id.local)
        because.push_back(
            {"shifted", format_date(slot.id.local) + " is a day off, so shift " +
                            (series.policies.shift == Shift::next ? "next" : "previous") +
                            " puts it on " + describe(due)});
    if (slot.id.fold)
        because.push_back(
            {"clock", "the clock shows this time twice that day; this is the second"});
    else if (!due.is_date && schedule.zone.to_local(due.at) != due.local)
        because.push_back(
            {"clock", "the clock skips " + format_local(due.local).substr(11, 5) +
                          " that day, so it comes at " +
                          format_local(schedule.zone.to_local(due.at)).substr(11, 5)});
}

void add_skipped(const ExplainSubject& subject, Sentences& because) {
    for (const auto& run : subject.skipped)
        because.push_back({"skipped", "before it " + run_words(*subject.schedule, run,
                                                               subject.series->policies)});
}

void add_policies(const Series& series, Sentences& because) {
    for (const auto& policy : describe(series.policies)) {
        if (policy.origin == "default") continue;
        because.push_back({"policy", policy.name + " is " + policy.value +
                                         (policy.origin == "add" ? ", given when it was added"
                                                                 : ", changed later")});
    }
}

/// Whose clock the times of a task are told by.
std::string zone_of(const ExplainSubject& subject) {
    const auto& content = subject.task.content;
    if (content.due) return content.due->tzid;
    if (content.start) return content.start->tzid;
    for (const auto& reminder : subject.reminders)
        if (reminder.anchor == ReminderAnchor::at && reminder.at) return reminder.at->tzid;
    return subject.tzid.empty() ? "UTC" : subject.tzid;
}

/// An instant on that clock.
std::string moment_in(const ExplainSubject& subject, Timestamp time) {
    const std::string tzid = zone_of(subject);
    const auto zone = TimeZone::load(tzid);
    return zone ? describe({zone->to_local(time), false, tzid, time}) : format_utc(time);
}

void add_gap(const ExplainSubject& subject, Sentences& because) {
    if (!subject.gap) return;
    because.push_back({"gap", "taskd was off or its machine slept then, from " +
                                  moment_in(subject, subject.gap->since) + " until " +
                                  moment_in(subject, subject.gap->until)});
}

std::string where_words(const Reminder& reminder, const ExplainSubject& subject) {
    if (!reminder.channels.empty()) return join(reminder.channels, ", ");
    return subject.default_channel.empty() ? "nobody: there is no default channel"
                                           : "the default channel " + subject.default_channel;
}

/// "10m before: went off on Tue 2026-11-24 09:20 for the 2nd time, nobody acknowledged it"
std::string went_off_words(const Reminder& reminder, const std::string& at,
                           const ExplainSubject& subject) {
    std::string text = format_reminder(reminder) + ": went off on " + at;
    if (reminder.fired_slot) text += " for the slot " + format(*reminder.fired_slot);
    if (reminder.firing > 1) text += ", firing " + std::to_string(reminder.firing);
    if (reminder.acknowledged) return text + ", acknowledged";
    if (reminder.channels.empty() && subject.default_channel.empty() && subject.deliveries.empty())
        text += ", told to nobody: there is no default channel";
    return subject.task.is_open() ? text + ", not acknowledged" : text;
}

/// Why it goes off next when it does, and since when that is known.
std::string next_words(const Reminder& reminder, const ExplainSubject& subject, const auto& at) {
    std::string text = format_reminder(reminder) + ": next on " + at(*reminder.next);
    if (reminder.snoozed_until)
        text += ", to which it was snoozed";
    else if (reminder.next == reminder.escalate_at)
        text += ", to " + join(reminder.escalate_to, ", ") + ", if nobody acknowledges it by then";
    else if (reminder.next == reminder.nag_at)
        text += ", as every " + format_span(reminder.nag) + " until somebody acknowledges it";
    else
        text += ", to " + where_words(reminder, subject);
    if (reminder.armed_at) text += "; computed on " + at(*reminder.armed_at);
    return text;
}

std::string delivery_words(const Delivery& delivery, const auto& at) {
    std::string text = delivery.channel;
    if (delivery.reminder.empty() && !delivery.call) text += ", digest " + delivery.id.str();
    if (delivery.call)
        text = std::string(to_string(delivery.call->kind)) + " " + delivery.call->target;
    if (delivery.firing > 1) text += ", firing " + std::to_string(delivery.firing);
    text += ": " + std::string(to_string(delivery.state));
    if (delivery.finished) text += " on " + at(*delivery.finished);
    if (delivery.state == DeliveryState::running)
        text += ", try " + std::to_string(delivery.attempts) +
                (delivery.revoked.empty() ? "" : ", the last one: " + delivery.revoked);
    else if (delivery.attempts > 0)
        text += " after " + std::to_string(delivery.attempts) +
                (delivery.attempts == 1 ? " try" : " tries");
    if (!delivery.result.empty()) text += ": " + delivery.result;
    if (!delivery.digest.empty()) text += " " + delivery.digest.str();
    if (!delivery.finished && delivery.next_attempt)
        text += (delivery.attempts > 0 ? "; next try on " : "; to be sent on ") +
                at(*delivery.next_attempt);
    return text;
}

void add_reminders(const ExplainSubject& subject, Sentences& because) {
    const auto at = [&](Timestamp time) { return moment_in(subject, time); };
    for (const auto& reminder : subject.reminders) {
        if (reminder.fired_at)
            because.push_back(
                {"reminder", went_off_words(reminder, at(*reminder.fired_at), subject)});
        else if (reminder.fired && !reminder.next)
            because.push_back(
                {"reminder", format_reminder(reminder) +
                                 ": missed, its time was over by more than its grace of " +
                                 format_span(reminder.grace)});
        if (reminder.next) because.push_back({"reminder", next_words(reminder, subject, at)});
    }
    for (const auto& delivery : subject.deliveries)
        because.push_back({"delivery", delivery_words(delivery, at)});
}

/// "began on time on ...; exit 3 after 20 ms; exit 0 after 1500 ms: succeeded on ..."
std::string run_story(const Delivery& run, const auto& at) {
    std::string text;
    if (run.call->verb == run_by_start) text = "begun by hand, ";
    if (!run.log.empty() || run.started) {
        const Timestamp began =
            run.log.empty() ? *run.started : run.log.front().at - run.log.front().took;
        text += "began on " + at(began);
        const auto late = run.planned ? began - *run.planned : std::chrono::milliseconds{0};
        if (late >= std::chrono::seconds{1})
            text += ", " + format_span(std::chrono::duration_cast<std::chrono::seconds>(late)) +
                    " late";
    } else {
        text += "not begun yet";
    }
    for (const auto& attempt : run.log)
        text += "; " + attempt.result + " after " + std::to_string(attempt.took.count()) + " ms";
    const bool is_told = !run.log.empty() && run.log.back().result == run.result;
    if (!run.result.empty() && !is_told) text += "; " + run.result;
    if (run.state == DeliveryState::dead) text += ": failed";
    if (run.state == DeliveryState::succeeded) text += ": succeeded";
    if (run.state == DeliveryState::suppressed) text += ": given up";
    if (run.state == DeliveryState::pending && run.next_attempt)
        text += "; next try on " + at(*run.next_attempt);
    return text;
}

void add_command(const ExplainSubject& subject, Sentences& because) {
    if (!subject.command) return;
    const auto at = [&](Timestamp time) { return moment_in(subject, time); };
    because.push_back({"command", command_line(subject.command->argv)});
    for (const auto& run : subject.runs) because.push_back({"run", run_story(run, at)});
    const Task& task = subject.task;
    if (!subject.runs.empty() || !task.is_open() || !task.content.due) return;
    const bool is_past = task.content.due->at <= subject.now;
    if (subject.series && subject.series->paused)
        return because.push_back({"run", std::string("none while the series is paused; its time ") +
                                             (is_past ? "was " : "is ") +
                                             at(task.content.due->at)});
    if (is_past && subject.blocked)
        return because.push_back({"run", "waits for what the task depends on; its time was " +
                                             at(task.content.due->at)});
    std::string text = "to begin on " + at(task.content.due->at);
    if (const auto jitter = jitter_of(*subject.command, task.id); jitter.count() > 0)
        text += ", and " + format_span(std::chrono::duration_cast<std::chrono::seconds>(jitter)) +
                " later by its jitter";
    if (const auto zone = TimeZone::load(task.content.due->tzid))
        if (const auto last = last_moment(*subject.command, task.content.due->at, *zone))
            text += ", not after " + at(*last);
    because.push_back({"run", text});
}

void add_follow(const ExplainSubject& subject, Sentences& because) {
    const Series& series = *subject.series;
    if (!subject.task.is_open()) return;
    if (series.policies.overlap == Overlap::stack)
        return because.push_back(
            {"if_done", "nothing new: with overlap stack each slot has its own task"});
    if (series.paused) return because.push_back({"if_done", "nothing new: the series is paused"});
    if (series.ended || !subject.if_done)
        return because.push_back({"if_done", "the series ends with it"});
    for (const auto& run : subject.if_done->skipped)
        because.push_back(
            {"if_done", "passed over: " + run_words(*subject.schedule, run, series.policies)});
    if (!subject.if_done->slot)
        return because.push_back({"if_done", "the rule has no slot left, so the series ends"});
    because.push_back(
        {"if_done", "next is " + describe(subject.schedule->at(*subject.if_done->slot))});
}

/// Why a slot that is not decided yet has no task, and when it gets one.
std::string undecided_words(const ExplainSubject& subject) {
    const Series& series = *subject.series;
    const auto& policies = series.policies;
    if (series.ended) return "none: the series has ended";
    if (series.paused) return "none while the series is paused";
    if (const auto reason =
            subject.schedule->left_out(subject.schedule->slot(*subject.task.recurrence_id)))
        return "none: " + reason_words(*reason, policies);
    if (policies.anchor == Anchor::completion)
        return "open: with anchor completion it counts from when the one before it is done";
    if (policies.overlap == Overlap::stack)
        return "it gets its task when the slot before it has its time";
    const std::string open =
        subject.open_task == 0 ? "the one before it" : "task " + std::to_string(subject.open_task);
    if (subject.task.content.due->at > subject.now)
        return "it gets its task when " + open + " is closed, if that is by then";
    return "its time has passed while " + open +
           " was open; what becomes of it is decided when that is closed, by catch_up " +
           (policies.catch_up == CatchUp::skip     ? "skip"
            : policies.catch_up == CatchUp::latest ? "latest"
                                                   : "all");
}

/// A slot without a task: why, and what its reminders and its command do all the same.
std::vector<Because> explain_slot(const ExplainSubject& subject) {
    Sentences because;
    add_slot(subject, because);
    add_policies(*subject.series, because);
    add_gap(subject, because);
    if (subject.passed_with) {
        because.push_back({"passed_over", run_words(*subject.schedule, *subject.passed_with,
                                                    subject.series->policies)});
        return because;
    }
    because.push_back({"future", undecided_words(subject)});
    const auto& due = *subject.task.content.due;
    const bool is_to_come = due.at > subject.now && !subject.series->ended;
    if (!is_to_come) return because;
    add_command(subject, because);
    for (const auto& reminder : subject.reminders)
        if (const auto time = time_of(reminder, due))
            because.push_back({"reminder", format_reminder(reminder) + ": on " +
                                               moment_in(subject, *time) + ", to " +
                                               where_words(reminder, subject)});
    return because;
}

}  // namespace

std::vector<Because> explain(const ExplainSubject& subject) {
    if (subject.is_slot) return explain_slot(subject);
    Sentences because;
    const Task& task = subject.task;
    if (subject.series) {
        add_slot(subject, because);
        add_gap(subject, because);
        add_skipped(subject, because);
        add_policies(*subject.series, because);
        if (subject.series->paused)
            because.push_back(
                {"paused",
                 "the series is paused since " + moment_in(subject, *subject.series->paused) +
                     (subject.series->pause_note.empty() ? ""
                                                         : ": " + subject.series->pause_note)});
    } else if (task.content.due) {
        because.push_back({"rule", "it does not recur; it is due " + describe(*task.content.due) +
                                       ", " + task.content.due->tzid});
        add_gap(subject, because);
    } else {
        because.push_back({"rule", "it does not recur and has no due time"});
    }
    if (subject.blocked) because.push_back({"blocked", "a task that it depends on is still open"});
    if (subject.passed_over && subject.series)
        because.push_back(
            {"passed_over", reason_words(*subject.passed_over, subject.series->policies)});
    add_command(subject, because);
    add_reminders(subject, because);
    if (subject.series)
        add_follow(subject, because);
    else if (task.is_open())
        because.push_back({"if_done", "nothing follows"});
    if (!task.is_open())
        because.push_back(
            {"if_done", "it is " + std::string(task.deleted ? "deleted" : to_string(task.status)) +
                            " already"});
    return because;
}

}  // namespace taskd::core
