// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "core/result.h"
#include "core/rrule.h"
#include "core/rule.h"
#include "core/slot.h"
#include "core/time_zone.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace taskd::core {

inline constexpr std::size_t rules_max = 16;
inline constexpr std::size_t dates_max = 1000;  ///< of RDATE, and of EXDATE

/// What forms a recurrence set (RFC 5545 section 3.8.5): the rules and dates of one component, all
/// in the zone of DTSTART. `tzid` is empty for floating times.
struct RecurrenceSpec {
    LocalTime dtstart;
    bool is_date = false;  ///< VALUE=DATE: every slot is a day
    std::string tzid;
    std::vector<Rrule> rrules;
    std::vector<Rrule> exrules;  ///< EXRULE (RFC 2445 section 4.8.5.2), in old files
    std::vector<RecurrenceId> rdates;
    std::vector<RecurrenceId> exdates;
    std::vector<LocalTime> exdays;  ///< EXDATE;VALUE=DATE beside times: nothing on that day

    bool operator==(const RecurrenceSpec&) const = default;
};

/// The slots of a recurrence set, in order and without repeats. Every answer is computed from
/// DTSTART and the calendar, never from the slot before, so monthly on the 31st doesn't drift
/// (invariant 6).
///
/// Units:  nominal local times in DTSTART's zone and the instants at which they happen; a DATE
///         series has midnights. Years 1..9999.
/// Cost:   next_after, prev_before and contains don't depend on the distance from DTSTART, except
///         that COUNT of a rule finer than daily is counted day by day. A run of more than
///         `excluded_max` excluded slots counts as the end.
/// Source: RFC 5545 sections 3.3.10 and 3.8.5, RFC 7529. A DTSTART that the rules don't match is
///         not a slot; without any RRULE it is.
class Recurrence {
public:
    /// Errors: invalid_argument on `rrule` - the set has no slot at all ("impossible: ..."); `tz`,
    ///         `dtstart`, `rdate`, `exdate`.
    [[nodiscard]] static Result<Recurrence> make(const RecurrenceSpec& spec);
    [[nodiscard]] static Result<Recurrence> make(const Rrule& rule, LocalTime dtstart,
                                                 const TimeZone& zone, bool is_date = false);
    /// As make(), but a set without slots is one too; emptiness() says why it is empty.
    [[nodiscard]] static Result<Recurrence> compile(const RecurrenceSpec& spec);
    [[nodiscard]] const std::string& emptiness() const { return emptiness_; }

    [[nodiscard]] const TimeZone& zone() const { return zone_; }
    [[nodiscard]] bool is_date() const { return is_date_; }
    /// Whether it comes to an end before the calendar does.
    [[nodiscard]] bool ends() const;

    [[nodiscard]] const std::optional<Slot>& first_slot() const { return first_; }
    [[nodiscard]] std::optional<Slot> next_after(const Slot& slot) const;
    [[nodiscard]] std::optional<Slot> prev_before(const Slot& slot) const;
    /// The first slot that happens after `time`, and the last one that happens before it.
    [[nodiscard]] std::optional<Slot> next_after(Timestamp time) const;
    [[nodiscard]] std::optional<Slot> prev_before(Timestamp time) const;
    [[nodiscard]] bool contains(const RecurrenceId& id) const;

    /// How many slots lie from one to the other, both included.
    [[nodiscard]] std::uint64_t count_in(const Slot& from, const Slot& to) const;
    /// How many there are; none if it doesn't end.
    [[nodiscard]] std::optional<std::uint64_t> count() const;
    /// The slot with `index` slots before it.
    [[nodiscard]] std::optional<Slot> nth(std::uint64_t index) const;

    /// When an id's time is, also of one that is not a slot of this recurrence.
    [[nodiscard]] Slot slot_at(const RecurrenceId& id) const;

    /// All slots, or those from one instant up to (not including) another, computed one by one as
    /// they are asked for: `for (const Slot& slot : slots.all())`. A range must not outlive the
    /// Recurrence.
    class Range;
    [[nodiscard]] Range all() const;
    [[nodiscard]] Range between(Timestamp from, Timestamp to) const;

    static constexpr int excluded_max = 65'536;

private:
    explicit Recurrence(TimeZone zone) : zone_(std::move(zone)) {}
    [[nodiscard]] bool excluded(const Slot& slot) const;
    [[nodiscard]] bool is_plain() const {
        return rules_.size() == 1 && rdates_.empty() && exrules_.empty() && exdates_.empty() &&
               exdays_.empty();
    }
    [[nodiscard]] std::optional<Slot> not_excluded_after(std::optional<Slot> slot) const;
    [[nodiscard]] std::optional<Slot> not_excluded_before(std::optional<Slot> slot) const;
    [[nodiscard]] std::optional<Slot> any_after(const Slot& slot) const;
    [[nodiscard]] std::optional<Slot> any_before(const Slot& slot) const;
    [[nodiscard]] std::string why_empty(const RecurrenceSpec& spec) const;

    TimeZone zone_;
    bool is_date_ = false;
    std::vector<Rule> rules_;
    std::vector<Rule> exrules_;
    std::vector<Slot> rdates_;   // in order
    std::vector<Slot> exdates_;  // in order
    std::vector<std::int64_t> exdays_;
    std::optional<Slot> first_;
    std::string emptiness_;

public:
    // The same by local time alone, for rules that have no slot in a second pass.
    [[nodiscard]] LocalTime first() const { return first_->id.local; }
    [[nodiscard]] std::optional<LocalTime> next_after(LocalTime time) const {
        const auto slot = next_after(slot_at({time, false}));
        return slot ? std::optional(slot->id.local) : std::nullopt;
    }
    [[nodiscard]] std::optional<LocalTime> prev_before(LocalTime time) const {
        const auto slot = prev_before(slot_at({time, false}));
        return slot ? std::optional(slot->id.local) : std::nullopt;
    }
    [[nodiscard]] bool contains(LocalTime time) const {
        return contains(RecurrenceId{time, false});
    }
    [[nodiscard]] std::uint64_t count_in(LocalTime from, LocalTime to) const {
        return count_in(slot_at({from, false}), slot_at({to, false}));
    }
};

class Recurrence::Range {
public:
    class Iterator {
    public:
        using value_type = Slot;
        using difference_type = std::ptrdiff_t;
        using reference = const Slot&;
        using pointer = const Slot*;
        using iterator_category = std::input_iterator_tag;

        explicit Iterator(Range* range) : range_(range) {}
        reference operator*() const { return range_->slot_; }
        pointer operator->() const { return &range_->slot_; }
        Iterator& operator++() {
            if (!range_->advance()) range_ = nullptr;
            return *this;
        }
        bool operator==(const Iterator& other) const { return range_ == other.range_; }

    private:
        Range* range_;
    };

    [[nodiscard]] Iterator begin() { return Iterator(advance() ? this : nullptr); }
    [[nodiscard]] static Iterator end() { return Iterator(nullptr); }

private:
    friend class Recurrence;
    Range(const Recurrence& set, std::optional<Timestamp> from, std::optional<Timestamp> to);
    bool advance();
    bool advance_merged();

    struct Source {
        Rule::Cursor cursor;
        Slot head;
        bool has_head;
    };
    const Recurrence* set_;
    std::optional<Timestamp> to_;
    std::vector<Source> sources_;
    std::size_t rdate_ = 0;  // the next one
    Slot slot_;
};

}  // namespace taskd::core
