// SPDX-License-Identifier: Apache-2.0
// Scheduled commands against a reference: a real Engine on a real file, a machine that sleeps for
// days, processes that die, and a model that says what must have become of each slot.
#pragma once

#include "tests/sim/slot_model.h"
#include "tests/sim/world.h"

namespace taskd::sim {

class SlotWorld {
public:
    explicit SlotWorld(std::uint64_t seed);

    /// Runs four times `steps` random steps, which are small ones, checks after each; throws
    /// Broken.
    void run(int steps);

    /// What happened last, for the report of a failing seed.
    [[nodiscard]] std::string history() const { return history_.text(); }

private:
    struct Series {
        std::string id;
        SlotModel model;
    };
    struct Running {
        daemon::Job job;
        int attempt = 1;
        std::string series;  ///< of its command
        std::string group;
        std::optional<std::size_t> slot;  ///< that it is run for; none of what a user added
    };

    void boot();
    void crash();
    void add_series();
    [[nodiscard]] Plan random_plan();
    [[nodiscard]] std::string pick(const std::vector<std::string>& from);
    [[nodiscard]] Series& some_series();

    [[nodiscard]] json call(const std::string& method, json params);
    void turn(const std::vector<daemon::Request>& requests,
              const std::vector<daemon::JobResult>& results);
    void settle();
    void sleep(std::chrono::milliseconds span, bool is_off);
    void begin(const daemon::Job& job);
    void end_one();
    void end(const Running& run, const core::Outcome& outcome);
    void act();
    void backfill(Series& series);

    void see_ends();
    void see_end(Series& series, std::size_t slot);
    [[nodiscard]] std::string task_of(const Series& series, const std::string& slot);
    void check();
    void check_series(const Series& series);
    void check_runs(const Series& series);
    void note(const std::string& what);

    test::SeededRandom random_;
    test::SeededRandom engine_random_;
    daemon::Settings settings_;
    test::FaultVfs& disk_;
    test::TempDir directory_;
    test::ManualClock clock_;
    std::unique_ptr<daemon::Database> database_;
    std::unique_ptr<daemon::Engine> engine_;
    daemon::Turn last_;
    std::vector<std::unique_ptr<Series>> series_;
    std::vector<Running> running_;
    std::set<core::Timestamp> woke_;    ///< after a time in which no turn was made
    std::set<core::Timestamp> missed_;  ///< .. in which one should have been
    History history_;
};

}  // namespace taskd::sim
