// SPDX-License-Identifier: Apache-2.0
#include "ipc/cloud_event.h"

#include "core/rfc3339.h"

namespace taskd::ipc {

core::InboundEvent inbound_event(const PublishItem& item) {
    const auto& event = item.event;
    core::InboundEvent inbound;
    inbound.id = event.id;
    inbound.source = event.source;
    inbound.type = event.type;
    inbound.subject = event.subject;
    inbound.time = event.time;
    inbound.datacontenttype = event.datacontenttype;
    inbound.userid = event.userid;
    inbound.traceparent = event.traceparent;
    inbound.attributes = event.attributes;
    if (!event.dataref.empty()) inbound.attributes["dataref"] = event.dataref;
    inbound.data = event.data;
    inbound.data_is_base64 = event.data_is_base64;
    inbound.data_depth = item.data_depth;
    inbound.event_id = item.event_id;
    inbound.event_type = item.event_type;
    inbound.user_id = item.user_id;
    return inbound;
}

CloudEvent cloud_event(const core::AcceptedEvent& event, std::int64_t userseq) {
    CloudEvent out;
    out.id = event.id;
    out.source = event.source;
    out.type = event.type;
    out.subject = event.subject;
    out.time = core::format_utc(event.time);
    out.datacontenttype = event.datacontenttype;
    out.userid = event.user.str();
    out.userseq = userseq;
    out.traceparent = event.traceparent;
    out.data = event.data;
    out.data_is_base64 = event.data_is_base64;
    out.attributes = event.attributes;
    return out;
}

}  // namespace taskd::ipc
