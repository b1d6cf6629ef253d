// SPDX-License-Identifier: Apache-2.0
// When taskd was not awake. It is nobody's own, so no user is asked for.
#include "daemon/store/unit_of_work.h"

namespace taskd::daemon {

std::optional<core::Gap> UnitOfWork::gap_at(core::Timestamp time) {
    Query row(db_,
              "SELECT since_ms, until_ms FROM gap WHERE until_ms >= ?1 AND since_ms < ?1 ORDER BY "
              "until_ms LIMIT 1",
              time);
    if (!row.step()) return {};
    return core::Gap{row.time(0), row.time(1)};
}

std::vector<core::Gap> UnitOfWork::gaps(const std::optional<core::Timestamp>& since,
                                        std::int64_t limit) {
    std::vector<core::Gap> found;
    Query row(db_,
              "SELECT since_ms, until_ms FROM gap WHERE ?1 IS NULL OR until_ms >= ?1 ORDER BY "
              "until_ms DESC LIMIT ?2",
              since, limit);
    while (row.step()) found.push_back({row.time(0), row.time(1)});
    return found;
}

}  // namespace taskd::daemon
