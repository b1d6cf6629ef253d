// SPDX-License-Identifier: Apache-2.0
// What adding and editing a task have in common: the words of a request, read.
#pragma once

#include "core/time_zone.h"
#include "daemon/handlers/handling.h"

#include <string>
#include <vector>

namespace taskd::daemon {

struct Words {
    std::string tz;          ///< the zone that the user named
    std::string tz_default;  ///< the one that the caller lives in
    bool has_times = false;  ///< whether the zone matters
};
/// The zone of a request's words: --tz, the user's setting, the caller's own, UTC with a warning.
[[nodiscard]] core::Result<core::TimeZone> zone_for(const Words& words, Handling& h,
                                                    std::vector<std::string>& warnings);

/// The reminders so long before, not yet set to a task or series; "none" alone is none.
[[nodiscard]] core::Result<std::vector<core::Reminder>> read_reminders(
    const std::vector<std::string>& remind, const std::vector<std::string>& channels,
    const ipc::ReminderHow& how, const core::TimeZone& zone, Handling& h);

/// What is said of how reminders go out: channels, grace, nag, escalation.
[[nodiscard]] core::Result<core::Reminder> read_reminder_how(
    const ipc::ReminderHow& how, const std::optional<std::vector<std::string>>& channels,
    Handling& h);

inline constexpr const char* reminds_by_slots =
    "a series reminds by its slots only: use a span before them such as 10m";

/// Sets a task's reminder by what it counts from.
///
/// Errors: invalid_argument on `remind` - the task has no such time.
[[nodiscard]] core::Result<core::Reminder> armed_for(const core::Reminder& reminder,
                                                     const core::Task& task, Handling& h);

/// Sets the reminders that count from when nothing is in a task's way any more, after something was
/// closed, opened again, or is depended on no more.
[[nodiscard]] core::Result<void> arm_unblocked(const core::Task& task, Handling& h);

/// The reminders of a task that is given none: those of its project, else of its first tag that has
/// some, else the user's.
[[nodiscard]] core::Result<std::vector<core::Reminder>> default_reminders(
    const core::TaskContent& content, bool recurs, const core::TimeZone& zone, Handling& h);

/// The ids of tasks to wait for, sorted; `task` is who is to wait, empty for a new one.
///
/// Errors: not_found or failed_precondition on `field`; invalid_argument - it would wait for
///         itself.
[[nodiscard]] core::Result<std::vector<core::TaskId>> read_dependencies(
    const std::string& field, const std::vector<std::string>& words, const core::TaskId& task,
    Handling& h);
[[nodiscard]] core::Result<void> check_count(const std::vector<core::TaskId>& depends_on);

/// Why those of `what` ("reminders") that go to the default channel are events that nobody has
/// asked for, in words; or "".
[[nodiscard]] std::string why_default_is_silent(const std::string& what, Handling& h);

/// Says of a reminder that was just armed what its user may not expect: its time is over, or it
/// reaches nobody.
void warn_of(const core::Reminder& reminder, Handling& h, std::vector<std::string>& warnings);

}  // namespace taskd::daemon
