// SPDX-License-Identifier: Apache-2.0
// Reminders, channels and deliveries.
#include "ipc/json/core_fields.h"

namespace taskd::ipc::codec {

void fields(auto& f, Of<ChannelSet> auto& v) {
    fields(f, v.channel);
    f.sparse("secret", v.secret);
}
void fields(auto&, Of<ChannelList> auto&) {}
void fields(auto& f, Of<ChannelPage> auto& v) {
    f("channels", v.channels);
}
void fields(auto& f, Of<ChannelRemove> auto& v) {
    f("name", v.name);
}
void fields(auto& f, Of<ChannelTest> auto& v) {
    f("name", v.name);
}
void fields(auto& f, Of<ReminderDefault> auto& v) {
    f("scope", v.scope);
    f.sparse("name", v.name);
    f.sparse("remind", v.remind);
    f.sparse("channels", v.channels);
    fields(f, v.reminding);
}
void fields(auto& f, Of<ReminderDefaultPage> auto& v) {
    f("defaults", v.defaults);
}
void fields(auto&, Of<ReminderDefaultList> auto&) {}
void fields(auto& f, Of<ReminderDefaultSet> auto& v) {
    fields(f, v.value);
    f.sparse("tz_default", v.tz_default);
}
void fields(auto& f, Of<DeliveryRetry> auto& v) {
    f("delivery", v.delivery);
}
void fields(auto& f, Of<DeliveryList> auto& v) {
    f("limit", v.limit);
    f.sparse("failed", v.failed);
    f.sparse("task", v.task);
}
void fields(auto& f, Of<DeliveryGet> auto& v) {
    f("delivery", v.delivery);
}
void fields(auto& f, Of<DeliveryPage> auto& v) {
    f("deliveries", v.deliveries);
}

void fields(auto& f, Of<ReminderSnooze> auto& v) {
    f("task", v.task);
    f("until", v.until);
    f.sparse("tz", v.tz);
    f.sparse("tz_default", v.tz_default);
}
void fields(auto& f, Of<ReminderAcknowledge> auto& v) {
    f("task", v.task);
}
void fields(auto& f, Of<ReminderChanged> auto& v) {
    f("task", v.task);
    f("reminder", v.reminder);
}

}  // namespace taskd::ipc::codec

namespace taskd::ipc {

TASKD_METHOD(ReminderSnooze);
TASKD_JSON(ReminderAcknowledge);
TASKD_JSON(ChannelSet);
TASKD_JSON(ChannelRemove);
TASKD_JSON(Channel);
TASKD_METHOD(ChannelList);
TASKD_METHOD(DeliveryList);
TASKD_JSON(DeliveryGet);
TASKD_JSON(DeliveryRetry);
TASKD_JSON(ChannelTest);
TASKD_JSON(ReminderDefault);
TASKD_JSON(ReminderDefaultSet);
TASKD_METHOD(ReminderDefaultList);

}  // namespace taskd::ipc
