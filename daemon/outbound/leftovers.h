// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace taskd::daemon {

/// Ends what is left of runs that a daemon began which was killed: every process of ours that has
/// one of these ids as TASKD_RUN_ID in its environment. TERM first, and KILL after two seconds;
/// none of them is there any more when it returns. A program that wiped its environment is not
/// found.
void end_leftovers(const std::vector<std::string>& runs);

}  // namespace taskd::daemon
