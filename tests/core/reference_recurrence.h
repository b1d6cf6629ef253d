// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/recurrence.h"

#include <vector>

namespace taskd::test {

/// The slots of `spec` that happen up to the end of the local day `horizon`, in order: a second
/// engine, written from RFC 5545 section 3.3.10 and RFC 7529 alone. It shares no thought with
/// core/ but the zone: it walks every day, or every second that a finer rule could mean, and asks
/// each part of the rule whether it wants it. Slow and obvious.
[[nodiscard]] std::vector<core::Slot> reference_slots(const core::RecurrenceSpec& spec,
                                                      const core::TimeZone& zone,
                                                      core::LocalTime horizon);

/// The order of a recurrence's slots: as they happen, and those in a gap by their nominal time.
[[nodiscard]] bool reference_before(const core::Slot& left, const core::Slot& right,
                                    const core::TimeZone& zone);

}  // namespace taskd::test
