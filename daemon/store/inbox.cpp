// SPDX-License-Identifier: Apache-2.0
#include "core/check.h"
#include "daemon/store/unit_of_work.h"

namespace taskd::daemon {
namespace {

InboxState inbox_state_from(std::string_view word) {
    for (const auto state : {InboxState::done, InboxState::waiting, InboxState::dead})
        if (to_string(state) == word) return state;
    core::check(false, "a state that is stored is one of ours");
    return InboxState::done;
}

}  // namespace

std::string_view to_string(InboxState state) {
    switch (state) {
    case InboxState::done:
        return "done";
    case InboxState::waiting:
        return "waiting";
    case InboxState::dead:
        return "dead";
    }
    core::check(false, "a mark has a state");
    return "";
}

std::optional<InboxMark> UnitOfWork::find_mark(const core::UserId& user, const std::string& handler,
                                               std::int64_t user_seq) {
    Query row(db_,
              "SELECT handler, source, dedup_key, state, user_seq, attempts, next_ms, reason FROM "
              "inbox WHERE user_id = ? AND handler = ? AND user_seq = ?",
              user.str(), handler, user_seq);
    if (!row.step()) return {};
    return InboxMark{
        row.text(0),    row.text(1),    row.text(2),          inbox_state_from(row.text(3)),
        row.integer(4), row.integer(5), row.optional_time(6), row.text(7)};
}

void UnitOfWork::put_mark(const core::UserId& user, const std::optional<InboxMark>& before,
                          const InboxMark& after, core::Timestamp expires) {
    Query(db_, "INSERT OR REPLACE INTO inbox VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", user.str(),
          after.handler, after.source, after.dedup_key, std::string(to_string(after.state)),
          after.user_seq, after.attempts, after.next, after.reason, expires)
        .run();
    move_timer(TimerKind::handler, user, after.handler + "/" + std::to_string(after.user_seq),
               before ? before->next : std::nullopt, after.next);
}

}  // namespace taskd::daemon
