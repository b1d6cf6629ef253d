// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/maintenance.h"

#include <array>

namespace taskd::daemon {
namespace {

// Zones come first: what they move must not go off at its old time.
// Commands come before reminders: a slot that is passed over reminds of nothing. An attempt is of a
// run that waited, and goes before those that are to begin.
constexpr std::array<TimerKind, 11> timer_kinds{
    TimerKind::zones,   TimerKind::attempt,  TimerKind::command,  TimerKind::reminder,
    TimerKind::series,  TimerKind::delivery, TimerKind::agenda,   TimerKind::consumer,
    TimerKind::handler, TimerKind::run,      TimerKind::retention};

}  // namespace

std::vector<Timer> Maintenance::due_timers(core::Timestamp now, std::size_t limit,
                                           Waiting waiting) {
    std::vector<Timer> timers;
    for (const auto kind : timer_kinds) {
        if (waiting.holds(kind)) continue;
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

// One statement for all kinds: each read outside of a transaction costs SQLite its locks (measured:
// 14 % of the loop's time with one client when they were seven).
#define NEXT_OF(kind) "SELECT (SELECT min(due_ms) FROM timer WHERE kind = '" kind "') AS next"
#define NEXT_OF_ALL \
    "SELECT min(next) FROM (" NEXT_OF("zones") " UNION ALL " NEXT_OF("reminder")             \
    " UNION ALL " NEXT_OF("series") " UNION ALL " NEXT_OF("consumer") " UNION ALL "          \
    NEXT_OF("handler") " UNION ALL " NEXT_OF("run") " UNION ALL " NEXT_OF("agenda")          \
    " UNION ALL " NEXT_OF("retention")
#define AND_DELIVERIES " UNION ALL " NEXT_OF("delivery")
#define AND_COMMANDS " UNION ALL " NEXT_OF("command") " UNION ALL " NEXT_OF("attempt")

std::optional<core::Timestamp> Maintenance::next_timer(Waiting waiting) {
    const char* const statement =
        waiting.deliveries ? (waiting.commands ? NEXT_OF_ALL ")" : NEXT_OF_ALL AND_COMMANDS ")")
                           : (waiting.commands ? NEXT_OF_ALL AND_DELIVERIES ")"
                                               : NEXT_OF_ALL AND_DELIVERIES AND_COMMANDS ")");
    Query row(db_, statement);
    return row.step() ? row.optional_time(0) : std::nullopt;
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
    case Maintenance::Times::user:
        return "SELECT user_id, '' FROM user WHERE agenda_ms IS NOT NULL AND "
               "(user_id, '') > (?, ?) ORDER BY user_id LIMIT ?";
    case Maintenance::Times::delivery:
        return "SELECT user_id, id FROM delivery INDEXED BY delivery_open WHERE finished IS NULL "
               "AND (user_id, id) > (?, ?) ORDER BY user_id, id LIMIT ?";
    case Maintenance::Times::consumer:
        return "SELECT user_id, name FROM consumer WHERE next_ms IS NOT NULL AND "
               "(user_id, name) > (?, ?) ORDER BY user_id, name LIMIT ?";
    case Maintenance::Times::handler:
        return "SELECT user_id, ref FROM timer WHERE kind = 'handler' AND (user_id, ref) > (?, ?) "
               "ORDER BY user_id, ref LIMIT ?";
    case Maintenance::Times::run:
        return "SELECT user_id, key FROM run WHERE (user_id, key) > (?, ?) ORDER BY user_id, key "
               "LIMIT ?";
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

bool Maintenance::is_ahead_of(core::Timestamp now) {
    Query row(db_, "SELECT received FROM event ORDER BY seq DESC LIMIT 1");
    return row.step() && row.time(0) > now + clock_tolerance;
}

std::optional<core::Timestamp> Maintenance::last_sign() {
    std::optional<core::Timestamp> last;
    {
        Query row(db_, "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'awake'");
        if (row.step()) last = row.time(0);
    }
    Query row(db_, "SELECT received FROM event ORDER BY seq DESC LIMIT 1");
    if (row.step() && (!last || row.time(0) > *last)) last = row.time(0);
    return last;
}

void Maintenance::note_awake(core::Timestamp now) {
    Query(db_, "INSERT INTO meta VALUES ('awake', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1",
          std::to_string(now.time_since_epoch().count()))
        .run();
}

void Maintenance::note_gap(const core::Gap& gap) {
    constexpr int gaps_max = 1000;
    Query(db_, "INSERT OR REPLACE INTO gap VALUES (?, ?)", gap.until, gap.since).run();
    Query(db_,
          "DELETE FROM gap WHERE until_ms < (SELECT until_ms FROM gap ORDER BY until_ms DESC "
          "LIMIT 1 OFFSET ?)",
          gaps_max - 1)
        .run();
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
    Query row(db_, "SELECT user_id, id FROM delivery WHERE state = 'running' AND finished IS NULL");
    while (row.step()) running.emplace_back(row.text(0), row.text(1));
    return running;
}

std::vector<std::string> Maintenance::running_commands() {
    std::vector<std::string> ids;
    Query row(db_,
              "SELECT id FROM delivery INDEXED BY delivery_run_open WHERE state = 'running' AND "
              "finished IS NULL AND command_group IS NOT NULL");
    while (row.step()) ids.push_back(row.text(0));
    return ids;
}

std::vector<core::UserId> Maintenance::users_in_line() {
    std::vector<core::UserId> users;
    Query row(db_,
              "SELECT DISTINCT user_id FROM delivery INDEXED BY delivery_run_open WHERE "
              "command_group IS NOT NULL AND finished IS NULL AND state = 'pending' AND "
              "next_attempt_ms IS NULL");
    while (row.step()) users.emplace_back(row.text(0));
    return users;
}

void Maintenance::prove_writable(core::Timestamp now) {
    db_.begin();
    try {
        note_awake(now);
        db_.commit();
    } catch (...) {
        db_.rollback();
        throw;
    }
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
