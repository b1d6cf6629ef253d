// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "core/delivery.h"
#include "core/expectation.h"
#include "core/ids.h"
#include "core/reminder.h"
#include "core/run.h"
#include "core/series.h"
#include "core/task.h"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace taskd::core {

/// occurrence.skipped: which slots of which series, and why.
struct OccurrenceSkipped {
    SeriesId series;
    SkippedSlots slots;
};

/// occurrence.moved: one slot happens at another time than the rule says.
struct OccurrenceMoved {
    SeriesId series;
    RecurrenceId recurrence_id;
    CalendarTime to;
};

/// task.created of another service, which made it because taskd asked it to.
struct ForeignTask {
    ForeignId id;
    ForeignId parent;
};

/// Several things told at once (reminder.digest, agenda.due), or something about a channel
/// (channel.test, channel.disabled).
struct BulletinItem {
    TaskId task;
    std::int64_t number = 0;
    std::string summary;
    std::optional<CalendarTime> due;
    std::string why;  ///< of an agenda: overdue, today

    bool operator==(const BulletinItem&) const = default;
};
struct Bulletin {
    std::string channel;
    std::string summary;  ///< one line: "7 reminders"
    std::int64_t count = 0;
    std::vector<BulletinItem> items;  ///< the first bulletin_items_max
};
inline constexpr std::size_t bulletin_items_max = 20;

using Payload = std::variant<Task, Series, OccurrenceSkipped, OccurrenceMoved, ReminderFired,
                             Reminder, Delivery, ForeignTask, Bulletin, Run, Ping>;

/// Something that happened and is about to be stored with the change that it tells of (P2).
/// `type` is one of event_types; `subject` the task's id, the series' where there is no task, or
/// the key of a run.
struct Event {
    std::string type;
    std::string subject;
    Payload payload;
};

/// Every type that taskd itself writes so far; also what a filter is checked against for typos.
[[nodiscard]] const std::vector<std::string>& event_types();

}  // namespace taskd::core
