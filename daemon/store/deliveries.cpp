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
    "status, expires"
// A list does without what is sent, up to 1 MiB each.
#define DELIVERY_LIST_COLUMNS                                                             \
    "user_id, id, reminder_id, task_id, recurrence_id, channel, firing, event_user_seq, " \
    "state, attempts, created, next_attempt_ms, finished, result, output, log, "          \
    "json_remove(call, '$.body', '$.headers', '$.context'), call_key, status, expires"
#define CHANNEL_COLUMNS "name, kind, argv, timeout_ms, is_default"

std::optional<std::string> log_column(const std::vector<core::Attempt>& log) {
    if (log.empty()) return {};
    json list = json::array();
    for (const auto& attempt : log)
        list.push_back({attempt.at.time_since_epoch().count(), attempt.result});
    return list.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::vector<core::Attempt> read_log(const std::string& text) {
    std::vector<core::Attempt> log;
    for (const auto& attempt : json::parse(text))
        log.push_back({core::Timestamp{std::chrono::milliseconds{attempt[0].get<std::int64_t>()}},
                       attempt[1].get<std::string>()});
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
    return delivery;
}

constexpr std::size_t id_prefix_min = 4;

ipc::Channel read_channel(const Query& row) {
    return {row.text(0), row.text(1), words_column(row.text(2)), row.integer(3),
            row.integer(4) != 0};
}

}  // namespace

std::optional<ipc::Channel> UnitOfWork::find_channel(const core::UserId& user,
                                                     const std::string& name) {
    Query row(db_, "SELECT " CHANNEL_COLUMNS " FROM channel WHERE user_id = ? AND name = ?",
              user.str(), name);
    if (!row.step()) return {};
    return read_channel(row);
}

std::optional<ipc::Channel> UnitOfWork::default_channel(const core::UserId& user) {
    Query row(db_, "SELECT " CHANNEL_COLUMNS " FROM channel WHERE user_id = ? AND is_default = 1",
              user.str());
    if (!row.step()) return {};
    return read_channel(row);
}

std::vector<ipc::Channel> UnitOfWork::list_channels(const core::UserId& user) {
    std::vector<ipc::Channel> channels;
    Query row(db_, "SELECT " CHANNEL_COLUMNS " FROM channel WHERE user_id = ? ORDER BY name",
              user.str());
    while (row.step()) channels.push_back(read_channel(row));
    return channels;
}

void UnitOfWork::put_channel(const core::UserId& user, const ipc::Channel& channel) {
    const auto before = find_channel(user, channel.name);
    remember("channel", channel.name, before ? ipc::to_json(*before) : nlohmann::json());
    if (channel.is_default) {
        // One default per user: the flag moves.
        const auto other = default_channel(user);
        if (other && other->name != channel.name) {
            remember("channel", other->name, ipc::to_json(*other));
            Query(db_, "UPDATE channel SET is_default = 0 WHERE user_id = ? AND name = ?",
                  user.str(), other->name)
                .run();
        }
    }
    Query(db_, "INSERT OR REPLACE INTO channel VALUES (?, ?, ?, ?, ?, ?)", user.str(), channel.name,
          channel.kind, nlohmann::json(channel.argv).dump(), channel.timeout_ms, channel.is_default)
        .run();
}

void UnitOfWork::erase_channel(const core::UserId& user, const ipc::Channel& channel) {
    remember("channel", channel.name, ipc::to_json(channel));
    Query(db_, "DELETE FROM channel WHERE user_id = ? AND name = ?", user.str(), channel.name)
        .run();
}

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
              "SELECT count(*) FROM (SELECT 1 FROM delivery WHERE user_id = ? AND call_key IS NOT "
              "NULL AND finished IS NULL LIMIT ?)",
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
    std::vector<Delivery> deliveries;
    Query row(db_,
              task.empty() ? "SELECT " DELIVERY_LIST_COLUMNS
                             " FROM delivery WHERE user_id = ?1 AND ?2 = '' "
                             "ORDER BY created DESC, id DESC LIMIT ?3"
                           : "SELECT " DELIVERY_LIST_COLUMNS
                             " FROM delivery WHERE user_id = ?1 AND task_id = ?2 "
                             "ORDER BY created DESC, id DESC LIMIT ?3",
              user.str(), task.str(), limit);
    while (row.step()) deliveries.push_back(read_delivery(row));
    return deliveries;
}

std::int64_t UnitOfWork::last_firing(const core::Reminder& reminder,
                                     const core::RecurrenceId& slot) {
    Query row(db_,
              "SELECT coalesce(max(firing), 0) FROM delivery "
              "WHERE user_id = ? AND reminder_id = ? AND recurrence_id = ? AND reminder_id <> ''",
              reminder.user.str(), reminder.id.str(), core::format(slot));
    row.step();
    return row.integer(0);
}

void UnitOfWork::insert_delivery(const Delivery& delivery) {
    Query(db_,
          "INSERT INTO delivery (" DELIVERY_COLUMNS
          ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, ''), ?, ?)",
          delivery.user.str(), delivery.id.str(), delivery.reminder.str(), id_column(delivery.task),
          delivery.recurrence_id, delivery.channel, delivery.firing, delivery.event_user_seq,
          std::string(core::to_string(delivery.state)), delivery.attempts, delivery.created,
          delivery.next_attempt, delivery.finished, delivery.result, delivery.output,
          log_column(delivery.log), call_column(delivery.call), delivery.call_key, delivery.status,
          delivery.expires)
        .run();
    move_timer(TimerKind::delivery, delivery.user, delivery.id.str(), {}, delivery.next_attempt);
}

void UnitOfWork::update_delivery(const Delivery& before, const Delivery& after) {
    Query(db_,
          "UPDATE delivery SET state = ?3, attempts = ?4, next_attempt_ms = ?5, finished = ?6, "
          "result = ?7, output = ?8, log = ?9, expires = ?10, status = ?11 "
          "WHERE user_id = ?1 AND id = ?2",
          after.user.str(), after.id.str(), std::string(core::to_string(after.state)),
          after.attempts, after.next_attempt, after.finished, after.result, after.output,
          log_column(after.log), after.expires, after.status)
        .run();
    // What succeeded is not sent again.
    if (after.call && after.state == core::DeliveryState::succeeded)
        Query(db_,
              "UPDATE delivery SET call = json_remove(call, '$.body', '$.headers', '$.context') "
              "WHERE user_id = ? AND id = ?",
              after.user.str(), after.id.str())
            .run();
    move_timer(TimerKind::delivery, after.user, after.id.str(), before.next_attempt,
               after.next_attempt);
}

}  // namespace taskd::daemon
