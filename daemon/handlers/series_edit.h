// SPDX-License-Identifier: Apache-2.0
// What the changes of a whole series have in common: series.update, series.split, series.end later.
#pragma once

#include "core/series.h"
#include "daemon/handlers/handling.h"
#include "ipc/messages.h"

#include <optional>
#include <string>
#include <vector>

namespace taskd::daemon {

/// The series, if it can still be changed.
///
/// Errors: not_found; failed_precondition on `series` - it has ended.
[[nodiscard]] core::Result<core::Series> find_running(Handling& h, const std::string& reference);

/// Where the slots of another rule may begin: one of days on this day, a finer one at this time.
struct Begin {
    core::LocalTime day;
    core::LocalTime time;
};

/// Whether a change gives a series other slots.
[[nodiscard]] bool changes_times(const ipc::SeriesChange& change);

/// The series with the words of a change applied; from the slot `from` on.
///
/// Errors: invalid_argument - on the field that was not understood, or contradicts another.
[[nodiscard]] core::Result<core::Series> with_change(const core::Series& series,
                                                     const core::Schedule& old,
                                                     const ipc::SeriesChange& change,
                                                     const core::Slot& from, const Begin& begin,
                                                     Handling& h);

/// What the change makes of an open task's content. A tag that this task does not have can't be
/// taken from it; the rest of the edit holds.
[[nodiscard]] core::TaskContent with_edit(const core::TaskContent& content, core::TaskEdit edit);

/// The first slot that no row tells of, or the open one if it is ahead: where a changed rule takes
/// over.
[[nodiscard]] core::Slot first_open(Handling& h, const core::Series& series,
                                    const core::Schedule& schedule);

/// UNTIL that makes `last` the last slot: its day if the next is on another, as people say it.
[[nodiscard]] core::Until until_slot(const core::Schedule& schedule, const core::Slot& last);

[[nodiscard]] std::vector<core::Reminder> reminders_of(Handling& h, const core::Series& series);

/// The slot that comes next: the open one if it is ahead, also of a series that was cut short; none
/// for what was closed ahead of its time. Counted from completion, the open one.
[[nodiscard]] std::optional<core::Slot> first_to_come(Handling& h, const core::Series& series,
                                                      const core::Schedule& schedule);
/// The times of the next `count`; those of an ended series are none.
[[nodiscard]] std::vector<core::CalendarTime> slots_to_come(Handling& h, const core::Series& series,
                                                            const core::Schedule& schedule,
                                                            std::size_t count);
inline constexpr std::size_t slots_echoed = 3;  ///< after a change of a series

/// Sets the reminders of a changed series to the slot that comes next; what went off before stays
/// so, and a snooze too.
[[nodiscard]] core::Result<void> arm_changed(Handling& h, const core::Series& series,
                                             const core::Schedule& schedule);

/// "every weekday at 09:30, Europe/Berlin".
[[nodiscard]] std::string words_of(Handling& h, const core::Series& series);

}  // namespace taskd::daemon
