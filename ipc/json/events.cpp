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

/// Levels of arrays and objects. The parser has bounded them, so the recursion is too.
std::size_t depth_of(const json& value) {
    if (!value.is_structured()) return 0;
    std::size_t deepest = 0;
    for (const auto& inner : value) deepest = std::max(deepest, depth_of(inner));
    return deepest + 1;
}

/// A name in data, which other services give as text or number.
std::string name_in(const json& data, const char* member) {
    const auto found = data.is_object() ? data.find(member) : data.end();
    if (!data.is_object() || found == data.end()) return {};
    if (found->is_string()) return found->get<std::string>();
    return found->is_number_integer() ? found->dump() : std::string();
}

constexpr std::size_t unread_bytes_max = 2048;

/// What can't be read is kept as the item's error: the others of the batch can.
template <>
struct Codec<PublishItem> {
    static json encode(const PublishItem& value) {
        return value.error ? json{{"error", error_json(*value.error)}} : codec::encode(value.event);
    }
    static core::Result<PublishItem> decode(const std::string& field, const json& found) {
        auto event = codec::decode<CloudEvent>(field, found);
        if (!event) {
            PublishItem unread;
            unread.error = event.error();
            unread.unread = core::clipped(found.dump(), unread_bytes_max);
            return unread;
        }
        PublishItem item;
        item.event = std::move(*event);
        if (const auto data = found.find("data"); data != found.end()) {
            item.event_id = name_in(*data, "event_id");
            item.event_type = name_in(*data, "event_type");
            item.user_id = name_in(*data, "user_id");
            item.data_depth = depth_of(*data);
        }
        return item;
    }
};

void fields(auto& f, Of<EventRead> auto& v) {
    f("after", v.after);
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
    f.sparse("keep_refused", v.keep_refused);
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
