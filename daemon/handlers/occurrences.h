// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/handlers/handling.h"
#include "ipc/messages.h"

#include <vector>

namespace taskd::daemon {

/// The series' schedule, with its user's holidays.
[[nodiscard]] core::Result<core::Schedule> schedule_for(UnitOfWork& unit,
                                                        const core::Series& series);

/// The last slot that was decided of a series that has ended; none while it goes on.
[[nodiscard]] std::optional<core::Slot> last_slot(UnitOfWork& unit, const core::Series& series,
                                                  const core::Schedule& schedule);

/// Anchor completion: the slot that follows, also when its id was another one's before.
[[nodiscard]] std::optional<core::Slot> slot_from_completion(UnitOfWork& unit,
                                                             const core::Series& series,
                                                             const core::Schedule& schedule);

/// A series as people see it: with its rule in words and its open occurrence.
[[nodiscard]] ipc::SeriesView view_of(UnitOfWork& unit, const core::Series& series);

/// Makes the task of `slot` and its occurrence row, with its event.
[[nodiscard]] core::Task create_occurrence(UnitOfWork& unit, const core::Series& series,
                                           const core::Schedule& schedule, const core::Slot& slot);

/// What came after an occurrence was closed, or a series was resumed.
struct Succession {
    std::optional<core::Task> next;
    std::vector<core::SkippedSlots> skipped;
    bool series_ended = false;
    bool series_paused = false;
};
/// What follows an occurrence that is closed now, if its series goes on: decided, not done. `done`
/// is when it was completed, for min_gap.
[[nodiscard]] core::NextSlot what_follows(UnitOfWork& unit, const core::Series& series,
                                          const core::Schedule& schedule, const core::Slot& closed,
                                          const std::optional<core::Timestamp>& done);

/// Stores that slots were passed over, with the event; `about` is the task or series concerned.
void put_skipped(UnitOfWork& unit, const core::Series& series, const core::Schedule& schedule,
                 const std::string& about, const std::vector<core::SkippedSlots>& runs);

/// Makes the next occurrence of `next`, or ends the series when no slot is left. A stack asks again
/// at `again`, or when the new one's time comes.
void go_on(UnitOfWork& unit, const core::Series& series, const core::Schedule& schedule,
           const std::string& about, const core::NextSlot& next, Succession& result,
           const std::optional<core::Timestamp>& again = {});

/// Goes on after an occurrence was closed: stores which slots are passed over, makes the next task
/// or ends the series, and sets the reminders. Design section 7. `known` is what comes next where
/// that was decided already.
[[nodiscard]] core::Result<Succession> succeed(UnitOfWork& unit, const core::Task& closed,
                                               const core::NextSlot* known = nullptr);

/// The newest task of a stack has its time: the one after it is made.
[[nodiscard]] core::Result<void> fire_series(UnitOfWork& unit, const Timer& timer);

/// Prepares an occurrence to be open again: its successor, if nobody has touched it, goes away.
/// Gives the successor's number, 0 without one.
///
/// Errors: failed_precondition - the successor was touched, or the slot is another task's by now.
[[nodiscard]] core::Result<std::int64_t> take_back_successor(UnitOfWork& unit,
                                                             const core::Task& task);

/// Sets the reminders of a task that has just been opened or closed.
[[nodiscard]] core::Result<void> rearm(UnitOfWork& unit, const core::Task& task,
                                       const std::optional<core::RecurrenceId>& from_slot);

}  // namespace taskd::daemon
