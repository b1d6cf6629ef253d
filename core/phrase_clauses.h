// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/phrase_cursor.h"
#include "core/phrase_draft.h"
#include "core/result.h"

namespace taskd::core {

/// Reads what stands behind "every 2 weeks": "on mon", "at 9:30", "until june" and so on, in any
/// order, with or without commas.
///
/// Errors: invalid_argument on `every` - with the words that are no clause.
[[nodiscard]] Result<void> read_clauses(PhraseCursor& cursor, PhraseDraft& draft);

/// "3" or "other" before "months"; none if the next words are no number with a unit.
[[nodiscard]] std::optional<int> read_interval(PhraseCursor& cursor, bool with_ordinals);

/// "every 2 weeks", "daily", "twice a day", "the last friday": what a phrase begins with.
[[nodiscard]] Result<void> read_head(PhraseCursor& cursor, PhraseDraft& draft);

inline constexpr int phrase_interval_max = 10'000;

}  // namespace taskd::core
