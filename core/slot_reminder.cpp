// SPDX-License-Identifier: Apache-2.0
// The reminders of series, which go by slots.
#include "core/check.h"
#include "core/reminder.h"
#include "core/reminder_steps.h"

#include <algorithm>

namespace taskd::core {
namespace {

using std::chrono::days;
using std::chrono::milliseconds;

Timestamp planned(const Reminder& reminder, const Schedule& schedule, const Slot& slot) {
    return time_in(reminder, schedule.at(slot), schedule.zone);
}

bool has_passed(const Reminder& reminder, const Schedule& schedule, const Slot& slot) {
    return reminder.passed && schedule.slot(*reminder.passed) >= slot;
}

std::optional<Slot> from_of(const Reminder& reminder, const Schedule& schedule) {
    return reminder.from ? std::optional(schedule.slot(*reminder.from)) : std::nullopt;
}

auto* moved_slot(auto& reminder, const RecurrenceId& id) {
    const auto found = std::find_if(reminder.moved.begin(), reminder.moved.end(),
                                    [&](const auto& one) { return one.id == id; });
    return found == reminder.moved.end() ? nullptr : &*found;
}

/// Lists the slots that are moved now; what passed before it was moved has gone off.
void note_moved(Reminder& reminder, const Schedule& schedule) {
    std::vector<MovedSlot> moved;
    for (const auto& change : schedule.overrides) {
        if (!change.to) continue;
        const MovedSlot* known = moved_slot(reminder, change.id);
        const bool passed = has_passed(reminder, schedule, schedule.slot(change.id));
        moved.push_back(known != nullptr ? *known : MovedSlot{change.id, 0, !passed});
    }
    reminder.moved = std::move(moved);
}

/// Of a series that makes no more tasks only the one slot counts that is still open; those of a
/// stack are open side by side.
bool is_single(const Schedule& schedule, const std::optional<Slot>& last) {
    return last && !schedule.stack;
}

/// Whether a slot has its turn in the order of the rule.
bool in_order(const Schedule& schedule, const Slot& slot) {
    return !schedule.left_out(slot) && !schedule.is_moved(slot.id);
}

std::optional<Slot> first_unmoved(const Schedule& schedule, std::optional<Slot> slot) {
    slot = schedule.kept_from(slot);
    while (slot && schedule.is_moved(slot->id))
        slot = schedule.kept_from(schedule.slots.next_after(*slot));
    return slot;
}

/// The last slot behind `after` that has its turn and `is_over`, found from above: a year of slots
/// is not walked. `nominal` is when it happens at the latest by the rule.
std::optional<Slot> last_in_order(const Schedule& schedule, const std::optional<Slot>& after,
                                  Timestamp nominal, const auto& is_over) {
    // A slot of a day off may have been shifted to before its own time.
    const auto ahead = schedule.shift == Shift::previous ? days{32} : days{0};
    auto slot = schedule.slots.prev_before(nominal + ahead + milliseconds{1});
    while (slot && (!after || *slot > *after) && (!in_order(schedule, *slot) || !is_over(*slot)))
        slot = schedule.slots.prev_before(*slot);
    if (slot && after && *slot <= *after) slot.reset();
    return slot;
}

/// The slots of a range that were not moved or left out one by one.
std::uint64_t count_unchanged(const Schedule& schedule, const Slot& first, const Slot& last) {
    std::uint64_t count = schedule.slots.count_in(first, last);
    for (const auto& change : schedule.overrides) {
        const Slot slot = schedule.slot(change.id);
        if (first <= slot && slot <= last && schedule.slots.contains(change.id)) --count;
    }
    return count;
}

/// A series' reminder follows up on the slot that it went off for last; `slots` is what comes of
/// the others.
Firing fire_slot_again(const Reminder& reminder, const Reminder& slots, const Schedule& schedule,
                       Timestamp now) {
    const Slot slot = schedule.slot(*reminder.fired_slot);
    Firing firing = fire_follow_up(reminder, schedule.at(slot), now);
    firing.due->recurrence_id = slot.id;
    Reminder after = slots;
    note_firing(after, firing.after.firing);
    after.fired_at = firing.after.fired_at;
    after.nags = firing.after.nags;
    if (MovedSlot* const moved = moved_slot(after, slot.id)) moved->firings = after.firing;
    firing.after = keep_follow_up(after, firing.after);
    return firing;
}

}  // namespace

Reminder keep_follow_up(const Reminder& after, const Reminder& before) {
    Reminder kept = after;
    if (kept.snoozed_until || !before.fired_slot || kept.fired_slot != before.fired_slot)
        return kept;
    kept.nag_at = before.nag_at;
    kept.escalate_at = before.escalate_at;
    note_follow_up(kept);
    return kept;
}

Result<Reminder> armed(const Reminder& reminder, const Schedule& schedule,
                       const std::optional<Slot>& from, const std::optional<Slot>& last) {
    Reminder after = reminder;
    after.next.reset();
    after.next_slot.reset();
    after.snoozed_until.reset();
    end_follow_up(after);
    after.from.reset();
    note_moved(after, schedule);
    if (!from) return after;
    after.from = from->id;
    // Counted from completion, what follows is not known before this one is done.
    const bool only_from = is_single(schedule, last) || schedule.anchor == Anchor::completion;
    const auto candidate = [&](const Slot& slot) {
        const Timestamp time = planned(after, schedule, slot);
        if (after.next && *after.next <= time) return;
        after.next = time;
        after.next_slot = slot.id;
    };
    std::optional<Slot> slot = from;
    if (has_passed(after, schedule, *slot))
        slot = schedule.slots.next_after(schedule.slot(*after.passed));
    slot = first_unmoved(schedule, slot);
    if (slot && (only_from ? *slot == *from : !last || *slot <= *last)) candidate(*slot);
    for (const auto& moved : after.moved) {
        const Slot own = schedule.slot(moved.id);
        const bool is_over = own < *from || (only_from && own != *from);
        const bool is_slot =
            (own == *from || schedule.slots.contains(moved.id)) && (!last || own <= *last);
        // The tasks of a stack are open side by side.
        if (moved.pending && is_slot && (!is_over || schedule.stack)) candidate(own);
    }
    return after;
}

Result<Reminder> rescheduled(const Reminder& reminder, const Schedule& schedule, const Slot& slot,
                             Timestamp now, const std::optional<Slot>& last) {
    Reminder after = reminder;
    const MovedSlot* known = moved_slot(reminder, slot.id);
    const bool had_gone_off =
        known != nullptr ? !known->pending : has_passed(reminder, schedule, slot);
    note_moved(after, schedule);
    if (MovedSlot* moved = moved_slot(after, slot.id)) {
        moved->pending = !had_gone_off || planned(after, schedule, slot) > now;
        // How often is no longer known, but no number comes twice.
        if (had_gone_off && known == nullptr)
            moved->firings = std::max<std::int64_t>(reminder.firing_high, 1);
        if (reminder.fired_slot == slot.id) moved->firings = reminder.firing;
        if (moved->pending && reminder.next_slot == slot.id) after.snoozed_until.reset();
    }
    if (after.snoozed_until) return after;
    auto from = from_of(after, schedule);
    // A stack that has ended leaves its tasks open, side by side.
    if (!from && last && schedule.stack) from = slot;
    auto rearmed = armed(after, schedule, from, last);
    if (rearmed && reminder.fired_slot != slot.id) rearmed = keep_follow_up(*rearmed, reminder);
    return rearmed;
}

Reminder without_past(const Reminder& reminder, const Schedule& schedule, Timestamp now) {
    Reminder after = reminder;
    note_moved(after, schedule);
    for (auto& moved : after.moved)
        if (schedule.at(schedule.slot(moved.id)).at <= now) moved.pending = false;
    auto slot = last_in_order(schedule, {}, now,
                              [&](const Slot& one) { return schedule.at(one).at <= now; });
    if (slot && !has_passed(after, schedule, *slot)) after.passed = slot->id;
    return after;
}

Reminder renewed(const Reminder& reminder, const Schedule& schedule) {
    if (!reminder.next || !reminder.next_slot || reminder.snoozed_until) return reminder;
    Reminder after = reminder;
    after.next = time_in(reminder, schedule.at(schedule.slot(*reminder.next_slot)), schedule.zone);
    note_follow_up(after);
    return after;
}

Result<Firing> fire(const Reminder& before, const Schedule& schedule, Timestamp now,
                    const std::optional<Slot>& last) {
    Reminder reminder = before;
    if (is_follow_up(before) && before.fired_slot) {
        // A slot that has come meanwhile is the newer news.
        auto slots = armed(before, schedule, from_of(before, schedule), last);
        if (!slots) return tl::unexpected(slots.error());
        if (!slots->next || *slots->next > now)
            return fire_slot_again(before, *slots, schedule, now);
        reminder = *slots;
    }
    check(reminder.next && reminder.next_slot && *reminder.next <= now,
          "only a reminder that is due goes off");
    Firing firing{reminder, {}, {}};
    Reminder& after = firing.after;
    note_moved(after, schedule);
    const Slot first = schedule.slot(*reminder.next_slot);
    MovedSlot* const moved = moved_slot(after, first.id);
    const bool alone = is_single(schedule, last) || !reminder.from || moved != nullptr;
    Slot latest = first;
    if (!alone)
        latest = last_in_order(schedule, first, now + reminder.before, [&](const Slot& slot) {
                     return planned(reminder, schedule, slot) <= now && (!last || slot <= *last);
                 }).value_or(first);

    end_follow_up(after);
    const bool again = reminder.fired_slot == latest.id;
    after.fired_slot = latest.id;
    const Timestamp own_time = planned(reminder, schedule, latest);
    // A snooze moved the time; what passed meanwhile is not late because of that.
    const Timestamp wanted = reminder.snoozed_until.value_or(own_time);
    note_firing(after, again ? reminder.firing + 1 : moved != nullptr ? moved->firings + 1 : 1);
    if (moved != nullptr) {
        moved->firings = after.firing;
        // A snooze of the time it had before leaves the one that is still to come.
        moved->pending = again && reminder.snoozed_until && own_time > now;
    } else if (!has_passed(after, schedule, latest)) {
        after.passed = latest.id;
    }
    const bool in_grace = now - wanted <= reminder.grace;
    std::optional<Slot> last_missed = latest;
    if (in_grace) {
        firing.due = firing_of(reminder, schedule.at(latest), wanted, now);
        firing.due->recurrence_id = latest.id;
        firing.due->firing = after.firing;
        went_off(after, now);
        last_missed.reset();
        if (latest != first) last_missed = schedule.slots.prev_before(latest);
        while (last_missed && *last_missed >= first && !in_order(schedule, *last_missed))
            last_missed = schedule.slots.prev_before(*last_missed);
    }
    // A snoozed slot has gone off before: it is not among those that a newer one stands for.
    const auto first_missed = reminder.fired_slot == first.id && latest != first
                                  ? first_unmoved(schedule, schedule.slots.next_after(first))
                                  : std::optional(first);
    if (last_missed && first_missed && *last_missed >= *first_missed) {
        firing.missed =
            firing_of(reminder, schedule.at(*first_missed),
                      std::min(wanted, planned(reminder, schedule, *first_missed)), now);
        firing.missed->recurrence_id = first_missed->id;
        if (latest == first) firing.missed->firing = after.firing;
        firing.missed->missed =
            SkippedSlots{first_missed->id, last_missed->id,
                         alone ? 1 : count_unchanged(schedule, *first_missed, *last_missed),
                         in_grace ? SkipReason::superseded : SkipReason::window};
    }
    auto rearmed = armed(after, schedule, from_of(after, schedule), last);
    if (!rearmed) return tl::unexpected(rearmed.error());
    firing.after = keep_follow_up(*rearmed, after);
    return firing;
}

}  // namespace taskd::core
