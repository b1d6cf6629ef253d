// SPDX-License-Identifier: Apache-2.0
// The days that a phrase names: "mon, wed", "the 1st and 15th", "the last friday", "24 december".
#pragma once

#include "core/phrase_cursor.h"
#include "core/result.h"
#include "core/rrule.h"

#include <vector>

namespace taskd::core {

struct DayList {
    std::vector<WeekdayNum> weekdays;
    std::vector<int> month_days;
    std::vector<int> positions;  ///< which ones of `weekdays`, taken together: "last workday"
    std::vector<int> months;     ///< "24 december": month_days of these

    [[nodiscard]] bool empty() const { return weekdays.empty() && month_days.empty(); }
    /// "mon and tue": every one of them, in whatever period.
    [[nodiscard]] bool is_plain() const;
};

/// Shape:  as many words as belong to the list; `bare_numbers` takes "15" for the 15th.
/// Errors: invalid_argument on `every` - there is no day, or the days are of kinds that no rule
///         combines.
[[nodiscard]] Result<DayList> read_days(PhraseCursor& cursor, bool bare_numbers);

/// "january", "jan and jul", "jun to aug".
[[nodiscard]] Result<std::vector<int>> read_months(PhraseCursor& cursor);

}  // namespace taskd::core
