// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"

namespace taskd::daemon {

/// Runs every handler that takes this event, each in a savepoint of its own with its inbox mark;
/// one that fails is tried again by a timer, or its event is a dead letter. Others go on.
void run_handlers(const ipc::CloudEvent& event, const std::string& dedup_key, Handling& h);

/// One handler that is not of the table.
void run_handler(const EventHandler& handler, const ipc::CloudEvent& event, Handling& h);

/// The same for an event that may have been taken before: those without a mark.
void run_missing_handlers(const ipc::CloudEvent& event, const std::string& dedup_key, Handling& h);

/// A handler's next attempt comes no later than after the longest wait that there is, counted from
/// now: after the clock was set back. `ref` is that of its timer.
void shorten_handler_wait(const core::UserId& user, const std::string& ref, Handling& h);

/// Runs what a timer of kind `handler` is about; `timer.user` is `h.user`.
void retry_handler(const Timer& timer, Handling& h);

/// Sets a dead letter's handler to work again. False when it has no mark that could be tried.
[[nodiscard]] bool revive_handler(const DeadLetterRow& letter, Handling& h);

}  // namespace taskd::daemon
