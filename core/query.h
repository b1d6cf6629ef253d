// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "core/result.h"
#include "core/task.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::core {

enum class Sort { due, number, modified, priority };
[[nodiscard]] std::string_view to_string(Sort sort);
[[nodiscard]] Result<Sort> sort_from(std::string_view word);

/// Which tasks to list, in what order, and which page. Conditions are joined by "and".
struct TaskQuery {
    std::vector<Status> statuses{Status::needs_action, Status::in_process};  ///< none: any
    bool deleted = false;  ///< the deleted ones instead
    std::string project;
    std::vector<std::string> tags;  ///< all of them
    std::string text;               ///< in summary or notes, without regard to ASCII case
    std::optional<Timestamp> due_from;
    std::optional<Timestamp> due_before;
    std::optional<bool> blocked;  ///< whether an open task that it depends on is in the way
    Sort sort = Sort::due;        ///< tasks without a due time come last; ties by number
    std::int64_t limit = 100;
    std::int64_t offset = 0;
};

inline constexpr std::int64_t page_max = 1000;

/// A list counts what matches up to here; one more means "more than that", so that no list costs
/// as much as all tasks there are.
inline constexpr std::int64_t counted_max = 10'000;

/// Errors: invalid_argument on `limit` or `offset`.
[[nodiscard]] Result<TaskQuery> checked(TaskQuery query);

/// How a user names a task: its number, or 4 and more first characters of its id.
struct TaskRef {
    std::optional<std::int64_t> number;
    std::string id_prefix;
};

/// Errors: invalid_argument on `task` - neither a number nor the beginning of an id.
[[nodiscard]] Result<TaskRef> task_ref_from(std::string_view text);

}  // namespace taskd::core
