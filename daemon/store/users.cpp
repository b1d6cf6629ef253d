// SPDX-License-Identifier: Apache-2.0
#include "core/rfc3339.h"
#include "daemon/store/columns.h"
#include "daemon/store/unit_of_work.h"
#include "ipc/json.h"

#include <nlohmann/json.hpp>

namespace taskd::daemon {

bool UnitOfWork::has_user(const core::UserId& user) {
    Query row(db_, "SELECT 1 FROM user WHERE user_id = ?", user.str());
    return row.step();
}

core::UserSettings UnitOfWork::user_settings(const core::UserId& user) {
    Query row(db_,
              "SELECT coalesce(zone, ''), email, quiet_hours, agenda, agenda_channel, holidays "
              "FROM user WHERE user_id = ?",
              user.str());
    if (!row.step()) return {};
    return {row.text(0), row.text(1),
            row.text(2), row.text(3),
            row.text(4), from_column<std::vector<std::chrono::local_days>>(row.text(5))};
}

void UnitOfWork::put_user_settings(const core::UserId& user, const core::UserSettings& settings) {
    const auto before = user_settings(user);
    Query(db_,
          "INSERT INTO user (user_id, zone, email, quiet_hours, holidays, agenda, agenda_channel) "
          "VALUES (?1, nullif(?2, ''), ?3, ?4, ?5, ?6, ?7) ON CONFLICT (user_id) DO UPDATE SET "
          "zone = nullif(?2, ''), email = ?3, quiet_hours = ?4, holidays = ?5, agenda = ?6, "
          "agenda_channel = ?7",
          user.str(), settings.zone, settings.email, settings.quiet_hours,
          ipc::to_json(settings.holidays).dump(), settings.agenda, settings.agenda_channel)
        .run();
    // One that is due just now still comes.
    if (before.agenda != settings.agenda || before.zone != settings.zone)
        set_agenda(user, core::next_agenda(settings, now()));
    remember("user", user.str(), ipc::to_json(before));
}

std::optional<core::Timestamp> UnitOfWork::agenda_time(const core::UserId& user) {
    Query row(db_, "SELECT agenda_ms FROM user WHERE user_id = ?", user.str());
    if (!row.step()) return {};
    return row.optional_time(0);
}

void UnitOfWork::set_agenda(const core::UserId& user, std::optional<core::Timestamp> next) {
    move_timer(TimerKind::agenda, user, "", agenda_time(user), next);
    Query(db_, "UPDATE user SET agenda_ms = ?2 WHERE user_id = ?1", user.str(), next).run();
}

void UnitOfWork::count_rows(const core::UserId& user, ipc::Health& health) {
    Query row(
        db_,
        "SELECT (SELECT count(*) FROM task WHERE user_id = ?1 AND deleted IS NULL "
        "  AND status IN ('needs-action', 'in-process')),"
        " (SELECT count(*) FROM series WHERE user_id = ?1 AND ended IS NULL),"
        " (SELECT count(*) FROM reminder WHERE user_id = ?1 AND next_ms IS NOT NULL),"
        " (SELECT count(*) FROM delivery INDEXED BY delivery_open WHERE user_id = ?1 AND state IN "
        "  ('pending', 'running') AND finished IS NULL AND command_group IS NULL),"
        " (SELECT count(*) FROM delivery INDEXED BY delivery_dead WHERE user_id = ?1 AND state = "
        "'dead' AND "
        "  command_group IS NULL AND (expires IS NULL OR call_key IS NOT NULL))",
        user.str());
    if (!row.step()) return;
    health.tasks_open = row.integer(0);
    health.series_active = row.integer(1);
    health.reminders_pending = row.integer(2);
    health.deliveries_pending = row.integer(3);
    health.deliveries_dead = row.integer(4);
    health.event_head = event_head(user);
    Query next(db_,
               "SELECT due_ms FROM timer WHERE kind = 'reminder' AND user_id = ? "
               "ORDER BY due_ms LIMIT 1",
               user.str());
    if (next.step()) health.next_timer = core::format_utc(next.time(0));
}

}  // namespace taskd::daemon
