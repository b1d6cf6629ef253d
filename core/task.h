// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/calendar_time.h"
#include "core/clock.h"
#include "core/ids.h"
#include "core/result.h"
#include "core/slot.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::core {

/// STATUS of a VTODO (RFC 5545 section 3.8.1.11).
enum class Status { needs_action, in_process, completed, cancelled };

[[nodiscard]] std::string_view to_string(Status status);  ///< "needs-action", "completed", ...
[[nodiscard]] Result<Status> status_from(std::string_view word);

/// What a task says; the part that a user types.
struct TaskContent {
    std::string summary;
    std::string notes;
    std::string project;
    std::vector<std::string> tags;  ///< sorted, without repeats
    int priority = 0;  ///< PRIORITY (RFC 5545 section 3.8.1.9): 1 highest, 9 lowest, 0 none
    std::optional<CalendarTime> start;
    std::optional<CalendarTime> due;

    bool operator==(const TaskContent&) const = default;
};

struct Task {
    TaskId id;
    UserId user;
    std::int64_t number = 0;  ///< per user, small, never used twice
    TaskContent content;
    Status status = Status::needs_action;
    SeriesId series;                            ///< empty for a task that doesn't recur
    std::optional<RecurrenceId> recurrence_id;  ///< the slot of the series that this task is
    Timestamp created;
    Timestamp modified;
    std::optional<Timestamp> completed;
    std::vector<TaskId> depends_on;    ///< sorted; while one of them is open, this one is blocked
    std::string recurring_pattern;     ///< as another service said it; "" for none, see chain.h
    ForeignId parent;                  ///< the occurrence before it, of such a task
    bool reminder_sent = false;        ///< as a notification service said
    std::optional<Timestamp> deleted;  ///< soft: kept for `undo.ttl`, then removed
    std::int64_t revision = 1;

    [[nodiscard]] bool is_open() const {
        return !deleted && (status == Status::needs_action || status == Status::in_process);
    }

    bool operator==(const Task&) const = default;
};

inline constexpr std::size_t summary_bytes_max = 1024;
inline constexpr std::size_t notes_bytes_max = 64 * 1024;
inline constexpr std::size_t word_bytes_max = 64;  ///< a project or a tag
inline constexpr std::size_t tags_max = 32;
inline constexpr std::size_t dependencies_max = 32;

/// Checks and normalises what a user typed.
///
/// Errors: invalid_argument on `summary`, `notes`, `project`, `tags` or `priority`.
[[nodiscard]] Result<TaskContent> checked(TaskContent content);

/// What an edit asks for; what is not there stays as it is.
struct TaskEdit {
    std::optional<std::string> summary;
    std::optional<std::string> notes;
    std::optional<std::string> project;
    std::optional<std::vector<std::string>> tags;  ///< all of them, before the two below
    std::vector<std::string> add_tags;
    std::vector<std::string> remove_tags;
    std::optional<int> priority;
};

/// The content after an edit, checked.
///
/// Errors: as checked(); invalid_argument on `remove_tags` - the task has no such tag.
[[nodiscard]] Result<TaskContent> edited(TaskContent content, const TaskEdit& edit);

/// The task with another content or other dependencies, one revision later.
///
/// Errors: failed_precondition on `status` - the task is deleted.
[[nodiscard]] Result<Task> update(const Task& task, TaskContent content,
                                  std::vector<TaskId> depends_on, Timestamp now);

/// The changes of a task's life; each gives the task one revision later and stores nothing.
///
/// Units:  `now` becomes `modified`, and COMPLETED or the time of deletion.
/// Errors: failed_precondition on `status` - the task is not in a state to do that from, and the
///         message says in which it is.
/// Source: RFC 5545 sections 3.8.1.11 (STATUS) and 3.8.2.1 (COMPLETED).
[[nodiscard]] Result<Task> start(const Task& task, Timestamp now);
[[nodiscard]] Result<Task> complete(const Task& task, Timestamp now);
[[nodiscard]] Result<Task> cancel(const Task& task, Timestamp now);
[[nodiscard]] Result<Task> reopen(const Task& task, Timestamp now);
[[nodiscard]] Result<Task> remove(const Task& task, Timestamp now);
[[nodiscard]] Result<Task> restore(const Task& task, Timestamp now);

}  // namespace taskd::core
