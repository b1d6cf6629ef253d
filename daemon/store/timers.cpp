// SPDX-License-Identifier: Apache-2.0
#include "core/check.h"
#include "daemon/store/unit_of_work.h"

namespace taskd::daemon {

std::string_view to_string(TimerKind kind) {
    switch (kind) {
    case TimerKind::reminder:
        return "reminder";
    case TimerKind::delivery:
        return "delivery";
    case TimerKind::retention:
        return "retention";
    case TimerKind::series:
        return "series";
    case TimerKind::zones:
        return "zones";
    case TimerKind::consumer:
        return "consumer";
    case TimerKind::agenda:
        return "agenda";
    case TimerKind::handler:
        return "handler";
    case TimerKind::run:
        return "run";
    case TimerKind::command:
        return "command";
    case TimerKind::attempt:
        return "attempt";
    }
    core::check(false, "a timer has a kind");
    return "";
}

void UnitOfWork::set_timer(const Timer& timer) {
    Query(db_, "INSERT OR IGNORE INTO timer VALUES (?, ?, ?, ?)",
          std::string(to_string(timer.kind)), timer.due, timer.user.str(), timer.ref)
        .run();
}

void UnitOfWork::erase_timer(const Timer& timer) {
    Query(db_, "DELETE FROM timer WHERE kind = ? AND due_ms = ? AND user_id = ? AND ref = ?",
          std::string(to_string(timer.kind)), timer.due, timer.user.str(), timer.ref)
        .run();
}

void UnitOfWork::move_timer(TimerKind kind, const core::UserId& user, const std::string& ref,
                            const std::optional<core::Timestamp>& before,
                            const std::optional<core::Timestamp>& after) {
    if (before == after) return;
    if (before) erase_timer({kind, *before, user, ref});
    if (after) set_timer({kind, *after, user, ref});
}

}  // namespace taskd::daemon
