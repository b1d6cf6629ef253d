// SPDX-License-Identifier: Apache-2.0
// The rules of users: what taskd does by itself when an event comes, in the transaction that stores
// it. Design section 5.
#pragma once

#include "daemon/event_handler.h"
#include "daemon/handlers/handling.h"
#include "ipc/messages.h"

#include <optional>
#include <string>

namespace taskd::daemon {

/// Errors: invalid_argument - the field; conflict on `name` - there is another one of that name;
///         permission_denied on command.argv; resource_exhausted.
[[nodiscard]] core::Result<ipc::RuleSaved> set_rule(const ipc::RuleSet& request, Handling& h);
[[nodiscard]] core::Result<ipc::RulePage> list_rules(const ipc::RuleList& request, Handling& h);
[[nodiscard]] core::Result<ipc::RuleSaved> pause_rule(const ipc::RulePause& request, Handling& h);
[[nodiscard]] core::Result<ipc::RuleSaved> resume_rule(const ipc::RuleResume& request, Handling& h);
[[nodiscard]] core::Result<ipc::RuleSaved> remove_rule(const ipc::RuleRemove& request, Handling& h);

/// Applies those of the event's user that match it; each in a savepoint of its own. One that fails
/// is tried again by a timer, or the event is a dead letter.
void apply_rules(const std::vector<core::EventRule>& rules, const ipc::CloudEvent& event,
                 Handling& h);

/// The handler of a rule by the name under which its marks are kept; none when it was removed.
[[nodiscard]] std::optional<EventHandler> rule_handler(const std::string& name, Handling& h);

}  // namespace taskd::daemon
