// SPDX-License-Identifier: Apache-2.0
// Times of day in a phrase: "9:30", "9 am", "8 and 20".
#pragma once

#include "core/phrase_cursor.h"
#include "core/result.h"

#include <chrono>
#include <optional>
#include <vector>

namespace taskd::core {

/// A time of day as the next words.
struct TimeWord {
    std::chrono::seconds time{0};
    bool bare = false;   ///< an hour alone, "8"
    bool clear = false;  ///< it shows that the 24-hour clock is meant: "20", "8:00"
};
[[nodiscard]] std::optional<TimeWord> read_time(PhraseCursor& cursor);
[[nodiscard]] std::vector<TimeWord> read_time_list(PhraseCursor& cursor);

/// Bare hours are of the 24-hour clock if one of the times shows that it is meant.
///
/// Errors: invalid_argument on `every` - "8" may be morning or evening.
[[nodiscard]] Result<void> check_bare(const std::vector<TimeWord>& times);

}  // namespace taskd::core
