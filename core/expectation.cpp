// SPDX-License-Identifier: Apache-2.0
#include "core/expectation.h"

#include "core/text.h"

#include <algorithm>
#include <array>
#include <utility>

namespace taskd::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::array<std::pair<PingKind, std::string_view>, 3> kind_names{
    {{PingKind::success, "success"}, {PingKind::start, "start"}, {PingKind::fail, "fail"}}};
constexpr std::array<std::pair<PingOutcome, std::string_view>, 6> outcome_names{
    {{PingOutcome::in_time, "on_time"},
     {PingOutcome::late, "late"},
     {PingOutcome::early, "early"},
     {PingOutcome::started, "started"},
     {PingOutcome::failed, "failed"},
     {PingOutcome::paused, "paused"}}};

constexpr std::size_t slots_compared = 8;

std::string_view name_in(const auto& names, auto value) {
    for (const auto& [known, name] : names)
        if (known == value) return name;
    return names.front().second;
}

auto value_in(const auto& names, std::string_view word, const char* field, const char* accepted)
    -> Result<std::decay_t<decltype(names.front().first)>> {
    for (const auto& [value, name] : names)
        if (name == word) return value;
    return invalid_argument(field,
                            "\"" + clipped(word, 64) + "\" is not accepted; use " + accepted);
}

/// The kept slot before this one.
std::optional<Slot> kept_before(const Schedule& schedule, const Slot& slot) {
    constexpr int left_out_max = 1000;
    auto before = schedule.slots.prev_before(slot);
    for (int step = 0; before && schedule.left_out(*before) && step < left_out_max; ++step)
        before = schedule.slots.prev_before(*before);
    return before;
}

/// From when on a ping counts for a slot; none for always.
std::optional<Timestamp> opens(const Schedule& schedule, const Expectation& expectation,
                               const Slot& slot) {
    const auto before = kept_before(schedule, slot);
    std::optional<Timestamp> time;
    if (before) time = schedule.at(*before).at + expectation.grace;
    if (expectation.window.count() > 0)
        time = std::max(time.value_or(Timestamp::min()), schedule.at(slot).at - expectation.window);
    // A grace as long as the time between two slots leaves each at least its own time.
    if (time) time = std::min(*time, schedule.at(slot).at);
    return time;
}

/// The slots of a decision as passed over for want of a ping; those that were left out have their
/// own reason, so a run may become several.
std::vector<SkippedSlots> as_missed(const Schedule& schedule,
                                    const std::vector<SkippedSlots>& skipped) {
    constexpr std::uint64_t told_apart_max = 10'000;
    std::vector<SkippedSlots> runs;
    for (auto run : skipped) {
        if (run.reason != SkipReason::catch_up || run.count > told_apart_max) {
            if (run.reason == SkipReason::catch_up) run.reason = SkipReason::missed;
            runs.push_back(run);
            continue;
        }
        std::optional<Slot> slot = schedule.slot(run.from);
        for (bool is_first = true; slot && *slot <= schedule.slot(run.to); is_first = false) {
            const auto reason = schedule.left_out(*slot).value_or(SkipReason::missed);
            if (is_first || runs.back().reason != reason)
                runs.push_back({slot->id, slot->id, 0, reason});
            runs.back().to = slot->id;
            ++runs.back().count;
            slot = schedule.slots.next_after(*slot);
        }
    }
    return runs;
}

}  // namespace

std::string_view to_string(PingKind kind) {
    return name_in(kind_names, kind);
}

Result<PingKind> ping_kind_from(std::string_view word) {
    return value_in(kind_names, word, "kind", "success, start or fail");
}

std::string_view to_string(PingOutcome outcome) {
    return name_in(outcome_names, outcome);
}

Result<PingOutcome> ping_outcome_from(std::string_view word) {
    return value_in(outcome_names, word, "outcome",
                    "on_time, late, early, started, failed or paused");
}

Result<std::string> checked_expectation_name(const std::string& name) {
    if (name.empty()) return invalid_argument("name", "is missing; such as backup");
    if (name.size() > expectation_name_bytes_max)
        return invalid_argument(
            "name", "is " + std::to_string(name.size()) + " bytes long; at most 100 are accepted");
    if (!is_utf8(name) || has_control(name) || name.find(' ') != std::string::npos)
        return invalid_argument("name", "\"" + clipped(name, 64) +
                                            "\" is not accepted; use printable characters without "
                                            "spaces, such as nightly-backup");
    return name;
}

seconds deadline_window(const Schedule& schedule, const Slot& from) {
    const auto times = upcoming(schedule, from, slots_compared);
    std::optional<milliseconds> shortest;
    for (std::size_t i = 1; i < times.size(); ++i) {
        const milliseconds gap = times[i].at - times[i - 1].at;
        if (gap.count() > 0 && (!shortest || gap < *shortest)) shortest = gap;
    }
    return shortest ? std::chrono::floor<seconds>(*shortest / 2) : seconds{0};
}

PingSlot slot_for_ping(const Schedule& schedule, const Expectation& expectation, const Slot& open,
                       Timestamp now) {
    const auto is_missed = [&](const Slot& slot) {
        return now > schedule.at(slot).at + expectation.grace;
    };
    const auto earliest = opens(schedule, expectation, open);
    if (earliest && now < *earliest) return {{}, {}, *earliest};
    if (!is_missed(open)) return {open, {}, {}};

    // The newest slot whose time has come, and the first whose time is to come.
    Policies policies;
    policies.catch_up = CatchUp::latest;
    const auto newest = slot_after(schedule, policies, open, now);
    if (newest.slot && schedule.at(*newest.slot).at <= now && !is_missed(*newest.slot))
        return {newest.slot, as_missed(schedule, newest.skipped), {}};
    const auto ahead = slot_after(schedule, {}, open, now);
    if (ahead.slot) {
        const auto opened = opens(schedule, expectation, *ahead.slot);
        if (!opened || now >= *opened) return {ahead.slot, as_missed(schedule, ahead.skipped), {}};
    }
    // Between two: it comes late for the newest.
    if (newest.slot && schedule.at(*newest.slot).at <= now)
        return {newest.slot, as_missed(schedule, newest.skipped), {}};
    return {open, {}, {}};
}

const PingStart* start_of(const Expectation& expectation, const std::string& run) {
    const auto found = std::find_if(expectation.starts.rbegin(), expectation.starts.rend(),
                                    [&](const auto& start) { return start.run == run; });
    return found == expectation.starts.rend() ? nullptr : &*found;
}

}  // namespace taskd::core
