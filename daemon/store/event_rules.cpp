// SPDX-License-Identifier: Apache-2.0
#include "core/event_rule.h"
#include "daemon/store/columns.h"
#include "daemon/store/maintenance.h"
#include "daemon/store/unit_of_work.h"

namespace taskd::daemon {

using core::EventRule;

std::vector<EventRule> UnitOfWork::event_rules(const core::UserId& user) {
    std::vector<EventRule> rules;
    Query row(db_, "SELECT rule FROM event_rule WHERE user_id = ? ORDER BY name", user.str());
    while (row.step()) rules.push_back(from_column<EventRule>(row.text(0)));
    return rules;
}

std::optional<EventRule> UnitOfWork::find_event_rule(const core::UserId& user,
                                                     const std::string& name) {
    Query row(db_, "SELECT rule FROM event_rule WHERE user_id = ? AND name = ?", user.str(), name);
    if (!row.step()) return {};
    return from_column<EventRule>(row.text(0));
}

std::optional<EventRule> UnitOfWork::event_rule_of(const core::UserId& user,
                                                   const std::string& id) {
    Query row(db_, "SELECT rule FROM event_rule WHERE user_id = ? AND id = ?", user.str(), id);
    if (!row.step()) return {};
    return from_column<EventRule>(row.text(0));
}

void UnitOfWork::put_event_rule(const core::UserId& user, const EventRule& rule) {
    Query(db_,
          "INSERT INTO event_rule VALUES (?1, ?2, ?3, ?4) ON CONFLICT (user_id, id) DO UPDATE SET "
          "rule = ?4",
          user.str(), rule.id, rule.name, to_column(std::optional(rule)))
        .run();
}

void UnitOfWork::erase_event_rule(const core::UserId& user, const EventRule& rule) {
    Query(db_, "DELETE FROM event_rule WHERE user_id = ? AND id = ?", user.str(), rule.id).run();
    remember("event_rule", rule.id, ipc::to_json(rule));
}

bool Maintenance::has_event_rules() {
    return Query(db_, "SELECT 1 FROM event_rule LIMIT 1").step();
}

std::optional<core::TaskId> UnitOfWork::open_task_called(const core::UserId& user,
                                                         const std::string& summary) {
    Query row(db_,
              "SELECT id FROM task INDEXED BY task_open_summary WHERE user_id = ? AND summary = ? "
              "AND deleted IS NULL AND status IN ('needs-action', 'in-process') ORDER BY number "
              "LIMIT 1",
              user.str(), summary);
    if (!row.step()) return {};
    return core::TaskId{row.text(0)};
}

}  // namespace taskd::daemon
