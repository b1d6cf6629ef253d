// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/support/seeded_random.h"

#include <string>
#include <vector>

namespace taskd::test {

/// What parse_recurrence takes, and how far it is worth to look.
struct RandomRecurrence {
    std::string dtstart;
    std::string tzid;
    std::vector<std::string> lines;
    int days = 0;  ///< from DTSTART to the horizon
};

/// A recurrence within the grammar: every part and every combination that RFC 5545's table allows,
/// in zones whose clocks change, often near such a change. Mostly one rule; sometimes a set.
[[nodiscard]] RandomRecurrence random_recurrence(SeededRandom& random);

}  // namespace taskd::test
