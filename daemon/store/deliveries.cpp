// SPDX-License-Identifier: Apache-2.0
#include "core/text.h"
#include "daemon/store/columns.h"
#include "daemon/store/unit_of_work.h"

namespace taskd::daemon {
namespace {

using core::Delivery;
using nlohmann::json;

#define DELIVERY_COLUMNS                                                                         \
    "user_id, id, reminder_id, task_id, recurrence_id, channel, firing, event_user_seq, "        \
    "state, attempts, created, next_attempt_ms, finished, result, output, log, call, call_key, " \
    "status, expires, started, revoked, digest, planned, rule_chain"
// A list does without what is sent, up to 1 MiB each.
#define DELIVERY_LIST_COLUMNS                                                             \
    "user_id, id, reminder_id, task_id, recurrence_id, channel, firing, event_user_seq, " \
    "state, attempts, created, next_attempt_ms, finished, result, output, log, "          \
    "json_remove(call, '$.body', '$.headers', '$.context'), call_key, status, expires, "  \
    "started, revoked, digest, planned, rule_chain"

#define RUN_LIST_COLUMNS                                                                  \
    "user_id, id, reminder_id, task_id, recurrence_id, channel, firing, event_user_seq, " \
    "state, attempts, created, next_attempt_ms, finished, result, '', log, "              \
    "json_remove(call, '$.body', '$.headers', '$.context'), call_key, status, expires, "  \
    "started, revoked, digest, planned, rule_chain"

// What is done meanwhile need not be told; a slot that has no task goes by its reminder.
#define STILL_OPEN                                                                        \
    "NOT EXISTS (SELECT 1 FROM task WHERE task.user_id = delivery.user_id AND task.id = " \
    "delivery.task_id AND (task.deleted IS NOT NULL OR task.status IN ('completed', "     \
    "'cancelled'))) "
// A test of a channel that failed was told to who asked for it.
#define NO_TEST "AND (expires IS NULL OR call_key IS NOT NULL) "

std::optional<std::string> log_column(const std::vector<core::Attempt>& log) {
    if (log.empty()) return {};
    json list = json::array();
    for (const auto& attempt : log)
        list.push_back(
            {attempt.at.time_since_epoch().count(), attempt.result, attempt.took.count()});
    return list.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::vector<core::Attempt> read_log(const std::string& text) {
    std::vector<core::Attempt> log;
    for (const auto& attempt : json::parse(text))
        log.push_back(
            {core::Timestamp{std::chrono::milliseconds{attempt[0].get<std::int64_t>()}},
             attempt[1].get<std::string>(),
             std::chrono::milliseconds{attempt.size() > 2 ? attempt[2].get<std::int64_t>() : 0}});
    return log;
}

std::optional<std::string> call_column(const std::optional<core::Call>& call) {
    if (!call) return {};
    return json{{"kind", std::string(core::to_string(call->kind))},
                {"target", call->target},
                {"method", call->method},
                {"verb", call->verb},
                {"path", call->path},
                {"headers", call->headers},
                {"body", call->body},
                {"key", call->key},
                {"step", call->step},
                {"summary", call->summary},
                {"context", call->context}}
        .dump();
}

core::Call read_call(const std::string& text) {
    const auto found = json::parse(text);
    core::Call call;
    call.kind = core::call_kind_from(found["kind"].get<std::string>());
    found["target"].get_to(call.target);
    found["method"].get_to(call.method);
    found["verb"].get_to(call.verb);
    found["path"].get_to(call.path);
    if (found.contains("headers")) found["headers"].get_to(call.headers);
    call.body = found.value("body", "");
    found["key"].get_to(call.key);
    found["step"].get_to(call.step);
    call.summary = found.value("summary", "");
    call.context = found.value("context", "");
    return call;
}

Delivery read_delivery(const Query& row) {
    Delivery delivery;
    delivery.user = core::UserId{row.text(0)};
    delivery.id = core::DeliveryId{row.text(1)};
    delivery.reminder = core::ReminderId{row.text(2)};
    delivery.task = core::TaskId{row.text(3)};
    delivery.recurrence_id = row.text(4);
    delivery.channel = row.text(5);
    delivery.firing = row.integer(6);
    delivery.event_user_seq = row.integer(7);
    delivery.state = core::delivery_state_from(row.text(8));
    delivery.attempts = static_cast<int>(row.integer(9));
    delivery.created = row.time(10);
    delivery.next_attempt = row.optional_time(11);
    delivery.finished = row.optional_time(12);
    delivery.result = row.text(13);
    delivery.output = row.text(14);
    if (!row.is_null(15)) delivery.log = read_log(row.text(15));
    if (!row.is_null(16)) delivery.call = read_call(row.text(16));
    delivery.call_key = row.text(17);
    delivery.status = static_cast<int>(row.integer(18));
    delivery.expires = row.optional_time(19);
    delivery.started = row.optional_time(20);
    delivery.revoked = row.text(21);
    delivery.digest = core::DeliveryId{row.text(22)};
    delivery.planned = row.optional_time(23);
    delivery.rule_chain = row.text(24);
    return delivery;
}

std::vector<Delivery> read_all(Query row) {
    std::vector<Delivery> deliveries;
    while (row.step()) deliveries.push_back(read_delivery(row));
    return deliveries;
}

constexpr std::size_t id_prefix_min = 4;

/// Commands have their own workers, and wait for those alone.
TimerKind timer_kind_of(const Delivery& delivery) {
    return delivery.is_run() ? TimerKind::attempt : TimerKind::delivery;
}

}  // namespace

std::optional<Delivery> UnitOfWork::find_delivery(const core::UserId& user,
                                                  const core::DeliveryId& id) {
    Query row(db_, "SELECT " DELIVERY_COLUMNS " FROM delivery WHERE user_id = ? AND id = ?",
              user.str(), id.str());
    if (!row.step()) return {};
    return read_delivery(row);
}

core::Result<Delivery> UnitOfWork::find_delivery(const core::UserId& user,
                                                 const std::string& reference) {
    if (reference.size() < id_prefix_min ||
        reference.find_first_not_of("0123456789abcdef-") != std::string::npos)
        return core::invalid_argument("delivery", "\"" + core::clipped(reference, 64) +
                                                      "\" is not the beginning of an id; use 4 or "
                                                      "more of its characters");
    Query row(db_,
              "SELECT " DELIVERY_COLUMNS
              " FROM delivery WHERE user_id = ?1 AND id >= ?2 AND id < ?2 || 'g' LIMIT 2",
              user.str(), reference);
    if (!row.step())
        return core::not_found("delivery", "there is no delivery " + reference,
                               "taskctl deliveries shows the newest");
    Delivery delivery = read_delivery(row);
    if (!row.step()) return delivery;
    return core::invalid_argument("delivery",
                                  reference + " is the beginning of several ids; type more of it");
}

std::optional<Delivery> UnitOfWork::find_call(const core::UserId& user, const std::string& key) {
    Query row(db_, "SELECT " DELIVERY_COLUMNS " FROM delivery WHERE user_id = ? AND call_key = ?",
              user.str(), key);
    if (!row.step()) return {};
    return read_delivery(row);
}

std::int64_t UnitOfWork::count_calls(const core::UserId& user, std::int64_t max) {
    Query row(db_,
              "SELECT count(*) FROM (SELECT 1 FROM delivery INDEXED BY delivery_waiting WHERE "
              "user_id = ? AND call_key IS NOT "
              "NULL AND command_group IS NULL AND finished IS NULL LIMIT ?)",
              user.str(), max);
    return row.step() ? row.integer(0) : 0;
}

bool UnitOfWork::has_doubtful_call(const core::UserId& user, const std::string& step,
                                   const std::string& about) {
    Query row(db_,
              "SELECT 1 FROM delivery WHERE user_id = ?1 AND call_key IS NOT NULL AND finished IS "
              "NULL AND attempts > 0 AND json_extract(call, '$.step') = ?2 AND "
              "json_extract(json_extract(call, '$.context'), '$.about') = ?3 LIMIT 1",
              user.str(), step, about);
    return row.step();
}

std::vector<Delivery> UnitOfWork::list_deliveries(const core::UserId& user,
                                                  const core::TaskId& task, std::int64_t limit) {
    return read_all(
        Query(db_,
              task.empty()
                  ? "SELECT " DELIVERY_LIST_COLUMNS " FROM delivery WHERE user_id = ?1 AND ?2 = '' "
                    "AND command_group IS NULL "
                    "ORDER BY created DESC, id DESC LIMIT ?3"
                  : "SELECT " DELIVERY_LIST_COLUMNS
                    " FROM delivery INDEXED BY delivery_task WHERE user_id = ?1 AND task_id = "
                    "?2 AND command_group IS NULL "
                    "ORDER BY created DESC, id DESC LIMIT ?3",
              user.str(), task.str(), limit));
}

std::vector<Delivery> UnitOfWork::runs_of(const core::Task& task, std::int64_t limit) {
    return read_all(Query(db_,
                          "SELECT " RUN_LIST_COLUMNS
                          " FROM delivery INDEXED BY delivery_task WHERE user_id = ? AND task_id = "
                          "? AND command_group IS NOT NULL ORDER BY id DESC LIMIT ?",
                          task.user.str(), task.id.str(), limit));
}

std::vector<Delivery> UnitOfWork::list_runs(const core::UserId& user, const RunFilter& filter) {
#define RUNS_WHERE(index)                                                                \
    "SELECT " RUN_LIST_COLUMNS " FROM delivery INDEXED BY " index                        \
    " WHERE user_id = ?1 AND command_group IS NOT NULL AND (?2 = '' OR command_id = ?2)" \
    " AND (?3 = 0 OR state = 'dead') AND (?4 IS NULL OR created >= ?4)"                  \
    " ORDER BY created DESC, planned DESC, id DESC LIMIT ?5"
    return read_all(
        Query(db_, filter.of.empty() ? RUNS_WHERE("delivery_run") : RUNS_WHERE("delivery_run_of"),
              user.str(), filter.of, filter.failed, filter.since, filter.limit));
#undef RUNS_WHERE
}

std::vector<Delivery> UnitOfWork::deliveries_of(const core::Reminder& reminder,
                                                std::int64_t limit) {
    return read_all(Query(db_,
                          "SELECT " DELIVERY_LIST_COLUMNS
                          " FROM delivery INDEXED BY delivery_firing WHERE user_id = ? AND "
                          "reminder_id = ? AND reminder_id <> "
                          "'' ORDER BY created DESC, id DESC LIMIT ?",
                          reminder.user.str(), reminder.id.str(), limit));
}

std::vector<Delivery> UnitOfWork::open_deliveries(const core::UserId& user,
                                                  const core::TaskId& task, std::int64_t limit) {
    return read_all(
        Query(db_,
              "SELECT " DELIVERY_LIST_COLUMNS
              " FROM delivery INDEXED BY delivery_task WHERE user_id = ? AND task_id = ? AND "
              "finished IS NULL "
              "LIMIT ?",
              user.str(), task.str(), limit));
}

std::vector<Delivery> UnitOfWork::open_deliveries(const core::Reminder& reminder,
                                                  std::int64_t limit) {
    return read_all(
        Query(db_,
              "SELECT " DELIVERY_LIST_COLUMNS
              " FROM delivery INDEXED BY delivery_firing WHERE user_id = ? AND reminder_id = ? AND "
              "reminder_id <> '' AND recurrence_id = ? AND finished IS NULL LIMIT ?",
              reminder.user.str(), reminder.id.str(),
              reminder.fired_slot ? core::format(*reminder.fired_slot) : std::string(), limit));
}

std::vector<Delivery> UnitOfWork::dead_deliveries(const core::UserId& user,
                                                  const core::TaskId& task, std::int64_t limit) {
    return read_all(Query(db_,
                          "SELECT " DELIVERY_LIST_COLUMNS
                          " FROM delivery WHERE user_id = ?1 AND state = 'dead' AND "
                          "command_group IS NULL AND "
                          "(?2 = '' OR task_id = ?2 OR id IN (SELECT digest FROM delivery m "
                          "INDEXED BY delivery_task WHERE m.user_id = ?1 AND m.task_id = ?2 AND "
                          "m.digest <> '')) " NO_TEST "ORDER BY created DESC, id DESC LIMIT ?3",
                          user.str(), task.str(), limit));
}

bool UnitOfWork::was_digest(const Delivery& delivery) {
    Query row(db_,
              "SELECT 1 FROM delivery INDEXED BY delivery_digest WHERE user_id = ? AND digest = ? "
              "AND digest <> '' LIMIT 1",
              delivery.user.str(), delivery.id.str());
    return row.step();
}

std::vector<Delivery> UnitOfWork::held_deliveries(const core::UserId& user,
                                                  const std::string& channel, std::int64_t limit) {
    return read_all(Query(db_,
                          "SELECT " DELIVERY_LIST_COLUMNS
                          " FROM delivery INDEXED BY delivery_open WHERE user_id = ?1 AND "
                          "finished IS NULL AND state = 'pending' AND call_key IS NULL AND "
                          "next_attempt_ms > ?2 AND CASE ?3 WHEN '' THEN attempts = 0 AND "
                          "event_user_seq > 0 ELSE channel = ?3 END "
                          "ORDER BY next_attempt_ms LIMIT ?4",
                          user.str(), now_, channel, limit));
}

std::int64_t UnitOfWork::count_waiting(const core::UserId& user, const std::string& channel,
                                       core::Timestamp now, std::int64_t max) {
    Query row(
        db_,
        "SELECT count(*) FROM (SELECT 1 FROM delivery WHERE user_id = ? AND channel = ? AND "
        "state = 'pending' AND finished IS NULL AND next_attempt_ms <= ? AND attempts = 0 AND "
        "reminder_id <> '' LIMIT ?)",
        user.str(), channel, now, max);
    return row.step() ? row.integer(0) : 0;
}

std::vector<core::Timestamp> UnitOfWork::recent_starts(const core::UserId& user,
                                                       const std::string& channel,
                                                       core::Timestamp since, core::Timestamp now,
                                                       std::int64_t max) {
    std::vector<core::Timestamp> starts;
    // A row has the start of its last attempt; of those before, its log has when they ended.
    Query row(
        db_,
        "WITH recent AS MATERIALIZED (SELECT started, state, log FROM delivery WHERE user_id "
        "= ?1 AND channel = ?2 AND channel <> '' AND started IS NOT NULL AND started > ?3 " NO_TEST
        ") "
        "SELECT started AS at FROM recent WHERE started <= ?4 UNION ALL "
        "SELECT json_extract(a.value, '$[0]') - coalesce(json_extract(a.value, '$[2]'), 0) "
        "AS at FROM recent JOIN json_each(log) a WHERE a.key < json_array_length(log) - "
        "(state <> 'running') AND at > ?3 AND at <= ?4 ORDER BY at DESC LIMIT ?5",
        user.str(), channel, since, now, max);
    while (row.step()) starts.push_back(row.time(0));
    return starts;
}

std::optional<Delivery> UnitOfWork::find_open_digest(const core::UserId& user,
                                                     const std::string& channel) {
    Query row(db_,
              "SELECT " DELIVERY_COLUMNS
              " FROM delivery INDEXED BY delivery_forming WHERE user_id = ? AND channel = ? AND "
              "state = 'pending' AND finished IS NULL AND reminder_id = '' AND event_user_seq = 0 "
              "AND call_key IS NULL LIMIT 1",
              user.str(), channel);
    if (!row.step()) return {};
    return read_delivery(row);
}

std::vector<Delivery> UnitOfWork::digested(const core::UserId& user, const core::DeliveryId& digest,
                                           std::int64_t limit) {
    return read_all(Query(db_,
                          "SELECT " DELIVERY_LIST_COLUMNS
                          " FROM delivery INDEXED BY delivery_digest WHERE user_id = ? AND digest "
                          "= ? AND digest <> '' AND " STILL_OPEN "LIMIT ?",
                          user.str(), digest.str(), limit));
}

std::int64_t UnitOfWork::count_digested(const core::UserId& user, const core::DeliveryId& digest) {
    Query row(db_,
              "SELECT count(*) FROM delivery INDEXED BY delivery_digest WHERE user_id = ? AND "
              "digest = ? AND digest <> '' AND " STILL_OPEN,
              user.str(), digest.str());
    return row.step() ? row.integer(0) : 0;
}

void UnitOfWork::insert_delivery(const Delivery& delivery) {
    Query(db_,
          "INSERT INTO delivery (" DELIVERY_COLUMNS
          ", command_group, command_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
          "nullif(?, ''), ?, ?, ?, ?, ?, ?, ?, ?, ?)",
          delivery.user.str(), delivery.id.str(), delivery.reminder.str(), id_column(delivery.task),
          delivery.recurrence_id, delivery.channel, delivery.firing, delivery.event_user_seq,
          std::string(core::to_string(delivery.state)), delivery.attempts, delivery.created,
          delivery.next_attempt, delivery.finished, delivery.result, delivery.output,
          log_column(delivery.log), call_column(delivery.call), delivery.call_key, delivery.status,
          delivery.expires, delivery.started, delivery.revoked, delivery.digest.str(),
          delivery.planned, delivery.rule_chain,
          delivery.is_run() ? std::optional(delivery.call->target) : std::nullopt,
          delivery.is_run() ? std::optional(delivery.call->path) : std::nullopt)
        .run();
    move_timer(timer_kind_of(delivery), delivery.user, delivery.id.str(), {},
               delivery.next_attempt);
}

void UnitOfWork::update_delivery(const Delivery& before, const Delivery& after) {
    Query(db_,
          "UPDATE delivery SET state = ?3, attempts = ?4, next_attempt_ms = ?5, finished = ?6, "
          "result = ?7, output = ?8, log = ?9, expires = ?10, status = ?11, started = ?12, "
          "revoked = ?13, digest = ?14, event_user_seq = ?15 "
          "WHERE user_id = ?1 AND id = ?2",
          after.user.str(), after.id.str(), std::string(core::to_string(after.state)),
          after.attempts, after.next_attempt, after.finished, after.result, after.output,
          log_column(after.log), after.expires, after.status, after.started, after.revoked,
          after.digest.str(), after.event_user_seq)
        .run();
    // What succeeded is not sent again.
    if (after.call && after.state == core::DeliveryState::succeeded)
        Query(db_,
              "UPDATE delivery SET call = json_remove(call, '$.body', '$.headers', '$.context') "
              "WHERE user_id = ? AND id = ?",
              after.user.str(), after.id.str())
            .run();
    move_timer(timer_kind_of(after), after.user, after.id.str(), before.next_attempt,
               after.next_attempt);
}

}  // namespace taskd::daemon
