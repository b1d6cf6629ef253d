// SPDX-License-Identifier: Apache-2.0
// What the daemon would make of a rule in words, decided by the same core; for `taskctl preview`.
#pragma once

#include "core/calendar_time.h"
#include "core/plan.h"
#include "core/result.h"
#include "core/slot.h"
#include "core/time_zone.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace taskd::cli {

struct PreviewRequest {
    std::string rule;
    std::string at;
    std::string from;     ///< a time in words, "" for now
    std::string between;  ///< "A..B", both in words
    std::optional<std::size_t> count;
    bool after_completion = false;
};

struct PreviewSlot {
    core::Slot slot;
    core::CalendarTime time;
    std::string mark;  ///< what a change of the clock does to it
    bool shifted = false;
};

struct Preview {
    core::Plan plan;
    std::vector<PreviewSlot> slots;
    std::vector<std::string> warnings;
    bool ends = false;  ///< no slot follows those shown
};

/// What a change of the clock does to a slot: "shifted: 02:30 does not exist", or "".
[[nodiscard]] std::string clock_mark(const core::RecurrenceId& slot, const core::TimeZone& zone);

inline constexpr std::size_t preview_count_standard = 5;
inline constexpr std::size_t preview_count_max = 1000;

/// Errors: invalid_argument on the option that was not understood; on `every` - no slot is left.
[[nodiscard]] core::Result<Preview> preview_of(const PreviewRequest& request, core::Timestamp now,
                                               const core::TimeZone& zone);

}  // namespace taskd::cli
