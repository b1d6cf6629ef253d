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
              "SELECT coalesce(zone, ''), email, quiet_hours, holidays FROM user WHERE user_id = ?",
              user.str());
    if (!row.step()) return {};
    return {row.text(0), row.text(1), row.text(2),
            from_column<std::vector<std::chrono::local_days>>(row.text(3))};
}

void UnitOfWork::put_user_settings(const core::UserId& user, const core::UserSettings& settings) {
    const auto before = user_settings(user);
    Query(db_,
          "INSERT INTO user (user_id, zone, email, quiet_hours, holidays) "
          "VALUES (?1, nullif(?2, ''), ?3, ?4, ?5) ON CONFLICT (user_id) DO UPDATE SET "
          "zone = nullif(?2, ''), email = ?3, quiet_hours = ?4, holidays = ?5",
          user.str(), settings.zone, settings.email, settings.quiet_hours,
          ipc::to_json(settings.holidays).dump())
        .run();
    remember("user", user.str(), ipc::to_json(before));
}

void UnitOfWork::count_rows(const core::UserId& user, ipc::Health& health) {
    Query row(db_,
              "SELECT (SELECT count(*) FROM task WHERE user_id = ?1 AND deleted IS NULL "
              "  AND status IN ('needs-action', 'in-process')),"
              " (SELECT count(*) FROM series WHERE user_id = ?1 AND ended IS NULL),"
              " (SELECT count(*) FROM reminder WHERE user_id = ?1 AND next_ms IS NOT NULL),"
              " (SELECT count(*) FROM delivery WHERE user_id = ?1 AND state IN "
              "  ('pending', 'running')),"
              " (SELECT count(*) FROM delivery WHERE user_id = ?1 AND state = 'dead')",
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
