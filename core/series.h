// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/calendar_time.h"
#include "core/ids.h"
#include "core/recurrence.h"
#include "core/rrule.h"
#include "core/task.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::core {

/// A recurring task's definition. Policies that exist so far: anchor schedule (slots of the rule),
/// overlap one (one open occurrence at a time), catch_up skip (done covers the older slots).
struct Series {
    SeriesId id;
    UserId user;
    TaskContent content;  ///< what each occurrence's task says; its due is the slot's time
    LocalTime dtstart;
    bool is_date = false;
    std::string tzid;
    Rrule rule;
    std::vector<LocalTime> rdates;   ///< further slots (RFC 5545 section 3.8.5.2), sorted
    std::vector<LocalTime> exdates;  ///< slots that are none (section 3.8.5.1), sorted
    Timestamp created;
    std::optional<Timestamp> ended;   ///< no slot is left, or the user ended it
    bool ended_by_user = false;       ///< then opening an occurrence again doesn't bring it back
    std::optional<Timestamp> paused;  ///< since when it makes no tasks and its reminders are silent
    std::string pause_note;
    std::int64_t revision = 1;

    bool operator==(const Series&) const = default;
};

inline constexpr std::size_t pause_note_bytes_max = 1024;

/// The changes of a series' life; each gives the series one revision later and stores nothing.
///
/// Errors: failed_precondition on `series` - it has ended, or is (not) paused already;
///         invalid_argument on `note`.
[[nodiscard]] Result<Series> pause(const Series& series, const std::string& note, Timestamp now);
[[nodiscard]] Result<Series> resume(const Series& series);
[[nodiscard]] Result<Series> end(const Series& series, Timestamp now);

/// Why a slot did not become a task. The list is fixed: every skip has one of these (P11).
enum class SkipReason {
    catch_up,
    window,
    overlap,
    paused,
    exdate,
    shift,
    min_gap,
    user,
    cancelled,
    superseded,
    ended,
};
[[nodiscard]] std::string_view to_string(SkipReason reason);
[[nodiscard]] SkipReason skip_reason_from(std::string_view word);

/// A run of slots that were passed over, both ends included; one slot has from == to.
struct SkippedSlots {
    RecurrenceId from;
    RecurrenceId to;
    std::uint64_t count = 0;
    SkipReason reason = SkipReason::catch_up;

    bool operator==(const SkippedSlots&) const = default;
};

/// What comes after an occurrence was closed, or at the start of a series: the slot that becomes
/// the next task, if the rule has one, and the slots passed over on the way to it.
struct NextSlot {
    std::optional<Slot> slot;
    std::vector<SkippedSlots> skipped;  ///< in order

    bool operator==(const NextSlot&) const = default;
};

/// The rule of a series with its zone, ready to be asked. Fails only if tzdata lost the zone.
struct Schedule {
    TimeZone zone;
    Recurrence slots;
    bool is_date = false;

    [[nodiscard]] CalendarTime at(const Slot& slot) const {
        return {slot.id.local, is_date, zone.name(), slot.at};
    }
    /// The slot of an id that was stored or sent.
    [[nodiscard]] Slot slot(const RecurrenceId& id) const { return slots.slot_at(id); }
    /// The first instant whose slot is not past at `now`: a DATE slot is past once its day is over.
    [[nodiscard]] Timestamp not_past(Timestamp now) const;
};
[[nodiscard]] Result<Schedule> schedule_of(const Series& series);

/// The first slot from DTSTART on that is not in the past (overlap one, catch_up skip); a DATE slot
/// is in the past once its day is over.
[[nodiscard]] NextSlot first_slot(const Schedule& schedule, Timestamp now);

/// The first slot after both `now` and the slot just closed; those between are skipped as catch_up.
[[nodiscard]] NextSlot slot_after(const Schedule& schedule, const Slot& closed, Timestamp now);

/// The first slot after both `now` and `last`, the last one decided; those between passed while the
/// series was paused.
[[nodiscard]] NextSlot slot_after_pause(const Schedule& schedule, const Slot& last, Timestamp now);

/// The next `count` slots from `from` on, for people to look at.
[[nodiscard]] std::vector<CalendarTime> upcoming(const Schedule& schedule, const Slot& from,
                                                 std::size_t count);

}  // namespace taskd::core
