// SPDX-License-Identifier: Apache-2.0
#include "core/text.h"
#include "core/when.h"
#include "daemon/handlers/command_handlers.h"
#include "daemon/handlers/occurrences.h"
#include "daemon/handlers/reminder_edit.h"
#include "daemon/handlers/series_handlers.h"
#include "daemon/handlers/task_handlers.h"
#include "daemon/handlers/task_words.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

using core::Task;
using core::TaskContent;

bool means_none(const std::string& words) {
    return words.empty() || words == "none";
}

core::Result<void> check_series(const ipc::TaskUpdate& request, const Task& task) {
    if (task.series.empty()) return {};
    const std::string number = std::to_string(task.number);
    if (request.due && (means_none(*request.due) || !task.is_open()))
        return core::failed_precondition(
            "due", "task " + number +
                       " is a slot of a series: while it is open it can be moved to another time, "
                       "and has one always");
    return {};
}

core::Result<void> read_times(const ipc::TaskUpdate& request, Handling& h, TaskContent& content,
                              ipc::TaskChanged& reply) {
    const bool has_times = (request.start && !means_none(*request.start)) ||
                           (request.due && !means_none(*request.due));
    const auto zone = zone_for({request.tz, request.tz_default, has_times}, h, reply.warnings);
    if (!zone) return tl::unexpected(zone.error());
    if (request.start) {
        content.start.reset();
        if (!means_none(*request.start)) {
            const auto start = core::parse_when("start", *request.start, h.unit.now(), *zone);
            if (!start) return tl::unexpected(start.error());
            content.start = start->time;
        }
    }
    if (request.due) {
        content.due.reset();
        if (!means_none(*request.due)) {
            const auto due = core::parse_when("due", *request.due, h.unit.now(), *zone);
            if (!due) return tl::unexpected(due.error());
            content.due = due->time;
            reply.understood = "due " + core::describe(due->time) + ", " + due->time.tzid;
            if (due->moved_by_gap)
                reply.warnings.push_back("the clock skips " + *request.due + "; it is due at " +
                                         core::describe(due->time));
        }
    }
    return {};
}

core::Result<std::vector<core::TaskId>> read_all_dependencies(const ipc::TaskUpdate& request,
                                                              const Task& task, Handling& h) {
    std::vector<core::TaskId> ids = task.depends_on;
    if (request.depends_on) {
        auto all = read_dependencies("depends_on", *request.depends_on, task.id, h);
        if (!all) return all;
        ids = std::move(*all);
    }
    for (const auto& word : request.remove_depends_on) {
        const auto other = h.unit.find_task(h.user, word);
        if (!other) return tl::unexpected(other.error());
        const auto found = std::find(ids.begin(), ids.end(), other->id);
        if (found == ids.end())
            return core::invalid_argument("remove_depends_on",
                                          "it does not depend on task " + core::clipped(word, 64));
        ids.erase(found);
    }
    auto added = read_dependencies("add_depends_on", request.add_depends_on, task.id, h);
    if (!added) return added;
    ids.insert(ids.end(), added->begin(), added->end());
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    if (auto good = check_count(ids); !good) return tl::unexpected(good.error());
    return ids;
}

}  // namespace

core::Result<ipc::TaskChanged> update_task(const ipc::TaskUpdate& request, Handling& h) {
    const auto task = h.unit.find_task(h.user, request.task);
    if (!task) return tl::unexpected(task.error());
    if (request.if_revision && *request.if_revision != task->revision)
        return tl::unexpected(core::Error{
            core::Reason::conflict,
            "task " + std::to_string(task->number) + " has changed meanwhile: it has revision " +
                std::to_string(task->revision) + ", not " + std::to_string(*request.if_revision),
            "if_revision", "read it again"});
    if (auto good = check_series(request, *task); !good) return tl::unexpected(good.error());

    ipc::TaskChanged reply;
    auto content = core::edited(task->content, request.edit);
    if (!content) return tl::unexpected(content.error());
    if (auto read = read_times(request, h, *content, reply); !read)
        return tl::unexpected(read.error());
    const auto depends_on = read_all_dependencies(request, *task, h);
    if (!depends_on) return tl::unexpected(depends_on.error());

    const auto command = h.unit.find_command(*task);
    const auto run = read_command(request.command, command, h);
    if (!run) return tl::unexpected(run.error());
    if (*run && !content->due)
        return core::invalid_argument("command", "needs a time to run at", "--due 22:00");

    auto after = core::update(*task, *content, *depends_on, h.unit.now());
    if (!after) return tl::unexpected(after.error());
    after->reminder_sent = request.reminder_sent.value_or(task->reminder_sent);
    reply.task = *task;
    const bool changed = after->content != task->content || after->depends_on != task->depends_on ||
                         after->reminder_sent != task->reminder_sent || *run != command ||
                         edits_reminders(request);
    if (changed) {
        h.unit.update_task(*task, *after);
        if (*run != command) change_command(*after, *run, h);
        if (auto set = edit_reminders(request, *task, *after, h, reply); !set)
            return tl::unexpected(set.error());
        if (auto armed = arm_unblocked(*after, h); !armed) return tl::unexpected(armed.error());
        h.unit.append_event(h.user, {"task.updated", after->id.str(), *after});
        reply.task = *after;
        if (!task->series.empty() && after->content.due != task->content.due) {
            // Another due time of one occurrence moves its slot (RECURRENCE-ID in RFC 5545).
            const auto series = h.unit.find_series(h.user, task->series);
            h.unit.mark_moved(*after);
            const auto moved =
                override_slot(*series, *after->recurrence_id, *after->content.due, h);
            if (!moved) return tl::unexpected(moved.error());
        }
    } else {
        reply.warnings.emplace_back("nothing is different; nothing was changed");
    }
    reply.reminders = h.unit.reminders_of(reply.task);
    return reply;
}

}  // namespace taskd::daemon
