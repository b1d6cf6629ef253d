// SPDX-License-Identifier: Apache-2.0
#include "core/check.h"
#include "core/rfc3339.h"
#include "daemon/store/unit_of_work.h"

namespace taskd::daemon {
namespace {

core::LocalTime local_column(const std::string& text) {
    const auto local = core::parse_local(text);
    core::check(local.has_value(), "a stored local time is one");
    return *local;
}

}  // namespace

std::optional<core::ChainLink> UnitOfWork::find_link(const core::UserId& user,
                                                     const core::ForeignId& task) {
    Query row(db_,
              "SELECT first, tzid, slot, next, ended, child FROM chain "
              "WHERE user_id = ? AND task = ?",
              user.str(), task.str());
    if (!row.step()) return {};
    core::ChainLink link;
    link.user = user;
    link.task = task;
    link.first = local_column(row.text(0));
    link.tzid = row.text(1);
    link.slot = local_column(row.text(2));
    if (!row.is_null(3)) link.next = local_column(row.text(3));
    link.ended = row.integer(4) != 0;
    link.child = core::ForeignId{row.text(5)};
    return link;
}

void UnitOfWork::put_link(const core::ChainLink& link,
                          const std::optional<core::Timestamp>& expires) {
    std::optional<std::string> next;
    if (link.next) next = core::format_local(*link.next);
    Query(db_, "INSERT OR REPLACE INTO chain VALUES (?, ?, ?, ?, ?, ?, ?, nullif(?, ''), ?)",
          link.user.str(), link.task.str(), core::format_local(link.first), link.tzid,
          core::format_local(link.slot), next, link.ended, link.child.str(), expires)
        .run();
}

}  // namespace taskd::daemon
