// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "core/day_mask.h"
#include "core/result.h"
#include "core/rrule.h"
#include "core/slot.h"
#include "core/time_zone.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace taskd::core {

/// The slots of a rule: nominal local times in order. Every answer is computed from DTSTART and the
/// calendar, never from the slot before, so monthly on the 31st doesn't drift (invariant 6).
///
/// Units:  local time of DTSTART's zone; a DATE rule has midnights. Years 1..9999.
/// Cost:   next_after, prev_before and contains don't depend on the distance from DTSTART; a rule
///         that never matches ends within one Gregorian cycle (400 years) of table look-ups.
/// Source: RFC 5545 section 3.3.10. DTSTART that the rule doesn't match is not a slot.
/// What forms a recurrence set (RFC 5545 section 3.8.5): the rules and dates of one component, all
/// in the zone of DTSTART. `tzid` is empty for floating times.
struct RecurrenceSpec {
    LocalTime dtstart;
    bool is_date = false;  ///< VALUE=DATE: every slot is a day
    std::string tzid;
    std::vector<Rrule> rrules;
    std::vector<Rrule> exrules;  ///< EXRULE (RFC 2445 section 4.8.5.2), in old files
    std::vector<LocalTime> rdates;
    std::vector<LocalTime> exdates;
};

class Recurrence {
public:
    [[nodiscard]] static Result<Recurrence> make(const RecurrenceSpec& spec);

    [[nodiscard]] std::optional<Slot> first_slot() const { return slot_at({first_, false}); }
    [[nodiscard]] std::optional<Slot> next_after(const Slot& slot) const;
    [[nodiscard]] std::optional<Slot> prev_before(const Slot& slot) const;
    /// The first slot that happens after `time`, and the last one that happens before it.
    [[nodiscard]] std::optional<Slot> next_after(Timestamp time) const;
    [[nodiscard]] std::optional<Slot> prev_before(Timestamp time) const;
    [[nodiscard]] bool contains(const RecurrenceId& id) const;
    /// How many slots lie from one to the other, both included.
    [[nodiscard]] std::uint64_t count_in(const Slot& from, const Slot& to) const;
    /// When an id's time is, also of one that is not a slot of this recurrence.
    [[nodiscard]] Slot slot_at(const RecurrenceId& id) const;

    // ---- to go, with their callers ----
    /// Errors: invalid_argument on `rrule` - the rule has no slot at all ("impossible").
    [[nodiscard]] static Result<Recurrence> make(const Rrule& rule, LocalTime dtstart,
                                                 const TimeZone& zone);

    [[nodiscard]] LocalTime first() const { return first_; }
    [[nodiscard]] std::optional<LocalTime> next_after(LocalTime time) const;
    [[nodiscard]] std::optional<LocalTime> prev_before(LocalTime time) const;
    [[nodiscard]] bool contains(LocalTime time) const;

    /// How many slots lie in [from, to]; exact, in steps of whole periods.
    [[nodiscard]] std::uint64_t count_in(LocalTime from, LocalTime to) const;

private:
    Recurrence(const Rrule& rule, LocalTime dtstart, TimeZone zone);

    // A period is a day, week, month or year by FREQ, numbered from DTSTART's own (0).
    struct Period {
        std::chrono::local_days begin;
        DayMask days;
    };
    void compile();
    [[nodiscard]] std::int64_t index_of(std::chrono::local_days day) const;
    [[nodiscard]] Period period(std::int64_t index) const;
    [[nodiscard]] std::optional<LocalTime> at_or_after(std::chrono::local_days day) const;
    [[nodiscard]] LocalTime nth(std::uint32_t count) const;
    [[nodiscard]] LocalTime last_at(Timestamp until, const TimeZone& zone) const;

    TimeZone zone_;
    Rrule rule_;
    std::chrono::local_days start_day_;
    std::chrono::seconds time_of_day_;
    std::vector<DayMask> shapes_;  ///< by shape of the period; see shape_of_month, shape_of_year
    LocalTime first_;
    LocalTime last_;  ///< UNTIL, or the slot that COUNT ends with, or the end of year 9999
};

}  // namespace taskd::core
