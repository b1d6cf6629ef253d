// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/slot_model.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace taskd::sim {
namespace {

using core::LocalTime;
using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr minutes punctual{1};  // what is late by no more was not missed

minutes minutes_of(const std::string& hh_mm) {
    const auto colon = hh_mm.find(':');
    return hours{std::stoi(hh_mm.substr(0, colon))} + minutes{std::stoi(hh_mm.substr(colon + 1))};
}

std::string id_of(LocalTime local) {
    const auto day = floor<days>(local);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss time{local - day};
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d", int{date.year()},
                  unsigned{date.month()}, unsigned{date.day()},
                  static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                  static_cast<int>(time.seconds().count()));
    return text.data();
}

bool is_weekend(LocalTime local) {
    const std::chrono::weekday day{floor<days>(local)};
    return day == std::chrono::Saturday || day == std::chrono::Sunday;
}

}  // namespace

SlotModel::SlotModel(Plan plan, Time now, days horizon) : plan_(std::move(plan)) {
    const auto zone = core::TimeZone::load(plan_.zone).value();
    const bool is_daily = !plan_.at.empty();
    const seconds step = is_daily ? seconds{days{1}} : hours{plan_.every == "hour" ? 1 : 6};
    const LocalTime here = zone.to_local(now);
    // What has no time of day begins with the next full hour.
    LocalTime local = is_daily ? LocalTime{floor<days>(here)} + minutes_of(plan_.at)
                               : LocalTime{floor<hours>(here)} + hours{1};
    for (; local < here + horizon; local += step) {
        if (plan_.every == "weekday" && is_weekend(local)) continue;
        const Time at = zone.to_utc(local).at;
        if (at < now) continue;
        Slot slot{id_of(local), at};
        if (!plan_.not_after.empty()) {
            const LocalTime planned = zone.to_local(at);
            LocalTime last = LocalTime{floor<days>(planned)} + minutes_of(plan_.not_after);
            if (last <= planned) last += days{1};
            slot.last_moment = zone.to_utc(last).at;
        }
        slots_.push_back(std::move(slot));
    }
    make();
}

std::optional<std::size_t> SlotModel::find(const std::string& id) const {
    const auto at =
        std::find_if(slots_.begin(), slots_.end(), [&](const Slot& slot) { return slot.id == id; });
    if (at == slots_.end()) return {};
    return static_cast<std::size_t>(at - slots_.begin());
}

std::size_t SlotModel::first_from(Time at) const {
    std::size_t slot = 0;
    while (slots_.at(slot).at < at) ++slot;
    return slot;
}

/// What is at this very moment has passed.
std::size_t SlotModel::first_after(Time now) const {
    return first_from(now + std::chrono::milliseconds{1});
}

/// The next slot gets its task.
void SlotModel::make() {
    fates_.push_back({});
    if (plan_.stack) next_ = slots_.at(fates_.size() - 1).at;
}

std::optional<SlotModel::Time> SlotModel::begin_of(std::size_t slot) const {
    const auto delay = delay_of(slots_.at(slot).id);
    return delay ? std::optional(slots_[slot].at + *delay) : std::nullopt;
}

void SlotModel::pass_to(std::size_t slot, const std::string& reason) {
    while (fates_.size() < slot) fates_.push_back({State::passed_by, reason});
}

std::string SlotModel::why_not(std::size_t slot, Time now) const {
    const auto& [id, at, last_moment] = slots_.at(slot);
    if (now > last_moment) return "not_after";
    const auto late = now - at - plan_.jitter;
    if (late <= punctual) return "";
    if (plan_.window > seconds{0} && late > plan_.window) return "window";
    if (plan_.catch_up == "skip") return "catch_up";
    std::size_t newer = 0;
    const Time until = plan_.stack ? now - punctual : now;
    while (slots_.at(slot + newer + 1).at <= until) ++newer;
    if (plan_.catch_up == "latest" && newer > 0) return "catch_up";
    if (plan_.max > 0 && newer >= plan_.max) return "catch_up";
    return "";
}

/// Which slot from `from` on is the next, where those up to `now` were missed.
std::size_t SlotModel::caught_up(std::size_t from, Time now) const {
    const std::size_t ahead = std::max(from, first_after(now));
    if (ahead == from || plan_.catch_up == "skip") return ahead;
    std::size_t next = plan_.catch_up == "latest" ? ahead - 1 : from;
    if (plan_.max > 0) next = std::max(next, ahead - std::min(plan_.max, ahead));
    if (plan_.window > seconds{0}) next = std::max(next, first_from(now - plan_.window));
    return std::min(next, ahead);
}

/// What comes next at `now`, and why those between do not.
void SlotModel::decide(Time now, std::optional<Time> done) {
    const std::size_t next = caught_up(fates_.size(), now);
    if (plan_.window > seconds{0})
        pass_to(std::min(next, first_from(now - plan_.window)), "window");
    pass_to(next, "catch_up");
    if (done && plan_.min_gap > seconds{0}) pass_to(first_from(*done + plan_.min_gap), "min_gap");
    make();
}

void SlotModel::step_stack(Time now) {
    decide(now - punctual, {});
    const Time at = slots_.at(fates_.size() - 1).at;
    if (at <= now - punctual && plan_.spread > seconds{0}) next_ = now + plan_.spread;
}

void SlotModel::look(Time now) {
    if (paused_) return;
    // Both ways round: one that is passed by may let another one come whose time has come, too.
    for (bool changes = true; changes;) {
        changes = false;
        for (std::size_t slot = 0; slot < fates_.size(); ++slot) {
            if (fates_[slot].state != State::waiting) continue;
            if (const auto begin = begin_of(slot); !begin || *begin > now) continue;
            changes = true;
            if (const auto reason = why_not(slot, now); !reason.empty())
                pass_by(slot, reason, now);
            else
                fates_[slot].state = State::due;
        }
        if (next_ && *next_ <= now) {
            step_stack(now);
            changes = true;
        }
    }
}

void SlotModel::begun(std::size_t slot) {
    fates_.at(slot).state = State::running;
}

void SlotModel::tried(std::size_t slot) {
    fates_.at(slot).state = State::due;
}

void SlotModel::started(std::size_t slot) {
    fates_.at(slot).state = State::due;
    fates_.at(slot).by_slot = false;
}

void SlotModel::done(std::size_t slot, Time now) {
    fates_.at(slot).state = State::done;
    closed(slot, now, now);
}

void SlotModel::pass_by(std::size_t slot, const std::string& reason, Time now) {
    fates_.at(slot).state = State::passed_by;
    fates_.at(slot).reason = reason;
    closed(slot, now, {});
}

void SlotModel::closed(std::size_t slot, Time now, std::optional<Time> done) {
    // Only the newest has nothing behind it.
    if (plan_.stack || slot + 1 != fates_.size()) return;
    if (paused_)
        pass_to(first_after(*paused_), "catch_up");
    else
        decide(now, done);
}

void SlotModel::pause(Time now) {
    paused_ = now;
    next_.reset();
}

void SlotModel::resume(Time now) {
    const Time since = *paused_;
    paused_.reset();
    bool is_open = false;
    for (std::size_t slot = 0; slot < fates_.size(); ++slot) {
        auto& fate = fates_[slot];
        if (fate.state == State::waiting) {
            const auto begin = begin_of(slot);
            if (begin && *begin > since && *begin <= now) fate = {State::passed_by, "paused"};
        }
        is_open = is_open || fate.state < State::done;
    }
    const std::size_t newest = fates_.size() - 1;
    if (plan_.stack ? slots_[newest].at > now : is_open) {
        if (plan_.stack) next_ = slots_[newest].at;
        return;
    }
    pass_to(first_after(now), "paused");
    make();
}

}  // namespace taskd::sim
