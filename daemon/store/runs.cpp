// SPDX-License-Identifier: Apache-2.0
#include "core/check.h"
#include "daemon/store/columns.h"
#include "daemon/store/unit_of_work.h"

namespace taskd::daemon {
namespace {

using core::Run;
using nlohmann::json;
using std::chrono::milliseconds;

#define RUN_COLUMNS                                                                               \
    "user_id, key, command, state, holder, fence, holders, lease_ms, ttl_ms, started, finished, " \
    "until_ms, status, took_ms, output_bytes"

// A list has no room for long ones.
#define RUN_LIST_COLUMNS                                                                           \
    "user_id, key, CASE WHEN length(command) <= 4096 THEN command ELSE "                           \
    "json_array(substr(json_extract(command, '$[0]'), 1, 256), '...') END, state, holder, fence, " \
    "holders, lease_ms, ttl_ms, started, finished, until_ms, status, took_ms, output_bytes"

Run read_run(const Query& row) {
    Run run;
    run.user = core::UserId{row.text(0)};
    run.key = row.text(1);
    run.command = words_column(row.text(2));
    const auto state = core::run_state_from(row.text(3));
    core::check(state.has_value(), "a run has a state");
    run.state = *state;
    run.holder = row.text(4);
    run.fence = row.integer(5);
    run.holders = row.integer(6);
    run.lease = milliseconds{row.integer(7)};
    run.ttl = milliseconds{row.integer(8)};
    run.started = row.time(9);
    run.finished = row.optional_time(10);
    run.until = row.time(11);
    run.status = static_cast<int>(row.integer(12));
    run.took = milliseconds{row.integer(13)};
    run.output_bytes = row.integer(14);
    return run;
}

}  // namespace

std::optional<Run> UnitOfWork::find_run(const core::UserId& user, const std::string& key) {
    Query row(db_, "SELECT " RUN_COLUMNS " FROM run WHERE user_id = ? AND key = ?", user.str(),
              key);
    if (!row.step()) return {};
    return read_run(row);
}

std::vector<Run> UnitOfWork::list_runs(const core::UserId& user, const ipc::RunList& request) {
    std::vector<Run> runs;
    Query row(db_,
              "SELECT " RUN_LIST_COLUMNS
              " FROM run INDEXED BY run_started WHERE user_id = ?1 AND "
              "substr(key, 1, length(?2)) = ?2 AND (?3 = '' OR state = ?3) "
              "ORDER BY started DESC, key LIMIT ?4",
              user.str(), request.prefix,
              request.state ? std::string(core::to_string(*request.state)) : std::string(),
              request.limit);
    while (row.step()) runs.push_back(read_run(row));
    return runs;
}

std::vector<core::RunOutput> UnitOfWork::run_output(const Run& run) {
    std::vector<core::RunOutput> output;
    Query row(db_, "SELECT output FROM run WHERE user_id = ? AND key = ? AND output IS NOT NULL",
              run.user.str(), run.key);
    if (!row.step()) return output;
    for (const auto& part : json::parse(row.text(0))) {
        auto read = ipc::from_json<core::RunOutput>(part);
        core::check(read.has_value(), "a run's output holds what was written to it");
        output.push_back(std::move(*read));
    }
    return output;
}

UnitOfWork::RunTotals UnitOfWork::run_totals(const core::UserId& user) {
    Query row(db_, "SELECT runs, run_bytes FROM user WHERE user_id = ?", user.str());
    if (!row.step()) return {};
    return {row.integer(0), row.integer(1)};
}

void UnitOfWork::insert_run(const Run& run) {
    Query(db_,
          "INSERT INTO run (" RUN_COLUMNS
          ", kept_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
          run.user.str(), run.key, json(run.command).dump(),
          std::string(core::to_string(run.state)), run.holder, run.fence, run.holders,
          std::int64_t{run.lease.count()}, std::int64_t{run.ttl.count()}, run.started, run.finished,
          run.until, run.status, std::int64_t{run.took.count()}, run.output_bytes)
        .run();
    Query(db_,
          "INSERT INTO user (user_id, runs) VALUES (?, 1) ON CONFLICT (user_id) DO UPDATE SET "
          "runs = runs + 1",
          run.user.str())
        .run();
    move_timer(TimerKind::run, run.user, run.key, {}, run.until);
}

void UnitOfWork::update_run(const Run& before, const Run& after) {
    Query(db_,
          "UPDATE run SET state = ?3, holder = ?4, fence = ?5, holders = ?6, lease_ms = ?7, "
          "ttl_ms = ?8, started = ?9, finished = ?10, until_ms = ?11, status = ?12, took_ms = ?13, "
          "output_bytes = ?14 WHERE user_id = ?1 AND key = ?2",
          after.user.str(), after.key, std::string(core::to_string(after.state)), after.holder,
          after.fence, after.holders, std::int64_t{after.lease.count()},
          std::int64_t{after.ttl.count()}, after.started, after.finished, after.until, after.status,
          std::int64_t{after.took.count()}, after.output_bytes)
        .run();
    move_timer(TimerKind::run, after.user, after.key, before.until, after.until);
}

void UnitOfWork::put_run_output(const Run& run, const std::vector<core::RunOutput>& output) {
    std::optional<std::string> text;
    if (!output.empty()) {
        json parts = json::array();
        for (const auto& part : output) parts.push_back(ipc::to_json(part));
        text = parts.dump();
    }
    const auto bytes = static_cast<std::int64_t>(text ? text->size() : 0);
    Query(db_,
          "UPDATE user SET run_bytes = run_bytes + ?3 - (SELECT kept_bytes FROM run WHERE user_id "
          "= ?1 AND key = ?2) WHERE user_id = ?1",
          run.user.str(), run.key, bytes)
        .run();
    Query(db_, "UPDATE run SET output = ?3, kept_bytes = ?4 WHERE user_id = ?1 AND key = ?2",
          run.user.str(), run.key, text, bytes)
        .run();
}

void UnitOfWork::erase_run(const Run& run) {
    put_run_output(run, {});
    Query(db_, "DELETE FROM run WHERE user_id = ? AND key = ?", run.user.str(), run.key).run();
    Query(db_, "UPDATE user SET runs = runs - 1 WHERE user_id = ?", run.user.str()).run();
    move_timer(TimerKind::run, run.user, run.key, run.until, {});
}

}  // namespace taskd::daemon
