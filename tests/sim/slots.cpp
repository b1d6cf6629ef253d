// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/slots.h"

#include "core/command.h"
#include "core/rfc3339.h"
#include "core/slot.h"
#include "daemon/store/migrate.h"

#include <algorithm>

namespace taskd::sim {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using State = SlotModel::State;

constexpr const char* user = "ada";
constexpr days horizon{120};
constexpr days days_max{60};  // of a run, so that the horizon is not reached

const char* word_of(State state) {
    switch (state) {
    case State::waiting:
        return "needs-action";
    case State::due:
    case State::running:
        return "in-process";
    case State::done:
        return "completed";
    case State::passed_by:
        return "cancelled";
    }
    return "";
}

std::string variable(const daemon::Job& job, const std::string& name) {
    for (const auto& [key, value] : job.variables)
        if (key == name) return value;
    return "";
}

json span_of(seconds span) {
    return std::to_string(span.count()) + "s";
}

/// A few days before clocks change in Europe and in America, either way.
core::Timestamp start_time(test::SeededRandom& random) {
    const char* const starts[] = {"2026-10-22T05:00:00Z", "2026-10-29T20:00:00Z",
                                  "2027-03-11T05:00:00Z", "2027-03-26T22:00:00Z"};
    return *core::parse_utc(starts[random.between(0, 3)]);
}

}  // namespace

SlotWorld::SlotWorld(std::uint64_t seed)
    : random_(seed),
      engine_random_(seed ^ 0x5eedU),
      disk_(test::FaultVfs::install()),
      clock_(start_time(random_)) {
    settings_.node = "sim";
    settings_.turn_timers_max = 8;  // small, so that the bound is met
    settings_.commands_max = 1000;  // what waits for a worker is not waited for by name
    settings_.commands_per_user = random_.one_in(3) ? random_.between(1, 2) : 100;
    disk_.revive();
    boot();
    for (auto count = random_.between(2, 4); count > 0; --count) add_series();
}

void SlotWorld::note(const std::string& what) {
    history_.note(clock_.now(), what);
}

void SlotWorld::boot() {
    database_ = std::make_unique<daemon::Database>(directory_.path() + "/taskd.db");
    require(daemon::migrate(*database_, engine_random_).has_value(), "the store opens");
    engine_ = std::make_unique<daemon::Engine>(*database_, engine_random_, settings_,
                                               daemon::Identity{1, "sim", "", {}});
    engine_->start(clock_.now());
}

/// taskd is gone, whether or not it had begun what it was to run; what runs, too.
void SlotWorld::crash() {
    if (random_.one_in(2)) engine_->stop(clock_.now());  // it ended in peace
    disk_.die();
    engine_.reset();
    database_.reset();
    disk_.revive();
    milliseconds off{0};
    if (random_.one_in(2)) off += minutes{random_.between(0, 600)};
    if (random_.one_in(6)) off += days{random_.between(1, 5)};
    sleep(off, true);
    note("after kill -9");
    const auto lost = std::exchange(running_, {});
    boot();
    for (const auto& run : lost) end(run, {false, true, "interrupted", ""});
    settle();
}

std::string SlotWorld::pick(const std::vector<std::string>& from) {
    return from[static_cast<std::size_t>(
        random_.between(0, static_cast<std::int64_t>(from.size()) - 1))];
}

Plan SlotWorld::random_plan() {
    Plan plan;
    plan.every = pick({"day", "day", "day", "weekday", "6 hours", "hour"});
    if (plan.every == "day" || plan.every == "weekday") {
        plan.zone = pick({"Europe/Berlin", "America/New_York", "UTC"});
        plan.at = pick({"9:30", "2:30", "1:15", "23:50"});
    }
    plan.catch_up = pick({"latest", "latest", "skip", "all"});
    plan.stack = random_.one_in(3);
    if (plan.catch_up != "skip" && random_.one_in(3))
        plan.window = hours{random_.one_in(2) ? 50 : 5};
    if (plan.catch_up == "all" && random_.one_in(2))
        plan.max = static_cast<std::size_t>(random_.between(1, 4));
    // A stack makes no more than a hundred at once.
    if (plan.catch_up == "all" && plan.stack && plan.max == 0) plan.max = 100;
    if (plan.catch_up == "all" && plan.stack && random_.one_in(2)) plan.spread = minutes{7};
    if (plan.catch_up == "skip" && !plan.stack && random_.one_in(2)) plan.min_gap = hours{30};
    if (random_.one_in(4)) plan.jitter = minutes{random_.one_in(2) ? 3 : 45};
    if (random_.one_in(4)) plan.not_after = pick({"06:00", "10:30"});
    plan.attempts = static_cast<int>(random_.between(1, 3));
    if (random_.one_in(3)) plan.group = pick({"disk", "net"});
    return plan;
}

void SlotWorld::add_series() {
    const Plan plan = random_plan();
    json command{
        {"argv", {"backup"}},
        {"directory", "/"},
        {"retry",
         {{"attempts_max", plan.attempts}, {"backoff_ms", 5'000}, {"backoff_max_ms", 600'000}}},
        {"jitter_ms", plan.jitter.count()},
        {"not_after", plan.not_after},
        {"group", plan.group}};
    json params{{"summary", "backup"},
                {"every", plan.every},
                {"tz", plan.zone},
                {"overlap", plan.stack ? "stack" : "one"},
                {"command", command}};
    // It is what a command has by itself.
    if (plan.catch_up != "latest" || random_.one_in(2)) params["catch_up"] = plan.catch_up;
    if (!plan.at.empty()) params["at"] = plan.at;
    if (plan.window.count() > 0) params["window"] = span_of(plan.window);
    if (plan.max > 0) params["max"] = std::to_string(plan.max);
    if (plan.spread.count() > 0) params["spread"] = span_of(plan.spread);
    if (plan.min_gap.count() > 0) params["min_gap"] = span_of(plan.min_gap);
    note("add " + params.dump());
    const auto reply = call("task.add", params);
    require(reply.contains("result"), "a series is added: " + reply.dump());
    const std::string id = reply["result"]["task"]["series_id"];
    series_.push_back(std::make_unique<Series>(Series{id, {plan, clock_.now(), horizon}}));
    Series& series = *series_.back();
    series.model.delay_of = [this, &series,
                             plan](const std::string& slot) -> std::optional<milliseconds> {
        const std::string task = task_of(series, slot);
        if (task.empty()) return {};
        core::Command only_jitter;
        only_jitter.jitter = plan.jitter;
        return core::jitter_of(only_jitter, core::TaskId{task});
    };
    settle();
}

SlotWorld::Series& SlotWorld::some_series() {
    return *series_[static_cast<std::size_t>(
        random_.between(0, static_cast<std::int64_t>(series_.size()) - 1))];
}

std::string SlotWorld::task_of(const Series& series, const std::string& slot) {
    daemon::Query row(*database_,
                      "SELECT coalesce(task_id, '') FROM occurrence WHERE user_id = ? AND "
                      "series_id = ? AND recurrence_id = ?",
                      user, series.id, slot);
    return row.step() ? row.text(0) : "";
}

void SlotWorld::turn(const std::vector<daemon::Request>& requests,
                     const std::vector<daemon::JobResult>& results) {
    last_ = engine_->turn(requests, results, clock_.now(), clock_.monotonic());
    require(last_.warnings.empty(), "nothing is wrong with the store: " +
                                        (last_.warnings.empty() ? "" : last_.warnings[0]));
    for (const auto& job : last_.jobs)
        if (job.command) begin(job);
}

json SlotWorld::call(const std::string& method, json params) {
    const json body{{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}};
    daemon::Caller caller{core::UserId{user}};
    caller.events_endpoint = "ipc://events";
    turn({{{0, "1", false}, std::move(caller), body.dump(), clock_.monotonic()}}, {});
    require(last_.replies.size() == 1, "a request gets one reply: " + method);
    return json::parse(last_.replies[0].body);
}

/// Turns until nothing is due; time stands still.
void SlotWorld::settle() {
    for (int turns = 0;; ++turns) {
        require(turns < 3000, "due timers come to an end (P8)");
        for (auto& series : series_) series->model.look(clock_.now());
        see_ends();
        const auto due = engine_->next_due();
        if (turns > 0 && (!due || *due > clock_.now())) break;
        turn({}, {});
    }
    check();
}

/// taskd hands out a run.
void SlotWorld::begin(const daemon::Job& job) {
    daemon::Query row(*database_,
                      "SELECT command_id, coalesce(command_group, ''), recurrence_id, attempts "
                      "FROM delivery WHERE user_id = ? AND id = ?",
                      user, job.delivery.str());
    require(row.step(), "what is begun is stored");
    Running run{job, static_cast<int>(row.integer(3)), row.text(0), row.text(1), {}};
    const std::string slot = row.text(2);
    const std::string why = variable(job, "TASKD_WHY");
    note("begins: " + why + " " + slot + " of " + run.series.substr(0, 4) + ", attempt " +
         std::to_string(run.attempt));
    require(variable(job, "TASKD_RECURRENCE_ID") == slot, "a program is told its slot");
    for (const auto& other : running_)
        require(run.group.empty() || (run.group != other.group && run.series != other.series),
                "one command of a group runs at a time");
    require(static_cast<std::int64_t>(running_.size()) < settings_.commands_per_user,
            "a user runs no more at a time than there may be");
    if (why == core::run_by_slot || why == core::run_by_start) {
        const auto series = std::find_if(series_.begin(), series_.end(),
                                         [&](const auto& one) { return one->id == run.series; });
        require(series != series_.end(), "what runs is a series'");
        auto& model = (*series)->model;
        model.look(clock_.now());
        see_ends();  // of the one before it, in the same turn
        run.slot = model.find(slot);
        require(run.slot && *run.slot < model.fates().size(), "a run is for a slot: " + slot);
        const auto& fate = model.fates()[*run.slot];
        require(fate.state == State::due, "a slot runs when it is due: " + slot);
        require(!fate.by_slot || clock_.now() <= model.slots()[*run.slot].last_moment,
                "no attempt begins too late: " + slot);
        model.begun(*run.slot);
    }
    running_.push_back(std::move(run));
}

void SlotWorld::end_one() {
    if (running_.empty()) return;
    const auto index = static_cast<std::size_t>(
        random_.between(0, static_cast<std::int64_t>(running_.size()) - 1));
    const Running run = running_[index];
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(index));
    core::Outcome outcome{true, false, "exit 0", "done\n"};
    if (random_.one_in(3)) outcome = {false, true, "exit 3", "no disk\n"};
    note("ends: " + variable(run.job, "TASKD_RECURRENCE_ID") + " of " + run.series.substr(0, 4) +
         ": " + outcome.result);
    daemon::JobResult result{run.job.user, run.job.delivery, outcome, {}, {}};
    result.is_command = true;
    // What begins behind it does so in this very turn.
    end(run, outcome);
    turn({}, {result});
    settle();
}

/// What an attempt that has ended means for its slot.
void SlotWorld::end(const Running& run, const core::Outcome& outcome) {
    if (!run.slot) return;
    auto& series = **std::find_if(series_.begin(), series_.end(),
                                  [&](const auto& one) { return one->id == run.series; });
    auto& model = series.model;
    const auto& plan = model.plan();
    if (model.fates()[*run.slot].state != State::running) return;  // its task was cancelled
    if (outcome.succeeded) return model.done(*run.slot, clock_.now());
    const bool is_late = clock_.now() > model.slots()[*run.slot].last_moment;
    if (run.attempt >= plan.attempts || (is_late && model.fates()[*run.slot].by_slot))
        return model.pass_by(*run.slot, "failed", clock_.now());
    model.tried(*run.slot);
}

/// Runs end without beginning, too, when it is too late for them.
void SlotWorld::see_ends() {
    for (auto& series : series_)
        if (!series->model.plan().not_after.empty())
            for (std::size_t slot = 0; slot < series->model.fates().size(); ++slot)
                if (series->model.fates()[slot].state == State::due) see_end(*series, slot);
}

void SlotWorld::see_end(Series& series, std::size_t slot) {
    const auto& planned = series.model.slots()[slot];
    daemon::Query row(*database_,
                      "SELECT attempts FROM delivery WHERE user_id = ? AND command_id = ? AND "
                      "recurrence_id = ? AND json_extract(call, '$.verb') = 'slot' AND state = "
                      "'dead'",
                      user, series.id, planned.id);
    if (!row.step()) return;
    // The pause before another attempt is a matter of chance, up to its maximum.
    require(clock_.now() + (row.integer(0) > 0 ? minutes{10} : minutes{0}) > planned.last_moment,
            "a run is given up when it is too late: " + planned.id);
    note("too late: " + planned.id);
    series.model.pass_by(slot, row.integer(0) > 0 ? "failed" : "not_after", clock_.now());
    series.model.look(clock_.now());
}

/// Somebody does something by hand.
void SlotWorld::act() {
    Series& series = some_series();
    auto& model = series.model;
    const auto now = clock_.now();
    // One of the last few is the one that is open, or was.
    const auto back = static_cast<std::size_t>(random_.between(1, 3));
    const auto slot = model.fates().size() - std::min(back, model.fates().size());
    const auto& fate = model.fates()[slot];
    const std::string task = task_of(series, model.slots()[slot].id);
    const auto ask = [&](const char* method, const json& params) {
        note(std::string(method) + " " + params.dump() + " " + model.slots()[slot].id);
        const auto reply = call(method, params);
        require(reply.contains("result"), std::string(method) + ": " + reply.dump());
        return reply["result"];
    };
    switch (random_.between(0, 7)) {
    case 0:
    case 1:
        if (model.is_paused()) {
            model.resume(now);
            ask("series.resume", {{"series", series.id}});
        } else if (random_.one_in(2)) {
            model.pause(now);
            ask("series.pause", {{"series", series.id}});
        }
        break;
    case 2:
        if (task.empty() || fate.state != State::waiting) break;
        model.done(slot, now);
        ask("task.complete", {{"task", task}});
        break;
    case 3:
        if (task.empty() || fate.state >= State::done) break;
        model.pass_by(slot, "cancelled", now);
        ask("task.cancel", {{"task", task}});
        break;
    case 4:
        if (task.empty() || fate.state != State::waiting) break;
        model.started(slot);
        ask("task.start", {{"task", task}});
        break;
    case 5:
        ask("command.trigger", {{"task", task_of(series, model.slots()[0].id)}});
        break;
    default:
        backfill(series);
    }
    settle();
}

void SlotWorld::backfill(Series& series) {
    const auto to = clock_.now() - minutes{random_.between(0, 3000)};
    const auto from = to - minutes{random_.between(0, 9000)};
    const json params{{"series", task_of(series, series.model.slots()[0].id)},
                      {"from", core::format_utc(from)},
                      {"to", core::format_utc(to)},
                      {"tz", "UTC"}};
    note("backfill " + params.dump());
    const auto reply = call("command.backfill", params);
    require(reply.contains("result"), "a range is filled: " + reply.dump());
    const auto& slots = series.model.slots();
    const auto count = std::count_if(slots.begin(), slots.end(), [&](const auto& slot) {
        return slot.at >= from && slot.at <= to && slot.at <= clock_.now();
    });
    require(reply["result"]["count"] == count,
            "each slot of the range is filled: " + reply["result"]["count"].dump() + " of " +
                std::to_string(count));
}

/// Time passes in which taskd is off, or the machine asleep with it.
void SlotWorld::sleep(milliseconds span, bool is_off) {
    const auto due = is_off ? std::nullopt : engine_->next_due();
    clock_.advance(span);
    woke_.insert(clock_.now());
    if (is_off ? span > minutes{1} : due && *due < clock_.now() - minutes{1})
        missed_.insert(clock_.now());
}

void SlotWorld::check() {
    daemon::Query row(*database_,
                      "SELECT until_ms, (SELECT count(*) FROM event WHERE received > since_ms AND "
                      "received < until_ms) FROM gap ORDER BY until_ms");
    std::set<core::Timestamp> told;
    while (row.step()) {
        require(woke_.contains(row.time(0)) && row.integer(1) == 0,
                "taskd was awake where it says that it was not");
        told.insert(row.time(0));
    }
    require(std::includes(told.begin(), told.end(), missed_.begin(), missed_.end()),
            "taskd says when it was not awake");
    for (const auto& series : series_) {
        check_series(*series);
        check_runs(*series);
    }
}

/// The ledger of a series is the model's, slot by slot and word by word.
void SlotWorld::check_series(const Series& series) {
    const auto& model = series.model;
    daemon::Query row(*database_,
                      "SELECT o.recurrence_id, o.last_slot, o.count, o.state, coalesce(o.reason, "
                      "''), coalesce(t.status, '') FROM occurrence o LEFT JOIN task t ON t.user_id "
                      "= o.user_id AND t.id = o.task_id WHERE o.user_id = ? AND o.series_id = ? "
                      "ORDER BY o.position",
                      user, series.id);
    std::size_t slot = 0;
    while (row.step()) {
        const std::string is = row.text(3) == "skipped" ? row.text(4) : row.text(5);
        for (auto count = row.integer(2); count > 0; --count, ++slot) {
            require(slot < model.fates().size(), "a slot is decided too early: " + row.text(0));
            const auto& fate = model.fates()[slot];
            const std::string must =
                fate.state == State::passed_by ? fate.reason : word_of(fate.state);
            require(is == must, "P11: the slot " + model.slots()[slot].id + " of " +
                                    series.id.substr(0, 4) + " is " + is + ", and must be " + must);
        }
        require(model.slots()[slot - 1].id == row.text(1),
                "P11: the slot " + row.text(1) + " is not " + model.slots()[slot - 1].id);
    }
    require(slot == model.fates().size(),
            "P11: the slot " + model.slots()[slot].id + " is not decided");
}

/// A slot that was run has one run, and one that was passed by for its time has none.
void SlotWorld::check_runs(const Series& series) {
    daemon::Query row(*database_,
                      "SELECT recurrence_id, count(*), max(state), max(attempts) FROM delivery "
                      "WHERE user_id = ? AND command_id = ? AND json_extract(call, '$.verb') IN "
                      "('slot', 'start') GROUP BY recurrence_id",
                      user, series.id);
    const auto& model = series.model;
    std::size_t with_run = 0;
    while (row.step()) {
        const auto slot = model.find(row.text(0));
        require(slot && *slot < model.fates().size(), "a run is for a slot: " + row.text(0));
        require(row.integer(1) == 1, "P4: a slot is run once: " + row.text(0));
        const auto& fate = model.fates()[*slot];
        const std::string state = row.text(2);
        const bool fits = fate.state == State::running ? state == "running"
                          : fate.state == State::due   ? state == "pending"
                          : fate.state == State::done  ? state == "succeeded"
                          : fate.reason == "failed"    ? state == "dead"
                          : fate.reason == "not_after" ? state == "dead" && row.integer(3) == 0
                                                       : fate.reason == "cancelled";
        require(fits, "a run is as its slot is: " + row.text(0) + " is " + state);
        ++with_run;
    }
    const auto wanted = static_cast<std::size_t>(
        std::count_if(model.fates().begin(), model.fates().end(), [](const SlotModel::Fate& fate) {
            return fate.state == State::due || fate.state == State::running ||
                   fate.reason == "failed";
        }));
    require(with_run >= wanted, "a slot that is due has its run");
}

void SlotWorld::run(int steps) {
    const auto end = clock_.now() + days_max;
    for (int i = 0; i < 4 * steps && clock_.now() < end; ++i) {
        switch (random_.between(0, 9)) {
        case 0:
        case 1:
            end_one();
            break;
        case 2:
            act();
            break;
        case 3:
            if (random_.one_in(4)) crash();
            break;
        case 4:
            if (random_.one_in(5)) {
                sleep(hours{random_.between(20, 120)}, false);
                note("slept for days");
            }
            break;
        case 5:
            sleep(minutes{random_.between(60, 600)}, false);
            break;
        default:
            // On time, as the loop wakes: to the very moment.
            if (const auto due = engine_->next_due(); due && *due > clock_.now())
                clock_.advance(*due - clock_.now());
        }
        settle();
        if (!running_.empty() && random_.one_in(3)) end_one();
    }
}

}  // namespace taskd::sim
