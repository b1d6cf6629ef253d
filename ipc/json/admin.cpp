// SPDX-License-Identifier: Apache-2.0
#include "ipc/json/core_fields.h"

namespace taskd::ipc::codec {

void fields(auto&, Of<AdminHealth> auto&) {}
void fields(auto& f, Of<Health> auto& v) {
    f("status", v.status);
    f("version", v.version);
    f("protocol", v.protocol);
    f("pid", v.pid);
    f("store", v.store);
    f("started", v.started);
    f("user_id", v.user_id);
    f("tasks_open", v.tasks_open);
    f("series_active", v.series_active);
    f("reminders_pending", v.reminders_pending);
    f("deliveries_pending", v.deliveries_pending);
    f("deliveries_dead", v.deliveries_dead);
    f("event_head", v.event_head);
    f.sparse("next_timer", v.next_timer);
}
void fields(auto&, Of<AdminShutdown> auto&) {}
void fields(auto& f, Of<ShutdownReply> auto& v) {
    f("pid", v.pid);
}

}  // namespace taskd::ipc::codec

namespace taskd::ipc {

TASKD_METHOD(AdminHealth);
TASKD_METHOD(AdminShutdown);

}  // namespace taskd::ipc
