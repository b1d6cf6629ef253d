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
}
void fields(auto& f, Of<TaskAdded> auto& v) {
    f("task", v.task);
    f("series", v.series);
    f.sparse("reminders", v.reminders);
    f("understood", v.understood);
    f.sparse("slots", v.slots);
    f.sparse("warnings", v.warnings);
}
void fields(auto& f, Of<TaskGet> auto& v) {
    f("task", v.task);
}
void fields(auto& f, Of<TaskDetails> auto& v) {
    f("task", v.task);
    f("series", v.series);
    f("reminders", v.reminders);
    f("deliveries", v.deliveries);
}
void fields(auto& f, Of<TaskList> auto& v) {
    fields(f, v.query);
}
void fields(auto& f, Of<TaskPage> auto& v) {
    f("tasks", v.tasks);
    f("total", v.total);
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
    f("skipped", v.skipped);
    f.sparse("series_ended", v.series_ended);
}
void fields(auto& f, Of<TaskReopened> auto& v) {
    f("task", v.task);
    f.sparse("removed", v.removed);
}

}  // namespace taskd::ipc::codec

namespace taskd::ipc {

TASKD_METHOD(TaskAdd);
TASKD_METHOD(TaskGet);
TASKD_METHOD(TaskList);
TASKD_JSON(TaskComplete);
TASKD_JSON(TaskDelete);
TASKD_JSON(TaskClosed);
TASKD_JSON(TaskReopen);
TASKD_JSON(TaskRestore);
TASKD_JSON(TaskReopened);

}  // namespace taskd::ipc
