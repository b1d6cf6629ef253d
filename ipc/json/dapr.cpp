// SPDX-License-Identifier: Apache-2.0
// Calls through a Dapr sidecar.
#include "ipc/json/core_fields.h"

namespace taskd::ipc::codec {

void fields(auto& f, Of<DaprInvoke> auto& v) {
    f("app", v.app);
    f("path", v.path);
    f("verb", v.verb);
    f.sparse("headers", v.headers);
    f.sparse("body", v.body);
    f.sparse("call_key", v.call_key);
    f.sparse("keep_trying_ms", v.keep_trying_ms);
}
void fields(auto& f, Of<DaprPublish> auto& v) {
    f("pubsub", v.pubsub);
    f("topic", v.topic);
    f("content_type", v.content_type);
    f("body", v.body);
    f.sparse("bulk", v.bulk);
    f.sparse("metadata", v.metadata);
    f.sparse("keep_trying_ms", v.keep_trying_ms);
}
void fields(auto& f, Of<DaprBreaker> auto& v) {
    f("app", v.app);
    f.sparse("outcome", v.outcome);
}

}  // namespace taskd::ipc::codec

namespace taskd::ipc {

TASKD_JSON(DaprInvoke);
TASKD_JSON(DaprPublish);
TASKD_METHOD(DaprBreaker);

}  // namespace taskd::ipc
