// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/calendar_time.h"
#include "core/ids.h"
#include "core/policies.h"
#include "core/recurrence.h"
#include "core/rrule.h"
#include "core/task.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::core {

/// One slot that the user changed ahead of its time.
struct SlotOverride {
    RecurrenceId id;
    std::optional<CalendarTime> to;  ///< when it happens instead; none: it is skipped

    bool operator==(const SlotOverride&) const = default;
};
inline constexpr std::size_t overrides_max = 100;  ///< of one series; past ones make room

/// A recurring task's definition.
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
    Policies policies;
    std::vector<SlotOverride> overrides;  ///< sorted by id
    SeriesId predecessor;                 ///< it was split off from this series
    SeriesId successor;                   ///< and this one goes on with it
    std::optional<Timestamp> next;        ///< overlap stack: when the next task is made
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
    failed,     ///< its command did not succeed
    not_after,  ///< its command would have begun too late
    missed,     ///< no ping came for it, see core/expectation.h
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

/// The slots of a series and when they happen, ready to be asked: its rule with its zone, single
/// slots changed by the user, and days off. Fails only if tzdata lost the zone.
struct Schedule {
    TimeZone zone;
    Recurrence slots;
    bool is_date = false;
    Anchor anchor = Anchor::schedule;
    Shift shift = Shift::none;
    std::vector<std::chrono::local_days> holidays{};  ///< sorted
    std::vector<SlotOverride> overrides{};            ///< sorted by id
    bool stack = false;                               ///< each slot has a task of its own

    /// When a slot happens: at the time it was moved to, or shifted to, else its own.
    [[nodiscard]] CalendarTime at(const Slot& slot) const;
    /// The slot of an id that was stored or sent.
    [[nodiscard]] Slot slot(const RecurrenceId& id) const { return slots.slot_at(id); }
    [[nodiscard]] const SlotOverride* override_of(const RecurrenceId& id) const;
    /// Whether the user moved it to a time of its own.
    [[nodiscard]] bool is_moved(const RecurrenceId& id) const;
    [[nodiscard]] bool is_day_off(std::chrono::local_days day) const;

    /// Why a slot is left out although its time would come: `user` or `shift`.
    [[nodiscard]] std::optional<SkipReason> left_out(const Slot& slot) const;
    /// The first slot from this one on that is not left out.
    [[nodiscard]] std::optional<Slot> kept_from(std::optional<Slot> slot) const;

    /// The first instant whose slot is not past at `now`: a DATE slot is past once its day is over.
    [[nodiscard]] Timestamp not_past(Timestamp now) const;
    /// The first slot from `from` on that happens at `time` or later.
    [[nodiscard]] std::optional<Slot> first_at(const Slot& from, Timestamp time) const;
};
using Holidays = std::vector<std::chrono::local_days>;
[[nodiscard]] Result<Schedule> schedule_of(const Series& series, const Holidays& holidays = {});

/// What comes after an occurrence was closed, or at the start of a series with `after` none: which
/// slot is next, and which are passed over for which reason. Design section 7.
///
/// Shape:  anchor schedule; `done` is when the last one was done, for min_gap.
[[nodiscard]] NextSlot slot_after(const Schedule& schedule, const Policies& policies,
                                  const std::optional<Slot>& after, Timestamp now,
                                  const std::optional<Timestamp>& done = {});

/// The first slot from DTSTART on that is not in the past, without policies.
[[nodiscard]] inline NextSlot first_slot(const Schedule& schedule, Timestamp now) {
    return slot_after(schedule, {}, {}, now);
}

/// The first slot after both `now` and `last`, the last one decided; those between passed while the
/// series was paused.
[[nodiscard]] NextSlot slot_after_pause(const Schedule& schedule, const Slot& last, Timestamp now);

/// Anchor completion: the next slot, counted from the local date of `closed` on the rule's grid if
/// it names days, else INTERVAL later at DTSTART's time of day. None is passed over by that.
[[nodiscard]] std::optional<Slot> slot_from(const Schedule& schedule, const Series& series,
                                            Timestamp closed);

/// Overlap stack: what follows the newest slot, `last`, when its time has come, and when to ask
/// again. Slots that are late by more than `on_time` were missed, and go by catch_up.
struct StackStep {
    NextSlot next;
    std::optional<Timestamp> again;
};
inline constexpr std::chrono::minutes on_time{1};
[[nodiscard]] StackStep stack_after(const Schedule& schedule, const Policies& policies,
                                    const Slot& last, Timestamp now);

/// The next `count` slots from `from` on that are not left out, for people to look at.
[[nodiscard]] std::vector<CalendarTime> upcoming(const Schedule& schedule, const Slot& from,
                                                 std::size_t count);

}  // namespace taskd::core
