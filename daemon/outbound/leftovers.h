// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace taskd::daemon {

/// The name of the unit that a run has under systemd; leftovers are known by it, too.
[[nodiscard]] std::string unit_of_run(const std::string& run);

/// Ends what is left of runs that a daemon began which was killed: every process of ours that has
/// one of these ids as TASKD_RUN_ID in its environment, or is in its unit. TERM first, and KILL
/// after two seconds; none of them is there any more when it returns. A program that wiped its
/// environment is found in a unit only.
void end_leftovers(const std::vector<std::string>& runs);

/// Sends a signal (0: none) to every process of a run that end_leftovers() would find.
///
/// Shape:  how many there were that may be signalled.
std::size_t signal_run(const std::string& run, int number);

}  // namespace taskd::daemon
