// SPDX-License-Identifier: Apache-2.0
#include "ipc/json/core_fields.h"

namespace taskd::ipc::codec {

void fields(auto& f, Of<CommandRuns> auto& v) {
    f("limit", v.limit);
    f.sparse("failed", v.failed);
    f("since", v.since);
    f.sparse("task", v.task);
}
void fields(auto& f, Of<CommandRunPage> auto& v) {
    f("runs", v.runs);
}
void fields(auto& f, Of<CommandTrigger> auto& v) {
    f("task", v.task);
}
void fields(auto& f, Of<CommandBackfill> auto& v) {
    f("series", v.series);
    f("from", v.from);
    f("to", v.to);
    f.sparse("tz", v.tz);
    f.sparse("tz_default", v.tz_default);
}
void fields(auto& f, Of<CommandBackfilled> auto& v) {
    f("count", v.count);
    f("runs", v.runs);
}

}  // namespace taskd::ipc::codec

namespace taskd::ipc {

TASKD_METHOD(CommandRuns);
TASKD_METHOD(CommandTrigger);
TASKD_METHOD(CommandBackfill);

}  // namespace taskd::ipc
