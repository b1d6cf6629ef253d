// SPDX-License-Identifier: Apache-2.0
#include "ipc/json/core_fields.h"
#include "ipc/rpc.h"

namespace taskd::ipc::codec {

template <>
struct Codec<core::Error> {
    static json encode(const core::Error& value) { return error_json(value); }
    static core::Result<core::Error> decode(const std::string&, const json& found) {
        return error_from(found);
    }
};

/// What can't be read is kept as the item's error: the others of the batch can.
template <>
struct Codec<PublishItem> {
    static json encode(const PublishItem& value) {
        return value.error ? json{{"error", error_json(*value.error)}} : codec::encode(value.event);
    }
    static core::Result<PublishItem> decode(const std::string& field, const json& found) {
        auto event = codec::decode<CloudEvent>(field, found);
        if (!event) return PublishItem{{}, event.error()};
        return PublishItem{std::move(*event), {}};
    }
};

void fields(auto& f, Of<EventRead> auto& v) {
    f.sparse("after", v.after);
    f("since", v.since);
    f.sparse("types", v.types);
    f("limit", v.limit);
    f.sparse("wait_ms", v.wait_ms);
    f.sparse("missed", v.missed);
}
void fields(auto& f, Of<EventList> auto& v) {
    f.sparse("types", v.types);
    f("limit", v.limit);
    f.sparse("before", v.before);
}
void fields(auto& f, Of<EventPage> auto& v) {
    f("events", v.events);
    f("head", v.head);
    f("oldest", v.oldest);
    f("next", v.next);
}
void fields(auto& f, Of<PublishResult> auto& v) {
    f.sparse("id", v.id);
    f.sparse("source", v.source);
    f.sparse("type", v.type);
    f.sparse("userseq", v.userseq);
    f("duplicate", v.duplicate);
    f("error", v.error);
}
void fields(auto& f, Of<EventsPublished> auto& v) {
    f("events", v.events);
    f("published", v.published);
    f("duplicates", v.duplicates);
    f("refused", v.refused);
}
void fields(auto& f, Of<EventPublish> auto& v) {
    f("events", v.events);
    f.sparse("each", v.each);
    f.sparse("require_ids", v.require_ids);
    f.sparse("imported", v.imported);
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
TASKD_METHOD(EventPublish);
TASKD_METHOD(BusEndpoint);

}  // namespace taskd::ipc
