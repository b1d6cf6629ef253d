// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/maintenance.h"

#include <array>

namespace taskd::daemon {
namespace {

constexpr int trim_rows_max = 500;  // a batch short enough not to be felt by a request behind it
// Zones come first: what they move must not go off at its old time.
constexpr std::array<TimerKind, 5> timer_kinds{TimerKind::zones, TimerKind::reminder,
                                               TimerKind::series, TimerKind::delivery,
                                               TimerKind::retention};

}  // namespace

std::vector<Timer> Maintenance::due_timers(core::Timestamp now, std::size_t limit,
                                           bool deliveries_wait) {
    std::vector<Timer> timers;
    for (const auto kind : timer_kinds) {
        if (kind == TimerKind::delivery && deliveries_wait) continue;
        Query row(db_,
                  "SELECT due_ms, user_id, ref FROM timer WHERE kind = ? AND due_ms <= ? "
                  "ORDER BY due_ms LIMIT ?",
                  std::string(to_string(kind)), now,
                  static_cast<std::int64_t>(limit - timers.size()));
        while (row.step())
            timers.push_back({kind, row.time(0), core::UserId{row.text(1)}, row.text(2)});
        if (kind == TimerKind::zones && !timers.empty()) return timers;
    }
    return timers;
}

std::optional<core::Timestamp> Maintenance::next_timer(bool deliveries_wait) {
    std::optional<core::Timestamp> next;
    for (const auto kind : timer_kinds) {
        if (kind == TimerKind::delivery && deliveries_wait) continue;
        Query row(db_, "SELECT due_ms FROM timer WHERE kind = ? ORDER BY due_ms LIMIT 1",
                  std::string(to_string(kind)));
        if (row.step() && (!next || row.time(0) < *next)) next = row.time(0);
    }
    return next;
}

namespace {

const char* rows_of(Maintenance::Times times) {
    switch (times) {
    case Maintenance::Times::series:
        return "SELECT user_id, id FROM series WHERE ended IS NULL AND (user_id, id) > (?, ?) "
               "ORDER BY user_id, id LIMIT ?";
    case Maintenance::Times::task:
        return "SELECT user_id, id FROM task WHERE (due IS NOT NULL OR start IS NOT NULL) AND "
               "deleted IS NULL AND status IN ('needs-action', 'in-process') AND "
               "(user_id, id) > (?, ?) ORDER BY user_id, id LIMIT ?";
    case Maintenance::Times::reminder:
        return "SELECT user_id, id FROM reminder WHERE next_ms IS NOT NULL AND "
               "(user_id, id) > (?, ?) ORDER BY user_id, id LIMIT ?";
    }
    return "";
}

}  // namespace

std::vector<std::pair<core::UserId, std::string>> Maintenance::rows_with(Times times,
                                                                         const core::UserId& user,
                                                                         const std::string& id,
                                                                         std::int64_t limit) {
    std::vector<std::pair<core::UserId, std::string>> rows;
    Query row(db_, rows_of(times), user.str(), id, limit);
    while (row.step()) rows.emplace_back(core::UserId{row.text(0)}, row.text(1));
    return rows;
}

bool Maintenance::note_tzdata(const std::string& version) {
    std::optional<std::string> stored;
    {
        Query row(db_, "SELECT value FROM meta WHERE key = 'tzdata'");
        if (row.step()) stored = row.text(0);
    }
    if (stored == version) return false;
    Query(db_, "INSERT INTO meta VALUES ('tzdata', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1",
          version)
        .run();
    if (stored) return true;
    Query tasks(db_, "SELECT 1 FROM task LIMIT 1");  // without one there is nothing to compute
    return tasks.step();
}

std::vector<std::pair<core::UserId, core::DeliveryId>> Maintenance::running_deliveries() {
    std::vector<std::pair<core::UserId, core::DeliveryId>> running;
    Query row(db_, "SELECT user_id, id FROM delivery WHERE state = 'running'");
    while (row.step()) running.emplace_back(row.text(0), row.text(1));
    return running;
}

void Maintenance::prove_writable(core::Timestamp now) {
    db_.begin();
    try {
        Query(db_,
              "INSERT INTO meta VALUES ('probed', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1",
              std::to_string(now.time_since_epoch().count()))
            .run();
        db_.commit();
    } catch (...) {
        db_.rollback();
        throw;
    }
}

bool Maintenance::trim(core::Timestamp now, const Settings& settings) {
    int most = 0;
    const auto batch = [&](Query&& statement) { most = std::max(most, statement.run()); };
    const core::Timestamp events_before = now - settings.retention_events;

    batch(Query(db_,
                "DELETE FROM reply WHERE rowid IN "
                "(SELECT rowid FROM reply WHERE expires <= ? LIMIT ?)",
                now, trim_rows_max));
    batch(Query(db_,
                "DELETE FROM change WHERE change_id IN "
                "(SELECT change_id FROM change WHERE time < ? ORDER BY time LIMIT ?)",
                now - settings.undo_ttl, trim_rows_max));
    batch(Query(db_,
                "DELETE FROM task WHERE (user_id, id) IN "
                "(SELECT user_id, id FROM task t WHERE deleted < ? AND NOT EXISTS (SELECT 1 FROM "
                "dependency d WHERE d.user_id = t.user_id AND d.depends_on = t.id) LIMIT ?)",
                now - settings.undo_ttl, trim_rows_max));
    batch(Query(db_,
                "DELETE FROM delivery WHERE (user_id, id) IN "
                "(SELECT user_id, id FROM delivery WHERE finished < ? LIMIT ?)",
                events_before, trim_rows_max));
    batch(Query(db_,
                "DELETE FROM token WHERE (user_id, id) IN "
                "(SELECT user_id, id FROM token WHERE expires <= ? LIMIT ?)",
                now, trim_rows_max));
    batch(Query(db_,
                "DELETE FROM seen WHERE (user_id, source, dedup_key) IN "
                "(SELECT user_id, source, dedup_key FROM seen WHERE expires <= ? LIMIT ?)",
                now, trim_rows_max));
    // `seq` rises with `received`, so the oldest rows of the log are a prefix for every user.
    Query(db_,
          "INSERT OR IGNORE INTO seen SELECT user_id, source, dedup_key, received + ?3 FROM "
          "(SELECT * FROM event ORDER BY seq LIMIT ?2) WHERE received < ?1 AND received + ?3 > ?4",
          events_before, trim_rows_max, std::int64_t{settings.dedup_ttl.count()}, now)
        .run();
    batch(Query(db_,
                "DELETE FROM event WHERE seq IN "
                "(SELECT seq FROM event ORDER BY seq LIMIT ?2) AND received < ?1",
                events_before, trim_rows_max));
    return most == trim_rows_max;
}

std::string quick_check(const std::string& path, const std::atomic<bool>& stopping) {
    try {
        SQLite::Database database(path, SQLite::OPEN_READONLY);
        database.exec("PRAGMA wal_autocheckpoint=0");
        give_up_when(stopping, database);
        SQLite::Statement check(database, "PRAGMA quick_check(5)");
        std::string found;
        while (check.executeStep()) {
            const std::string line = check.getColumn(0).getString();
            if (line != "ok") found += (found.empty() ? "" : "; ") + line;
        }
        return found;
    } catch (const SQLite::Exception& error) {
        return error.what();
    }
}

}  // namespace taskd::daemon
