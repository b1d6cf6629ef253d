// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/columns.h"
#include "daemon/store/unit_of_work.h"

namespace taskd::daemon {
namespace {

using core::Reminder;
using std::chrono::milliseconds;
using std::chrono::seconds;

#define REMINDER_COLUMNS                                                                  \
    "user_id, id, task_id, series_id, before_ms, channels, grace_ms, fired, fired_slot, " \
    "next_slot, next_ms, firing, fired_at, snoozed_until, acknowledged, from_slot, "      \
    "passed_slot, moved, anchor, at, nag_ms, nag_max, nags, nag_at, escalate_ms, "        \
    "escalate_to, escalate_at, armed_at, firing_high, rule_chain"

seconds span(const Query& row, int column) {
    return std::chrono::duration_cast<seconds>(milliseconds{row.integer(column)});
}
std::int64_t span_column(seconds value) {
    return milliseconds{value}.count();
}

std::optional<std::string> moved_column(const std::vector<core::MovedSlot>& moved) {
    if (moved.empty()) return {};
    return ipc::to_json(moved).dump();
}

std::optional<core::Timestamp> armed_at(const Reminder& reminder, core::Timestamp now) {
    return reminder.next ? std::optional(now) : std::nullopt;
}

Reminder read_reminder(const Query& row) {
    Reminder reminder;
    reminder.user = core::UserId{row.text(0)};
    reminder.id = core::ReminderId{row.text(1)};
    reminder.task = core::TaskId{row.text(2)};
    reminder.series = core::SeriesId{row.text(3)};
    reminder.before = span(row, 4);
    reminder.channels = words_column(row.text(5));
    reminder.grace = span(row, 6);
    reminder.fired = row.integer(7) != 0;
    reminder.fired_slot = optional_slot(row, 8);
    reminder.next_slot = optional_slot(row, 9);
    reminder.next = row.optional_time(10);
    reminder.firing = row.integer(11);
    reminder.fired_at = row.optional_time(12);
    reminder.snoozed_until = row.optional_time(13);
    reminder.acknowledged = row.optional_time(14);
    reminder.from = optional_slot(row, 15);
    reminder.passed = optional_slot(row, 16);
    if (!row.is_null(17)) reminder.moved = from_column<std::vector<core::MovedSlot>>(row.text(17));
    if (const auto anchor = core::reminder_anchor_from(row.text(18))) reminder.anchor = *anchor;
    reminder.at = optional_calendar_time(row, 19);
    reminder.nag = span(row, 20);
    reminder.nag_max = static_cast<int>(row.integer(21));
    reminder.nags = static_cast<int>(row.integer(22));
    reminder.nag_at = row.optional_time(23);
    reminder.escalate = span(row, 24);
    reminder.escalate_to = words_column(row.text(25));
    reminder.escalate_at = row.optional_time(26);
    reminder.armed_at = row.optional_time(27);
    reminder.firing_high = row.integer(28);
    reminder.rule_chain = row.text(29);
    return reminder;
}

}  // namespace

std::optional<Reminder> UnitOfWork::find_reminder(const core::UserId& user,
                                                  const core::ReminderId& id) {
    Query row(db_, "SELECT " REMINDER_COLUMNS " FROM reminder WHERE user_id = ? AND id = ?",
              user.str(), id.str());
    if (!row.step()) return {};
    return read_reminder(row);
}

std::vector<Reminder> UnitOfWork::reminders_of(const core::Task& task) {
    std::vector<Reminder> reminders;
    const bool recurs = !task.series.empty();
    Query row(db_,
              recurs ? "SELECT " REMINDER_COLUMNS
                       " FROM reminder WHERE user_id = ? AND series_id = ? "
                       "ORDER BY before_ms DESC, id"
                     : "SELECT " REMINDER_COLUMNS
                       " FROM reminder WHERE user_id = ? AND task_id = ? "
                       "ORDER BY before_ms DESC, id",
              task.user.str(), recurs ? task.series.str() : task.id.str());
    while (row.step()) reminders.push_back(read_reminder(row));
    return reminders;
}

void UnitOfWork::insert_reminder(const Reminder& reminder) {
    Query(db_,
          "INSERT INTO reminder (" REMINDER_COLUMNS
          ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
          "?, ?, ?, ?)",
          reminder.user.str(), reminder.id.str(), id_column(reminder.task),
          id_column(reminder.series), span_column(reminder.before),
          nlohmann::json(reminder.channels).dump(), span_column(reminder.grace), reminder.fired,
          slot_column(reminder.fired_slot), slot_column(reminder.next_slot), reminder.next,
          reminder.firing, reminder.fired_at, reminder.snoozed_until, reminder.acknowledged,
          slot_column(reminder.from), slot_column(reminder.passed), moved_column(reminder.moved),
          std::string(core::to_string(reminder.anchor)), to_column(reminder.at),
          span_column(reminder.nag), reminder.nag_max, reminder.nags, reminder.nag_at,
          span_column(reminder.escalate), nlohmann::json(reminder.escalate_to).dump(),
          reminder.escalate_at, armed_at(reminder, now()), reminder.firing_high,
          reminder.rule_chain.empty() ? rule_chain_ : reminder.rule_chain)
        .run();
    move_timer(TimerKind::reminder, reminder.user, reminder.id.str(), {}, reminder.next);
    remember("reminder", reminder.id.str(), nullptr);
}

void UnitOfWork::update_reminder(const Reminder& before, const Reminder& after) {
    if (before == after) return;
    Query(db_,
          "UPDATE reminder SET fired = ?3, fired_slot = ?4, next_slot = ?5, next_ms = ?6, "
          "firing = ?7, fired_at = ?8, snoozed_until = ?9, acknowledged = ?10, from_slot = ?11, "
          "passed_slot = ?12, moved = ?13, at = ?14, nags = ?15, nag_at = ?16, escalate_at = ?17, "
          "armed_at = ?18, firing_high = ?19 "
          "WHERE user_id = ?1 AND id = ?2",
          after.user.str(), after.id.str(), after.fired, slot_column(after.fired_slot),
          slot_column(after.next_slot), after.next, after.firing, after.fired_at,
          after.snoozed_until, after.acknowledged, slot_column(after.from),
          slot_column(after.passed), moved_column(after.moved), to_column(after.at), after.nags,
          after.nag_at, after.escalate_at,
          before.next == after.next ? before.armed_at : armed_at(after, now()), after.firing_high)
        .run();
    move_timer(TimerKind::reminder, after.user, after.id.str(), before.next, after.next);
    remember("reminder", after.id.str(), ipc::to_json(before));
}

void UnitOfWork::erase_reminder(const Reminder& reminder) {
    Query(db_, "DELETE FROM reminder WHERE user_id = ? AND id = ?", reminder.user.str(),
          reminder.id.str())
        .run();
    move_timer(TimerKind::reminder, reminder.user, reminder.id.str(), reminder.next, {});
    remember("reminder", reminder.id.str(), ipc::to_json(reminder));
}

}  // namespace taskd::daemon
