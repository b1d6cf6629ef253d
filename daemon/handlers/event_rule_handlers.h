// SPDX-License-Identifier: Apache-2.0
// The rules of users: what taskd does by itself when an event comes, in the transaction that stores
// it. Design section 5.
#pragma once

#include "daemon/event_handler.h"
#include "daemon/handlers/handling.h"
#include "ipc/messages.h"

#include <optional>
#include <string>
#include <vector>

namespace taskd::daemon {

/// Errors: invalid_argument - the field; conflict on `name` - there is another one of that name;
///         permission_denied on command.argv; resource_exhausted.
[[nodiscard]] core::Result<ipc::RuleSaved> set_rule(const ipc::RuleSet& request, Handling& h);
[[nodiscard]] core::Result<ipc::RulePage> list_rules(const ipc::RuleList& request, Handling& h);
[[nodiscard]] core::Result<ipc::RuleSaved> pause_rule(const ipc::RulePause& request, Handling& h);
[[nodiscard]] core::Result<ipc::RuleSaved> resume_rule(const ipc::RuleResume& request, Handling& h);
[[nodiscard]] core::Result<ipc::RuleSaved> remove_rule(const ipc::RuleRemove& request, Handling& h);

/// A user's rules that are not paused, ready to be asked.
struct ActiveRule {
    core::EventRule rule;
    core::EventFilter filter;
};
[[nodiscard]] std::vector<ActiveRule> active_rules(const core::UserId& user, UnitOfWork& unit);

/// Those that are to be applied to an event: it matches them, and they did not lead to it.
[[nodiscard]] std::vector<const core::EventRule*> rules_for(const std::vector<ActiveRule>& rules,
                                                            const ipc::CloudEvent& event);

/// Applies rules to an event of `h.user`; each in a savepoint of its own. One that fails is tried
/// again by a timer, or the event is a dead letter. `left` is how often rules may still be applied
/// because of what began it; where it ends the event is a dead letter.
void apply_rules(const std::vector<const core::EventRule*>& rules, const ipc::CloudEvent& event,
                 int& left, Handling& h);

/// The handler of a rule by the name under which its marks are kept; none when it was removed.
[[nodiscard]] std::optional<EventHandler> rule_handler(const std::string& name, Handling& h);

}  // namespace taskd::daemon
