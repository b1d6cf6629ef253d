// SPDX-License-Identifier: Apache-2.0
#include "ipc/json/core_fields.h"

namespace taskd::ipc::codec {

void fields(auto& f, Of<ExpectationView> auto& v) {
    fields(f, v.expectation);
    f("state", v.state);
    f("words", v.words);
    f.sparse("task", v.task);
    f("due", v.due);
    f("opens", v.opens);
    f.sparse("channels", v.channels);
}
void fields(auto& f, Of<ExpectationSaved> auto& v) {
    f("expectation", v.expectation);
    f.sparse("understood", v.understood);
    f.sparse("slots", v.slots);
    f.sparse("warnings", v.warnings);
    f.sparse("unchanged", v.unchanged);
}
void fields(auto& f, Of<ExpectationSet> auto& v) {
    f("name", v.name);
    f("every", v.every);
    f.sparse("by", v.by);
    f.sparse("tz", v.tz);
    f.sparse("tz_default", v.tz_default);
    f.sparse("grace", v.grace);
    f.sparse("window", v.window);
    f.sparse("channels", v.channels);
    f.sparse("nag", v.nag);
    f.sparse("escalate", v.escalate);
    f.sparse("escalate_to", v.escalate_to);
}
void fields(auto& f, Of<ExpectationPing> auto& v) {
    f("name", v.name);
    f("kind", v.kind);
    f.sparse("run", v.run);
}
void fields(auto& f, Of<ExpectationPinged> auto& v) {
    f("ping", v.ping);
    f("expectation", v.expectation);
}
void fields(auto& f, Of<ExpectationList> auto& v) {
    f.sparse("name", v.name);
    f.sparse("after", v.after);
    f("limit", v.limit);
}
void fields(auto& f, Of<ExpectationPage> auto& v) {
    f("expectations", v.expectations);
}

void fields(auto& f, Of<ExpectationRemove> auto& v) {
    f("name", v.name);
}
void fields(auto& f, Of<ExpectationRemoved> auto& v) {
    f("name", v.name);
}

}  // namespace taskd::ipc::codec

namespace taskd::ipc {

TASKD_METHOD(ExpectationSet);
TASKD_METHOD(ExpectationPing);
TASKD_METHOD(ExpectationList);
TASKD_METHOD(ExpectationRemove);
TASKD_JSON(core::Expectation);

}  // namespace taskd::ipc
