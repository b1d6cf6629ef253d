// SPDX-License-Identifier: Apache-2.0
// Commands of tasks: each slot is run once or passed over for the right reason, runs of a series do
// not overlap, and none is forgotten whatever dies.
#include "core/command.h"
#include "tests/sim/world.h"

#include <algorithm>

namespace taskd::sim {
namespace {

using core::Outcome;
using std::chrono::milliseconds;

// The runs that count for a task, which triggered and backfilled ones do not.
#define OWN_RUN "json_extract(call, '$.verb') IN ('slot', 'start') AND "
#define COMMANDED                                                                         \
    "SELECT t.id FROM task t JOIN command c ON c.user_id = t.user_id AND c.id = "         \
    "coalesce(t.series_id, t.id) LEFT JOIN series s ON s.user_id = t.user_id AND s.id = " \
    "t.series_id WHERE t.deleted IS NULL AND "

}  // namespace

/// What a new task or series runs, now and then.
void World::add_command(json& params, const Pick& pick) {
    json command{{"argv", {"backup", std::to_string(next_key_)}},
                 {"directory", "/"},
                 {"retry",
                  {{"attempts_max", random_.between(1, 3)},
                   {"backoff_ms", 5'000},
                   {"backoff_max_ms", 600'000}}}};
    if (random_.one_in(4)) command["group"] = pick({"disk", "net"});
    if (random_.one_in(6)) command["not_after"] = pick({"06:00", "12:00"});
    if (random_.one_in(6)) command["jitter_ms"] = 600'000;
    params["command"] = command;
}

/// Runs beside the schedule.
void World::random_run(Sent& sent, const Some& some_task, const Pick& pick) {
    if (random_.one_in(2)) {
        sent.method = "command.trigger";
        sent.params = {{"task", some_task()}};
        return;
    }
    sent.method = "command.backfill";
    sent.params = {{"series", some_task()},
                   {"from", pick({"2 days ago", "3 hours ago"})},
                   {"to", pick({"now", "1 hour ago"})},
                   {"tz", "UTC"}};
}

/// A run began: of a task that is begun, beside no other of its group.
void World::begin_command(const daemon::Job& job) {
    const std::string id = job.delivery.str();
    daemon::Query row(
        *database_,
        "SELECT d.state, d.attempts, d.command_group, json_extract(d.call, '$.verb'), t.status, "
        "t.id, d.planned, d.expires, d.created, coalesce(json_extract(json_extract(d.call, "
        "'$.body'), '$.jitter_ms'), 0), coalesce(json_extract(s.policies, '$.catch_up'), 'skip') = "
        "'skip' AND coalesce(json_extract(s.policies, '$.overlap'), 'one') = 'one' AND "
        "coalesce(json_extract(s.policies, '$.anchor'), 'schedule') = 'schedule' AND s.id IS NOT "
        "NULL FROM delivery d LEFT JOIN task t ON t.user_id = d.user_id AND t.id = d.task_id LEFT "
        "JOIN series s ON s.user_id = d.user_id AND s.id = t.series_id WHERE d.user_id = ? AND "
        "d.id = ?",
        job.user.str(), id);
    require(row.step() && row.text(0) == "running", "P2: what runs is stored so: " + id);
    auto& run = command_runs_[id];
    require(row.integer(1) == run.begun + 1 || (row.integer(1) == 1 && retried_.contains(id)),
            "P8: attempts of a run are counted: " + id);
    run.begun = row.integer(1);
    const std::string group = row.text(2);
    const auto side_by_side =
        std::count_if(command_runs_.begin(), command_runs_.end(), [&](const auto& other) {
            return other.second.is_running && other.second.user == job.user.str() &&
                   other.second.group == group;
        });
    require(group.empty() || side_by_side == 0, "one command of a group runs at a time: " + group);
    run.user = job.user.str();
    run.group = group;
    run.is_running = true;
    if (const auto expires = row.optional_time(7))
        require(clock_.now() <= *expires, "a command does not begin too late: " + id);
    if (retried_.contains(id)) return;
    const std::string why = row.text(3);
    if (why != core::run_by_slot && why != core::run_by_start) return;
    require(row.text(4) == "in-process", "P9: what runs for a task has begun it: " + id);
    daemon::Query open(*database_,
                       "SELECT count(*) FROM delivery WHERE " OWN_RUN
                       "user_id = ? AND task_id = ? AND finished IS NULL",
                       job.user.str(), row.text(5));
    require(open.step() && open.integer(0) == 1, "P4: a slot has one run at a time: " + id);
    const bool makes_up = row.integer(10) == 0;
    const auto late = row.time(8) - row.time(6);
    if (why == core::run_by_slot && run.begun == 1 && !makes_up)
        require(late <= milliseconds{row.integer(9)} + std::chrono::minutes{1},
                "catch_up skip makes up for none: " + id);
}

/// How one attempt ends.
Outcome World::end_command(const daemon::Job& job) {
    command_runs_[job.delivery.str()].is_running = false;
    const auto fate = outside_.is_calm ? std::int64_t{9} : random_.between(0, 9);
    note("outside: command " + job.delivery.str() + (fate <= 2 ? ": exit 3" : ": exit 0"));
    if (fate <= 2) return {false, true, "exit 3", "no disk\n"};
    return {true, false, "exit 0", "done\n"};
}

/// With the process go the commands that it ran; of some nobody has heard that they began.
void World::lose_commands() {
    for (auto& [id, run] : command_runs_) run.is_running = false;
    daemon::Query row(*database_,
                      "SELECT id, attempts FROM delivery WHERE command_group IS NOT NULL");
    while (row.step()) command_runs_[row.text(0)].begun = row.integer(1);
}

/// taskd begins, completes and cancels these by itself.
void World::learn_commanded(const std::string& user, const json& task) {
    daemon::Query row(*database_, "SELECT 1 FROM command WHERE user_id = ? AND id = ?", user,
                      task.value("series_id", task["id"].get<std::string>()));
    if (row.step()) learn_task(user, task);
}

void World::check_commands() {
    const auto none = [](daemon::Query row, const std::string& promise) {
        if (row.step()) throw Broken(promise + ": " + row.text(0));
    };
    none(daemon::Query(*database_, COMMANDED
                       "t.status = 'needs-action' AND t.due_ms IS NOT NULL AND (s.id IS NULL OR "
                       "(s.paused IS NULL AND s.ended IS NULL)) AND NOT EXISTS (SELECT 1 FROM "
                       "dependency d JOIN task b ON b.user_id = d.user_id AND b.id = d.depends_on "
                       "WHERE d.user_id = t.user_id AND d.task_id = t.id AND b.deleted IS NULL AND "
                       "b.status IN ('needs-action', 'in-process')) AND NOT EXISTS (SELECT 1 FROM "
                       "timer WHERE kind = 'command' AND user_id = t.user_id AND ref = t.id)"),
         "P8: a task that waits for its command has its timer");
    // Retention takes runs that have ended.
    if (!trims_)
        none(
            daemon::Query(*database_,
                          "SELECT o.recurrence_id FROM occurrence o JOIN command c ON c.user_id = "
                          "o.user_id AND c.id = o.series_id WHERE o.state = 'skipped' AND o.reason "
                          "= 'failed' AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.user_id = "
                          "o.user_id AND d.command_id = o.series_id AND d.recurrence_id = "
                          "o.recurrence_id AND d.state = 'dead')"),
            "P11: a slot whose command failed has its failed run");
    none(
        daemon::Query(*database_,
                      "SELECT o.recurrence_id FROM occurrence o LEFT JOIN command c ON c.user_id = "
                      "o.user_id AND c.id = o.series_id WHERE o.state = 'skipped' AND o.reason = "
                      "'not_after' AND coalesce(json_extract(c.command, '$.not_after'), '') = ''"),
        "P11: only a command with a latest time is passed over for it");
    none(daemon::Query(*database_, COMMANDED
                       "t.status = 'in-process' AND NOT EXISTS (SELECT 1 FROM delivery d "
                       "WHERE " OWN_RUN
                       "d.user_id = t.user_id AND d.task_id = t.id AND d.finished IS NULL)"),
         "P8: a task whose command has ended is closed");
    none(daemon::Query(*database_,
                       "SELECT w.id FROM delivery w WHERE w.command_group IS NOT NULL AND w.state "
                       "= 'pending' AND w.next_attempt_ms IS NULL AND NOT EXISTS (SELECT 1 FROM "
                       "delivery r WHERE r.user_id = w.user_id AND r.command_group IS NOT NULL AND "
                       "(r.state = 'running' OR r.state = 'pending' AND r.next_attempt_ms <= ?))",
                       clock_.now()),
         "P8: a run waits for another one that is under way");
}

}  // namespace taskd::sim
