// SPDX-License-Identifier: Apache-2.0
// What has to report at certain times: a series whose occurrences are completed by pings, and whose
// reminder after each slot's grace tells of one that did not come.
#pragma once

#include "daemon/handlers/handling.h"
#include "ipc/messages.h"

namespace taskd::daemon {

/// Makes one, with its series and reminder; the same request again changes nothing.
///
/// Errors: invalid_argument - the field; conflict on `name` - there is another one of that name.
[[nodiscard]] core::Result<ipc::ExpectationSaved> set_expectation(
    const ipc::ExpectationSet& request, Handling& h);

/// Errors: not_found on `name`; invalid_argument on `run`.
[[nodiscard]] core::Result<ipc::ExpectationPinged> ping(const ipc::ExpectationPing& request,
                                                        Handling& h);

[[nodiscard]] core::Result<ipc::ExpectationPage> list_expectations(
    const ipc::ExpectationList& request, Handling& h);

/// Ends its series, which cancels what is open of it.
[[nodiscard]] core::Result<ipc::ExpectationRemoved> remove_expectation(
    const ipc::ExpectationRemove& request, Handling& h);

/// After a change of the rule: half of the new span, where that is what its window is.
void renew_window(const core::Series& series, const core::Schedule& schedule, Handling& h);

/// Refuses what a series that waits for pings can't be: a stack, or counted from completion.
[[nodiscard]] core::Result<void> check_expected(const core::Series& after, Handling& h);

}  // namespace taskd::daemon
