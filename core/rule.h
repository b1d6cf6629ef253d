// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock_rule.h"
#include "core/day_rule.h"
#include "core/rrule.h"
#include "core/slot.h"
#include "core/time_zone.h"

#include <cstdint>
#include <optional>
#include <variant>

namespace taskd::core {

/// The slot with a nominal local time that is read with `segment`, and the slot at an instant of
/// it. Seconds since 1970.
[[nodiscard]] Slot slot_of_local(std::int64_t local, const OffsetSegment& segment);
[[nodiscard]] Slot slot_of_instant(std::int64_t instant, const OffsetSegment& segment);

/// One RRULE with its DTSTART and zone, and with COUNT and UNTIL: the slots that it names.
class Rule {
public:
    Rule(const Rrule& rule, LocalTime dtstart, bool is_date, const TimeZone& zone);

    /// False if no calendar has a slot of it; true says nothing about UNTIL.
    [[nodiscard]] bool possible() const;
    [[nodiscard]] bool ends() const { return count_max_ != 0 || has_until_; }

    [[nodiscard]] std::optional<Slot> first() const;
    [[nodiscard]] std::optional<Slot> after(const Slot& slot) const;
    [[nodiscard]] std::optional<Slot> before(const Slot& slot) const;
    /// The first slot that happens after `time`, and the last one that happens before it.
    [[nodiscard]] std::optional<Slot> after(Timestamp time) const;
    [[nodiscard]] std::optional<Slot> before(Timestamp time) const;
    [[nodiscard]] bool has(const Slot& slot) const;
    [[nodiscard]] std::int64_t count(const Slot& from, const Slot& to) const;
    [[nodiscard]] std::optional<Slot> nth(std::int64_t index) const;

    /// Goes through the slots in order. No allocation and no search in the zone per slot.
    class Cursor;

private:
    [[nodiscard]] std::optional<Slot> local_up(std::int64_t local) const;
    [[nodiscard]] std::optional<Slot> local_down(std::int64_t local) const;
    [[nodiscard]] std::optional<Slot> instant_up(std::int64_t instant) const;
    [[nodiscard]] std::optional<Slot> instant_down(std::int64_t instant) const;
    [[nodiscard]] std::int64_t instant_key(const Slot& slot, bool after) const;
    void set_until(const Until& until);
    [[nodiscard]] bool within_count(std::int64_t instant) const;
    [[nodiscard]] Slot slot_at_local(std::int64_t local) const;

    TimeZone zone_;
    std::variant<DayRule, ClockRule> rule_;
    const DayRule* days() const { return std::get_if<DayRule>(&rule_); }
    const ClockRule& clock() const { return std::get<ClockRule>(rule_); }
    std::int64_t count_max_ = 0;  ///< COUNT, 0 for none
    bool has_until_ = false;
};

class Rule::Cursor {
public:
    explicit Cursor(const Rule& rule);
    /// The next call of next() gives the first slot after `slot`.
    void seek_after(const Slot& slot);
    void seek(Timestamp time);  ///< .. the first slot that happens at `time` or later
    [[nodiscard]] bool next(Slot& slot);

private:
    const Rule* rule_;
    std::variant<DayRule::Cursor, ClockRule::Cursor> cursor_;
    OffsetSegment segment_;
    std::int64_t left_ = 0;  ///< of COUNT, where the rule's last slot is not known beforehand
};

}  // namespace taskd::core
