// SPDX-License-Identifier: Apache-2.0
#include "daemon/handlers/task_handlers.h"

#include "core/chain.h"
#include "core/phrase.h"
#include "core/plan.h"
#include "core/text.h"
#include "core/uuid.h"
#include "core/when.h"
#include "daemon/handlers/channel_deliveries.h"
#include "daemon/handlers/command_handlers.h"
#include "daemon/handlers/occurrences.h"
#include "daemon/handlers/recurring_role.h"
#include "daemon/handlers/task_words.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

using core::Task;

/// What whoever has taskd run a command may not expect.
void warn_of_command(bool is_date, Handling& h, std::vector<std::string>& warnings) {
    if (is_date)
        warnings.emplace_back(
            "no time of day was given, so the command begins at 00:00; --at 2:30 says another");
    if (auto silence = why_default_is_silent("failures", h); !silence.empty())
        warnings.push_back(std::move(silence));
}

constexpr std::int64_t deliveries_shown = 20;
constexpr std::int64_t runs_shown = 5;

/// The tasks that wait for `task`, which has just been closed, and for nothing else.
std::vector<std::int64_t> unblocked_by(UnitOfWork& unit, const Task& task) {
    std::vector<std::int64_t> numbers;
    for (const auto& dependent : unit.dependents_of(task))
        if (dependent.is_open() && !unit.is_blocked(dependent)) numbers.push_back(dependent.number);
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

core::Result<ipc::TaskAdded> add_series(const ipc::TaskAdd& request, Handling& h,
                                        core::TaskContent content, const core::TimeZone& zone,
                                        std::vector<core::Reminder> reminders,
                                        ipc::TaskAdded added) {
    if (!request.due.empty())
        return core::invalid_argument("due", "a series' slots are its due times; use --at");
    const auto every = core::parse_every(request.every);
    if (!every) return tl::unexpected(every.error());
    const auto plan = core::plan_of(*every, request.at, h.unit.now(), zone);
    if (!plan) return tl::unexpected(plan.error());

    core::Series series;
    series.id = core::SeriesId{core::uuid_v4(h.unit.random())};
    series.user = h.user;
    series.content = std::move(content);
    series.dtstart = plan->dtstart.local;
    series.is_date = plan->dtstart.is_date;
    series.tzid = plan->dtstart.tzid;
    series.rule = plan->rule;
    core::PolicyWords words = request.policies;
    if (plan->after_completion) {
        if (words.anchor && *words.anchor != "completion")
            return core::invalid_argument("anchor", "is " + core::clipped(*words.anchor, 64) +
                                                        ", but the rule says after completion; "
                                                        "keep one of them");
        words.anchor = "completion";
    }
    // A command that was missed is made up for, once: that is what somebody runs one for.
    if (request.command && !words.catch_up && !words.min_gap && words.anchor != "completion")
        words.catch_up = "latest";
    const auto policies = core::applied({}, words, false);
    if (!policies) return tl::unexpected(policies.error());
    series.policies = *policies;
    if (auto good = core::check_policies(series.policies, series.rule); !good)
        return tl::unexpected(good.error());
    series.created = h.unit.now();
    auto schedule = schedule_for(h.unit, series);
    if (!schedule) return tl::unexpected(schedule.error());
    auto first = core::slot_after(*schedule, series.policies, {}, h.unit.now());
    // Nobody missed what was before it was wanted, but for who asks for it: it begins to come.
    const bool makes_up = request.policies.catch_up.has_value();
    if (request.command && !makes_up && first.slot &&
        schedule->at(*first.slot).at <= h.unit.now()) {
        // From above: of years of minutes none is walked.
        const auto last = schedule->slots.prev_before(h.unit.now() + std::chrono::milliseconds{1});
        if (last && *last > *first.slot) first.slot = last;
        while (first.slot && schedule->at(*first.slot).at <= h.unit.now())
            first.slot = schedule->slots.next_after(*first.slot);
        if (!first.slot)
            return core::invalid_argument("every", "every slot of this rule is in the past");
        series.dtstart = first.slot->id.local;
        schedule = schedule_for(h.unit, series);
        if (!schedule) return tl::unexpected(schedule.error());
        first = core::slot_after(*schedule, series.policies, {}, h.unit.now());
    }
    if (!first.slot && series.policies.shift == core::Shift::skip)
        return core::invalid_argument("shift", "every slot of this rule is on a day off");
    if (!first.slot)
        return core::invalid_argument("every", "every slot of this rule is in the past");

    const auto command = read_command(request.command, {}, h);
    if (!command) return tl::unexpected(command.error());
    added.command = *command;
    h.unit.insert_series(series);
    h.unit.put_command(h.user, series.id.str(), *command);
    if (*command) warn_of_command(series.is_date, h, added.warnings);
    h.unit.append_event(h.user, {"series.created", series.id.str(), series});
    Succession begun;
    go_on(h.unit, series, *schedule, series.id.str(), first, begun);
    added.task = *begun.next;
    for (auto& reminder : reminders) {
        if (reminder.anchor != core::ReminderAnchor::due)
            return core::invalid_argument("remind", reminds_by_slots);
        reminder.series = series.id;
        auto armed = core::armed(reminder, *schedule, first.slot);
        if (!armed) return tl::unexpected(armed.error());
        h.unit.insert_reminder(*armed);
        warn_of(*armed, h, added.warnings);
        added.reminders.push_back(std::move(*armed));
    }
    added.series = view_of(h.unit, *h.unit.find_series(h.user, series.id));
    const bool by_schedule = series.policies.anchor == core::Anchor::schedule;
    // Counted from completion, what follows the first one is not known yet.
    added.slots = core::upcoming(*schedule, *first.slot, by_schedule ? 3 : 1);
    added.understood = added.series->words + ", " + series.tzid;
    if (!by_schedule) added.understood += ", after completion";
    for (const auto& slot : added.slots)
        if (!slot.is_date && schedule->zone.to_local(slot.at) != slot.local)
            added.warnings.push_back(core::describe(slot) +
                                     ": the clock skips the usual time that "
                                     "day, so it comes at this time");
    return added;
}

core::Result<ipc::TaskAdded> add_single(const ipc::TaskAdd& request, Handling& h,
                                        core::TaskContent content, const core::TimeZone& zone,
                                        std::vector<core::Reminder> reminders,
                                        ipc::TaskAdded added) {
    if (!request.due.empty() && !request.at.empty())
        return core::invalid_argument("at", "says the same as due; keep one of them");
    const std::string& words = request.due.empty() ? request.at : request.due;
    if (!words.empty()) {
        const auto due =
            core::parse_when(request.due.empty() ? "at" : "due", words, h.unit.now(), zone);
        if (!due) return tl::unexpected(due.error());
        content.due = due->time;
        added.understood = "due " + core::describe(due->time) + ", " + due->time.tzid;
        if (due->moved_by_gap)
            added.warnings.push_back("the clock skips " + words + "; it is due at " +
                                     core::describe(due->time));
    }
    Task& task = added.task;  // its dependencies were read before
    task.recurring_pattern = request.recurring_pattern;
    task.parent = request.parent;
    task.id = core::TaskId{core::uuid_v4(h.unit.random())};
    task.user = h.user;
    task.number = h.unit.next_task_number(h.user);
    task.content = std::move(content);
    task.created = task.modified = h.unit.now();
    const auto command = read_command(request.command, {}, h);
    if (!command) return tl::unexpected(command.error());
    if (*command && !task.content.due)
        return core::invalid_argument("command", "needs a time to run at", "--at 22:00");
    added.command = *command;
    h.unit.put_command(h.user, task.id.str(), *command);
    if (*command) warn_of_command(task.content.due->is_date, h, added.warnings);
    h.unit.insert_task(task);
    h.unit.append_event(h.user, {"task.created", task.id.str(), task});
    for (auto& reminder : reminders) {
        reminder.task = task.id;
        auto armed = armed_for(reminder, task, h);
        if (!armed) return tl::unexpected(armed.error());
        h.unit.insert_reminder(*armed);
        warn_of(*armed, h, added.warnings);
        added.reminders.push_back(std::move(*armed));
    }
    return added;
}

/// The same for all that depend on a task which was closed or opened again.
core::Result<void> arm_dependents(Handling& h, const Task& task) {
    for (const auto& dependent : h.unit.dependents_of(task))
        if (auto armed = arm_unblocked(dependent, h); !armed) return armed;
    return {};
}

/// After an occurrence or a single task was closed; `task` is as it is now.
core::Result<ipc::TaskClosed> closed(Handling& h, const Task& task,
                                     const core::NextSlot* next = nullptr) {
    ipc::TaskClosed reply{task, {}, {}, false, false, unblocked_by(h.unit, task), {}};
    revoke_deliveries(task,
                      task.deleted ? "the task was deleted"
                                   : "the task is " + std::string(core::to_string(task.status)),
                      h);
    if (auto armed = arm_dependents(h, task); !armed) return tl::unexpected(armed.error());
    if (task.series.empty()) {
        if (auto armed = rearm(h.unit, task, {}); !armed) return tl::unexpected(armed.error());
        return reply;
    }
    const auto succession = succeed(h.unit, task, next);
    if (!succession) return tl::unexpected(succession.error());
    reply.next = succession->next;
    reply.skipped = succession->skipped;
    reply.series_ended = succession->series_ended;
    reply.series_paused = succession->series_paused;
    if (const auto expected = h.unit.find_expectation(h.user, task.series))
        reply.warnings.push_back("no ping of " + expected->name + " is waited for any more for " +
                                 core::describe(*task.content.due));
    return reply;
}

/// An occurrence that is closed without being done: its slot is passed over.
void skip_slot_of(Handling& h, const Task& task, core::SkipReason reason) {
    const auto series = h.unit.find_series(h.user, task.series);
    const auto schedule = series ? schedule_for(h.unit, *series) : tl::unexpected(core::Error{});
    if (!schedule) return;
    put_skipped(h.unit, *series, *schedule, task.id.str(),
                {{*task.recurrence_id, *task.recurrence_id, 1, reason}});
}

/// Before `task`, which is closed, is opened again as `after`.
core::Result<ipc::TaskReopened> opened(Handling& h, const Task& before, const Task& after) {
    ipc::TaskReopened reply{after, 0};
    if (!after.series.empty()) {
        const auto removed = take_back_successor(h.unit, before);
        if (!removed) return tl::unexpected(removed.error());
        reply.removed = *removed;
        if (*removed != 0)
            if (const auto successor = h.unit.find_task(h.user, std::to_string(*removed)))
                revoke_deliveries(*successor, "the task was deleted", h);
        h.unit.put_created(after, 0);  // its row is there, and keeps its position
    }
    h.unit.update_task(before, after);
    if (auto armed = arm_dependents(h, after); !armed) return tl::unexpected(armed.error());
    if (auto armed = rearm(h.unit, after, after.recurrence_id); !armed)
        return tl::unexpected(armed.error());
    return reply;
}

}  // namespace

core::Result<ipc::TaskAdded> add_task(const ipc::TaskAdd& request, Handling& h) {
    ipc::TaskAdded added;
    auto content = core::checked(
        core::TaskContent{request.summary,
                          request.notes,
                          request.project,
                          request.tags,
                          static_cast<int>(std::clamp<std::int64_t>(request.priority, -1, 99)),
                          {},
                          {}});
    if (!content) return tl::unexpected(content.error());
    const bool has_times = !request.at.empty() || !request.due.empty() || !request.start.empty() ||
                           !request.every.empty();
    const auto zone = zone_for({request.tz, request.tz_default, has_times}, h, added.warnings);
    if (!zone) return tl::unexpected(zone.error());
    if (!request.start.empty()) {
        const auto start = core::parse_when("start", request.start, h.unit.now(), *zone);
        if (!start) return tl::unexpected(start.error());
        content->start = start->time;
    }
    const auto depends_on = read_dependencies("depends_on", request.depends_on, {}, h);
    if (!depends_on) return tl::unexpected(depends_on.error());
    if (auto good = check_count(*depends_on); !good) return tl::unexpected(good.error());
    if (!depends_on->empty() && !request.every.empty())
        return core::invalid_argument("depends_on",
                                      "is for a task that does not recur; leave out --every");
    added.task.depends_on = *depends_on;
    if (!request.recurring_pattern.empty()) {
        if (!request.every.empty())
            return core::invalid_argument("recurring_pattern",
                                          "does not go with every; keep one of them");
        const auto pattern = core::parse_pattern(request.recurring_pattern);
        if (!pattern) return tl::unexpected(pattern.error());
    }
    auto reminders = read_reminders(request.remind, request.channels, request.reminding, *zone, h);
    if (!reminders) return tl::unexpected(reminders.error());
    // Occurrences that come by themselves are never refused (P11).
    if (h.unit.count_tasks(h.user) >= h.settings.quotas.tasks)
        return tl::unexpected(
            core::Error{core::Reason::resource_exhausted,
                        "quota.tasks: there are " + std::to_string(h.settings.quotas.tasks) +
                            " tasks, the most there may be",
                        "summary", "deleted tasks count until they are gone for good"});
    if (request.remind.empty()) {
        core::TaskContent known = *content;
        // Whether there is a time to remind before is all that is asked of it.
        if (!request.due.empty() || !request.at.empty()) known.due = core::CalendarTime{};
        reminders = default_reminders(known, !request.every.empty(), *zone, h);
        if (!reminders) return tl::unexpected(reminders.error());
    }
    return (request.every.empty() ? add_single : add_series)(
        request, h, std::move(*content), *zone, std::move(*reminders), std::move(added));
}

core::Result<ipc::TaskDetails> get_task(const ipc::TaskGet& request, Handling& h) {
    const auto task = h.unit.find_task(h.user, request.task);
    if (!task) return tl::unexpected(task.error());
    ipc::TaskDetails details{*task,
                             {},
                             h.unit.dependents_of(*task),
                             {},
                             h.unit.reminders_of(*task),
                             h.unit.list_deliveries(h.user, task->id, deliveries_shown),
                             {},
                             {}};
    for (const auto& id : task->depends_on)
        if (auto other = h.unit.find_task(h.user, id))
            details.dependencies.push_back(std::move(*other));
    if (const auto series = h.unit.find_series(h.user, task->series))
        details.series = view_of(h.unit, *series);
    details.command = h.unit.find_command(*task);
    if (details.command) details.runs = h.unit.runs_of(*task, runs_shown);
    return details;
}

core::Result<ipc::TaskPage> list_tasks(const ipc::TaskList& request, Handling& h) {
    const auto query = core::checked(request.query);
    if (!query) return tl::unexpected(query.error());
    return h.unit.list_tasks(h.user, *query);
}

core::Result<ipc::TaskClosed> complete_task(const ipc::TaskComplete& request, Handling& h) {
    const auto task = h.unit.find_task(h.user, request.task);
    if (!task) return tl::unexpected(task.error());
    return complete_occurrence(*task, h);
}

core::Result<ipc::TaskClosed> complete_occurrence(const Task& task, Handling& h) {
    const auto after = core::complete(task, h.unit.now());
    if (!after) return tl::unexpected(after.error());
    const bool was_blocked = h.unit.is_blocked(task);
    h.unit.update_task(task, *after);
    Task told = *after;
    // Who hears of a pattern may make the next one; here that is done already.
    if (h.settings.roles.recurs_here()) told.recurring_pattern.clear();
    h.unit.append_event(h.user, {"task.completed", after->id.str(), told});
    if (auto next = recur_here(*after, h); !next) return tl::unexpected(next.error());
    auto reply = closed(h, *after);
    if (reply && was_blocked)
        reply->warnings.push_back("task " + std::to_string(task.number) +
                                  " depends on a task that is still open");
    return reply;
}

core::Result<ipc::TaskClosed> cancel_task(const ipc::TaskCancel& request, Handling& h) {
    const auto task = h.unit.find_task(h.user, request.task);
    if (!task) return tl::unexpected(task.error());
    return cancel_occurrence(*task, core::SkipReason::cancelled, h);
}

core::Result<ipc::TaskClosed> cancel_occurrence(const Task& task, core::SkipReason reason,
                                                Handling& h, const core::NextSlot* next) {
    const auto after = core::cancel(task, h.unit.now());
    if (!after) return tl::unexpected(after.error());
    h.unit.update_task(task, *after);
    h.unit.append_event(h.user, {"task.cancelled", after->id.str(), *after});
    skip_slot_of(h, task, reason);
    return closed(h, *after, next);
}

core::Result<ipc::TaskChanged> start_task(const ipc::TaskStart& request, Handling& h) {
    const auto task = h.unit.find_task(h.user, request.task);
    if (!task) return tl::unexpected(task.error());
    const auto after = core::start(*task, h.unit.now());
    if (!after) return tl::unexpected(after.error());
    h.unit.update_task(*task, *after);
    h.unit.append_event(h.user, {"task.started", after->id.str(), *after});
    ipc::TaskChanged reply{*after, {}, {}, {}};
    if (const auto command = h.unit.find_command(*after))
        (void)keep_run(*after, *command, core::run_by_start, h);
    if (h.unit.is_blocked(*after))
        reply.warnings.push_back("task " + std::to_string(after->number) +
                                 " depends on a task that is still open");
    return reply;
}

core::Result<ipc::TaskFacetsReply> list_facets(const ipc::TaskFacets&, Handling& h) {
    return h.unit.facets(h.user);
}

core::Result<ipc::Agenda> get_agenda(const ipc::AgendaGet& request, Handling& h) {
    if (request.limit < 1 || request.limit > core::page_max)
        return core::invalid_argument(
            "limit", std::to_string(request.limit) + " is not accepted; use 1 to 1000");
    return ipc::Agenda{h.unit.next_tasks(h.user, h.unit.now(), request.limit),
                       h.unit.count_overdue(h.user, h.unit.now())};
}

core::Result<ipc::TaskClosed> delete_task(const ipc::TaskDelete& request, Handling& h) {
    const auto task = h.unit.find_task(h.user, request.task);
    if (!task) return tl::unexpected(task.error());
    const auto after = core::remove(*task, h.unit.now());
    if (!after) return tl::unexpected(after.error());
    h.unit.update_task(*task, *after);
    h.unit.append_event(h.user, {"task.deleted", after->id.str(), *after});
    // A task that was closed before had its succession then.
    if (!task->is_open()) return ipc::TaskClosed{*after, {}, {}, false, false, {}, {}};
    skip_slot_of(h, *task, core::SkipReason::user);
    return closed(h, *after);
}

core::Result<ipc::TaskReopened> reopen_task(const ipc::TaskReopen& request, Handling& h) {
    const auto task = h.unit.find_task(h.user, request.task);
    if (!task) return tl::unexpected(task.error());
    const auto after = core::reopen(*task, h.unit.now());
    if (!after) return tl::unexpected(after.error());
    auto reply = opened(h, *task, *after);
    if (reply) h.unit.append_event(h.user, {"task.reopened", after->id.str(), *after});
    return reply;
}

core::Result<ipc::TaskReopened> restore_task(const ipc::TaskRestore& request, Handling& h) {
    const auto task = h.unit.find_task(h.user, request.task);
    if (!task) return tl::unexpected(task.error());
    auto after = core::restore(*task, h.unit.now());
    if (!after) return tl::unexpected(after.error());
    // Its run ended when it was deleted: there will be another one.
    if (after->status == core::Status::in_process && h.unit.find_command(*after))
        after->status = core::Status::needs_action;
    if (!after->is_open()) {
        h.unit.update_task(*task, *after);
        h.unit.append_event(h.user, {"task.restored", after->id.str(), *after});
        return ipc::TaskReopened{*after, 0};
    }
    auto reply = opened(h, *task, *after);
    if (reply) h.unit.append_event(h.user, {"task.restored", after->id.str(), *after});
    return reply;
}

}  // namespace taskd::daemon
