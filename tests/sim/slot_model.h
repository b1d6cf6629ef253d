// SPDX-License-Identifier: Apache-2.0
// What must become of each slot of a scheduled command, by the words of taskctl(1) alone: lists and
// loops, no recurrence engine, no store.
#pragma once

#include "core/time_zone.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace taskd::sim {

/// A scheduled command as its owner asked for it. Spans of 0 and an empty word mean none.
struct Plan {
    std::string every = "day";  ///< day, weekday, hour, or 6 hours
    std::string zone = "UTC";
    std::string at{};  ///< of day and weekday: HH:MM
    bool stack = false;
    std::string catch_up = "latest";
    std::chrono::seconds window{0};
    std::size_t max = 0;
    std::chrono::seconds spread{0};
    std::chrono::seconds min_gap{0};
    std::chrono::milliseconds jitter{0};
    std::string not_after{};
    int attempts = 1;
    std::string group{};
};

class SlotModel {
public:
    using Time = core::Timestamp;

    enum class State {
        waiting,   ///< its task is there
        due,       ///< its run waits: for another one, or for its next attempt
        running,   ///< ..
        done,      ///< ..
        passed_by  ///< and why
    };
    struct Slot {
        std::string id{};  ///< its local time, as recurrence ids are written
        Time at{};
        Time last_moment = Time::max();  ///< to begin
    };
    struct Fate {
        State state = State::waiting;
        std::string reason{};
        bool by_slot = true;  ///< its run began for its time, not because a user started it
    };

    /// All slots from the first on that is not past at `now`, of the days to come.
    SlotModel(Plan plan, Time now, std::chrono::days horizon);

    /// How long after its slot's time a task's command begins, by chance of the task; none of one
    /// that is not there yet.
    std::function<std::optional<std::chrono::milliseconds>(const std::string& id)> delay_of;

    // What happens.
    void look(Time now);  ///< taskd was awake
    void begun(std::size_t slot);
    void tried(std::size_t slot);  ///< in vain, and it is tried again
    void done(std::size_t slot, Time now);
    void pass_by(std::size_t slot, const std::string& reason, Time now);
    void started(std::size_t slot);  ///< by a user
    void pause(Time now);
    void resume(Time now);

    [[nodiscard]] const Plan& plan() const { return plan_; }
    [[nodiscard]] const std::vector<Slot>& slots() const { return slots_; }
    /// Of each slot that was decided, in order.
    [[nodiscard]] const std::vector<Fate>& fates() const { return fates_; }
    [[nodiscard]] bool is_paused() const { return paused_.has_value(); }
    [[nodiscard]] std::optional<std::size_t> find(const std::string& id) const;

private:
    [[nodiscard]] std::string why_not(std::size_t slot, Time now) const;
    [[nodiscard]] std::size_t first_from(Time at) const;
    [[nodiscard]] std::size_t first_after(Time now) const;
    [[nodiscard]] std::size_t caught_up(std::size_t from, Time now) const;
    [[nodiscard]] std::optional<Time> begin_of(std::size_t slot) const;
    void pass_to(std::size_t slot, const std::string& reason);
    void decide(Time now, std::optional<Time> done);
    void make();
    void closed(std::size_t slot, Time now, std::optional<Time> done);
    void step_stack(Time now);

    Plan plan_;
    std::vector<Slot> slots_;
    std::vector<Fate> fates_;
    std::optional<Time> paused_;
    std::optional<Time> next_;  ///< of a stack: when the next task is made
};

}  // namespace taskd::sim
