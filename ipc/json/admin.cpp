// SPDX-License-Identifier: Apache-2.0
#include "ipc/json/core_fields.h"

namespace taskd::ipc::codec {

void fields(auto&, Of<AdminHealth> auto&) {}
void fields(auto& f, Of<TopicView> auto& v) {
    f("topic", v.topic);
    f("lag", v.lag);
    f("published", v.published);
    f.sparse("lost", v.lost);
    f.sparse("failures", v.failures);
    f.sparse("error", v.error);
}
void fields(auto& f, Of<Health> auto& v) {
    f("status", v.status);
    f.sparse("error", v.error);
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
    f.sparse("breakers", v.breakers);
    f.sparse("topics", v.topics);
    f.sparse("sidecar", v.sidecar);
}
void fields(auto&, Of<AdminShutdown> auto&) {}
void fields(auto& f, Of<ShutdownReply> auto& v) {
    f("pid", v.pid);
}

void fields(auto& f, Of<GapList> auto& v) {
    f("since", v.since);
    f("limit", v.limit);
}
void fields(auto& f, Of<core::Gap> auto& v) {
    f("from", v.since);
    f("to", v.until);
}
void fields(auto& f, Of<GapPage> auto& v) {
    f("gaps", v.gaps);
}

void fields(auto&, Of<AdminConfig> auto&) {}
void fields(auto& f, Of<ConfigValue> auto& v) {
    f("key", v.key);
    f("value", v.value);
    f("origin", v.origin);
    f.sparse("reloads", v.reloads);
}
void fields(auto& f, Of<ConfigReply> auto& v) {
    f("values", v.values);
}
void fields(auto& f, Of<AdminBackup> auto& v) {
    f("path", v.path);
}
void fields(auto& f, Of<BackupReply> auto& v) {
    f("path", v.path);
    f("bytes", v.bytes);
}
void fields(auto&, Of<UserGet> auto&) {}
void fields(auto& f, Of<UserSet> auto& v) {
    f("zone", v.zone);
    f("email", v.email);
    f("quiet_hours", v.quiet_hours);
    f("agenda", v.agenda);
    f("agenda_channel", v.agenda_channel);
    f("holidays", v.holidays);
    f.sparse("tz_default", v.tz_default);
}
void fields(auto& f, Of<UserSettingsReply> auto& v) {
    f("user_id", v.user_id);
    fields(f, v.settings);
    f.sparse("warnings", v.warnings);
    f.sparse("is_known", v.is_known);
}

}  // namespace taskd::ipc::codec

namespace taskd::ipc {

TASKD_METHOD(AdminHealth);
TASKD_METHOD(GapList);
TASKD_METHOD(AdminConfig);
TASKD_METHOD(AdminBackup);
TASKD_METHOD(AdminShutdown);
TASKD_JSON(core::UserSettings);
TASKD_METHOD(UserGet);
TASKD_JSON(UserSet);

}  // namespace taskd::ipc
