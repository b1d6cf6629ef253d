// SPDX-License-Identifier: Apache-2.0
#include "ipc/json/core_fields.h"

namespace taskd::ipc::codec {

/// What a consumer takes and how it is treated, the same in request and reply.
void policy_fields(auto& f, auto& v) {
    f.sparse("types", v.types);
    f.sparse("sources", v.sources);
    f.sparse("subjects", v.subjects);
    f.sparse("where", v.where);
    f("lease_ms", v.lease_ms);
    f("max_in_flight", v.max_in_flight);
    f("attempts_max", v.attempts_max);
    f("backoff_ms", v.backoff_ms);
    f("backoff_max_ms", v.backoff_max_ms);
}
void fields(auto& f, Of<ConsumerView> auto& v) {
    f("name", v.name);
    policy_fields(f, v);
    f("cursor", v.cursor);
    f("position", v.position);
    f("head", v.head);
    f("lag", v.lag);
    f("oldest", v.oldest);
    f("in_flight", v.in_flight);
    f("waiting", v.waiting);
    f("held", v.held);
    f("dead", v.dead);
    f("members", v.members);
}
void fields(auto& f, Of<ConsumerChanged> auto& v) {
    f("consumer", v.consumer);
    f.sparse("created", v.created);
}
void fields(auto& f, Of<ConsumerCreate> auto& v) {
    f("name", v.name);
    policy_fields(f, v);
    f("from", v.from);
    f.sparse("replace", v.replace);
}
void fields(auto& f, Of<Leased> auto& v) {
    f("event", v.event);
    f("fence", v.fence);
    f("attempt", v.attempt);
    f("lease_until", v.lease_until);
}
void fields(auto& f, Of<ConsumerBatch> auto& v) {
    f("events", v.events);
    f("head", v.head);
    f("lag", v.lag);
}
void fields(auto& f, Of<ConsumerFetch> auto& v) {
    f("name", v.name);
    f("member", v.member);
    f("limit", v.limit);
    f.sparse("wait_ms", v.wait_ms);
    f("holding", v.holding);
}
void fields(auto& f, Of<LeaseRef> auto& v) {
    f("userseq", v.userseq);
    f("fence", v.fence);
}
void fields(auto& f, Of<Settled> auto& v) {
    f("settled", v.settled);
    f("lost", v.lost);
    f("lease_until", v.lease_until);
}
void fields(auto& f, Of<ConsumerAck> auto& v) {
    f("name", v.name);
    f("items", v.items);
}
void fields(auto& f, Of<ConsumerNack> auto& v) {
    f("name", v.name);
    f("items", v.items);
    f("action", v.action);
    f.sparse("error", v.error);
    f("delay_ms", v.delay_ms);
}
void fields(auto& f, Of<ConsumerExtend> auto& v) {
    f("name", v.name);
    f("items", v.items);
    f("lease_ms", v.lease_ms);
}
void fields(auto& f, Of<ConsumerReset> auto& v) {
    f("name", v.name);
    f("to", v.to);
}
void fields(auto& f, Of<ConsumerRemove> auto& v) {
    f("name", v.name);
}
void fields(auto&, Of<ConsumerList> auto&) {}
void fields(auto& f, Of<ConsumerPage> auto& v) {
    f("consumers", v.consumers);
}
void fields(auto& f, Of<DeadLetter> auto& v) {
    f("id", v.id);
    f("origin", v.origin);
    f("name", v.name);
    f("event", v.event);
    f("reason", v.reason);
    f("attempts", v.attempts);
    f("created", v.created);
}
void fields(auto& f, Of<DeadLetterPage> auto& v) {
    f("dead_letters", v.dead_letters);
    f("total", v.total);
}
void fields(auto& f, Of<DeadLetterFilter> auto& v) {
    f.sparse("ids", v.ids);
    f.sparse("origin", v.origin);
    f.sparse("name", v.name);
    f.sparse("types", v.types);
    f.sparse("all", v.all);
}
void fields(auto& f, Of<DeadLetterList> auto& v) {
    fields(f, v.filter);
    f("limit", v.limit);
    f.sparse("offset", v.offset);
}
void fields(auto& f, Of<DeadLettersChanged> auto& v) {
    f("count", v.count);
    f("ids", v.ids);
    f.sparse("skipped", v.skipped);
}
void fields(auto& f, Of<DeadLetterRetry> auto& v) {
    fields(f, v.filter);
}
void fields(auto& f, Of<DeadLetterDrop> auto& v) {
    fields(f, v.filter);
}

}  // namespace taskd::ipc::codec

namespace taskd::ipc {

TASKD_METHOD(ConsumerCreate);
TASKD_METHOD(ConsumerFetch);
TASKD_METHOD(ConsumerAck);
TASKD_JSON(ConsumerNack);
TASKD_JSON(ConsumerExtend);
TASKD_JSON(ConsumerReset);
TASKD_JSON(ConsumerRemove);
TASKD_METHOD(ConsumerList);
TASKD_METHOD(DeadLetterList);
TASKD_METHOD(DeadLetterRetry);
TASKD_JSON(DeadLetterDrop);

}  // namespace taskd::ipc
