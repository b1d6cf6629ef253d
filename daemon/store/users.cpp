// SPDX-License-Identifier: Apache-2.0
#include "core/rfc3339.h"
#include "daemon/store/unit_of_work.h"

namespace taskd::daemon {

std::optional<std::string> UnitOfWork::zone_of(const core::UserId& user) {
    Query row(db_, "SELECT zone FROM user WHERE user_id = ?", user.str());
    if (!row.step() || row.is_null(0)) return {};
    return row.text(0);
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
