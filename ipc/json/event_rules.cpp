// SPDX-License-Identifier: Apache-2.0
#include "ipc/json/core_fields.h"

namespace taskd::ipc::codec {

void fields(auto& f, Of<core::EventRule> auto& v) {
    f("id", v.id);
    f("name", v.name);
    f.sparse("types", v.when.types);
    f.sparse("sources", v.when.sources);
    f.sparse("subjects", v.when.subjects);
    f.sparse("where", v.when.where);
    f("action", v.action);
    f.sparse("task", v.task);
    f.sparse("text", v.text);
    f.sparse("channel", v.channel);
    f("command", v.command);
    f("created", v.created);
    f.sparse("after", v.after);
    f("paused", v.paused);
    f("applied", v.applied);
    f("failed", v.failed);
    f("last", v.last);
    f.sparse("last_error", v.last_error);
}
void fields(auto& f, Of<RuleSet> auto& v) {
    f.sparse("name", v.name);
    f.sparse("types", v.when.types);
    f.sparse("sources", v.when.sources);
    f.sparse("subjects", v.when.subjects);
    f.sparse("where", v.when.where);
    f("action", v.action);
    f.sparse("task", v.task);
    f.sparse("text", v.text);
    f.sparse("channel", v.channel);
    f("command", v.command);
}
void fields(auto& f, Of<RuleSaved> auto& v) {
    f("rule", v.rule);
    f.sparse("warnings", v.warnings);
    f.sparse("unchanged", v.unchanged);
}
void fields(auto&, Of<RuleList> auto&) {}
void fields(auto& f, Of<RulePage> auto& v) {
    f("rules", v.rules);
}
void fields(auto& f, Of<RulePause> auto& v) {
    f("name", v.name);
}
void fields(auto& f, Of<RuleResume> auto& v) {
    f("name", v.name);
}
void fields(auto& f, Of<RuleRemove> auto& v) {
    f("name", v.name);
}

}  // namespace taskd::ipc::codec

namespace taskd::ipc {

TASKD_METHOD(RuleSet);
TASKD_METHOD(RuleList);
TASKD_JSON(RulePause);
TASKD_JSON(RuleResume);
TASKD_JSON(RuleRemove);
TASKD_JSON(core::EventRule);

}  // namespace taskd::ipc
