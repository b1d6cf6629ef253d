// SPDX-License-Identifier: Apache-2.0
#include "ipc/json/core_fields.h"

namespace taskd::ipc::codec {

void fields(auto& f, Of<TaskAdd> auto& v) {
    f("summary", v.summary);
    f.sparse("notes", v.notes);
    f.sparse("project", v.project);
    f.sparse("tags", v.tags);
    f.sparse("priority", v.priority);
    f.sparse("start", v.start);
    f.sparse("due", v.due);
    f.sparse("at", v.at);
    f.sparse("every", v.every);
    f.sparse("tz", v.tz);
    f.sparse("tz_default", v.tz_default);
    f.sparse("remind", v.remind);
    f.sparse("channels", v.channels);
    fields(f, v.reminding);
    f.sparse("depends_on", v.depends_on);
    fields(f, v.policies);
    f.sparse("recurring_pattern", v.recurring_pattern);
    f.sparse("parent_task_id", v.parent);
    f("command", v.command);
}
void fields(auto& f, Of<TaskAdded> auto& v) {
    f("task", v.task);
    f("series", v.series);
    f.sparse("reminders", v.reminders);
    f("understood", v.understood);
    f.sparse("slots", v.slots);
    f.sparse("warnings", v.warnings);
    f("command", v.command);
}
void fields(auto& f, Of<core::Because> auto& v) {
    f("about", v.about);
    f("text", v.text);
}
void fields(auto& f, Of<TaskExplanation> auto& v) {
    f("task", v.task);
    f("because", v.because);
    f("next", v.next);
    f.sparse("skipped", v.skipped);
    f("recurrence_id", v.slot);
}
void fields(auto& f, Of<TaskExplain> auto& v) {
    f("task", v.task);
    f.sparse("when", v.when);
}
void fields(auto& f, Of<TaskGet> auto& v) {
    f("task", v.task);
}
void fields(auto& f, Of<TaskDetails> auto& v) {
    f("task", v.task);
    f.sparse("dependencies", v.dependencies);
    f.sparse("dependents", v.dependents);
    f("series", v.series);
    f("reminders", v.reminders);
    f("deliveries", v.deliveries);
    f("command", v.command);
    f.sparse("runs", v.runs);
}
void fields(auto& f, Of<TaskList> auto& v) {
    fields(f, v.query);
}
void fields(auto& f, Of<TaskPage> auto& v) {
    f("tasks", v.tasks);
    f.sparse("blocked", v.blocked);
    f("total", v.total);
}
void fields(auto& f, Of<TaskUpdate> auto& v) {
    f("task", v.task);
    fields(f, v.edit);
    f("start", v.start);
    f("due", v.due);
    f.sparse("tz", v.tz);
    f.sparse("tz_default", v.tz_default);
    f("remind", v.remind);
    f("channels", v.channels);
    fields(f, v.reminding);
    f("depends_on", v.depends_on);
    f.sparse("add_depends_on", v.add_depends_on);
    f.sparse("remove_depends_on", v.remove_depends_on);
    f("if_revision", v.if_revision);
    f("reminder_sent", v.reminder_sent);
    f("command", v.command);
}
void fields(auto& f, Of<TaskChanged> auto& v) {
    f("task", v.task);
    f.sparse("reminders", v.reminders);
    f.sparse("understood", v.understood);
    f.sparse("warnings", v.warnings);
}
void fields(auto& f, Of<TaskStart> auto& v) {
    f("task", v.task);
}
void fields(auto& f, Of<TaskCancel> auto& v) {
    f("task", v.task);
}
void fields(auto&, Of<TaskFacets> auto&) {}
void fields(auto& f, Of<Facet> auto& v) {
    f("name", v.name);
    f("count", v.count);
}
void fields(auto& f, Of<TaskFacetsReply> auto& v) {
    f("tags", v.tags);
    f("projects", v.projects);
}
void fields(auto& f, Of<AgendaGet> auto& v) {
    f("limit", v.limit);
}
void fields(auto& f, Of<Agenda> auto& v) {
    f("tasks", v.tasks);
    f("overdue", v.overdue);
}
void fields(auto& f, Of<TaskComplete> auto& v) {
    f("task", v.task);
}
void fields(auto& f, Of<TaskDelete> auto& v) {
    f("task", v.task);
}
void fields(auto& f, Of<TaskReopen> auto& v) {
    f("task", v.task);
}
void fields(auto& f, Of<TaskRestore> auto& v) {
    f("task", v.task);
}
void fields(auto& f, Of<TaskClosed> auto& v) {
    f("task", v.task);
    f("next", v.next);
    f.sparse("skipped", v.skipped);
    f.sparse("series_ended", v.series_ended);
    f.sparse("series_paused", v.series_paused);
    f.sparse("unblocked", v.unblocked);
    f.sparse("warnings", v.warnings);
}
void fields(auto& f, Of<TaskReopened> auto& v) {
    f("task", v.task);
    f.sparse("removed", v.removed);
}

}  // namespace taskd::ipc::codec

namespace taskd::ipc {

TASKD_METHOD(TaskAdd);
template std::vector<std::string> field_names<TaskAdd>();
TASKD_METHOD(TaskGet);
TASKD_METHOD(TaskExplain);
TASKD_METHOD(TaskList);
TASKD_METHOD(TaskFacets);
TASKD_METHOD(AgendaGet);
TASKD_METHOD(TaskUpdate);
TASKD_JSON(TaskStart);
TASKD_JSON(TaskCancel);
TASKD_JSON(TaskComplete);
TASKD_JSON(TaskDelete);
TASKD_JSON(TaskClosed);
TASKD_JSON(TaskReopen);
TASKD_JSON(TaskRestore);
TASKD_JSON(TaskReopened);

}  // namespace taskd::ipc
