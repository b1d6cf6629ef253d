// SPDX-License-Identifier: Apache-2.0
#include "ipc/json/core_fields.h"

namespace taskd::ipc::codec {

void fields(auto& f, Of<EventRead> auto& v) {
    f("after", v.after);
    f.sparse("types", v.types);
    f("limit", v.limit);
    f.sparse("wait_ms", v.wait_ms);
}
void fields(auto& f, Of<EventList> auto& v) {
    f.sparse("types", v.types);
    f("limit", v.limit);
    f.sparse("before", v.before);
}
void fields(auto& f, Of<EventPage> auto& v) {
    f("events", v.events);
    f("head", v.head);
    f("next", v.next);
}
void fields(auto&, Of<BusEndpoint> auto&) {}
void fields(auto& f, Of<BusEndpointReply> auto& v) {
    f("endpoint", v.endpoint);
    f("heartbeat_ms", v.heartbeat_ms);
}

}  // namespace taskd::ipc::codec

namespace taskd::ipc {

TASKD_JSON(EventRead);
TASKD_JSON(EventList);
TASKD_JSON(EventPage);
TASKD_METHOD(BusEndpoint);

}  // namespace taskd::ipc
