// SPDX-License-Identifier: Apache-2.0
// What is taken away when its time is over, in batches short enough not to be felt by a request
// behind them.
#include "core/inbound_event.h"
#include "daemon/store/maintenance.h"

namespace taskd::daemon {
namespace {

constexpr int trim_rows_max = 500;
constexpr int free_pages_kept = 1000;  // 4 MiB for what comes next
constexpr int pages_given_back = 256;  // in one batch

}  // namespace

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
    {
        Query task(db_,
                   "DELETE FROM task WHERE (user_id, id) IN "
                   "(SELECT user_id, id FROM task t WHERE deleted < ? AND NOT EXISTS (SELECT 1 "
                   "FROM dependency d WHERE d.user_id = t.user_id AND d.depends_on = t.id) LIMIT "
                   "?) RETURNING user_id, id",
                   now - settings.undo_ttl, trim_rows_max);
        std::vector<std::string> owners;
        std::vector<std::string> ids;
        while (task.step()) {
            owners.push_back(task.text(0));
            ids.push_back(task.text(1));
        }
        for (std::size_t i = 0; i < ids.size(); ++i)
            Query(db_, "DELETE FROM command WHERE user_id = ? AND id = ?", owners[i], ids[i]).run();
        most = std::max(most, static_cast<int>(owners.size()));
        for (const auto& owner : owners)
            Query(db_, "UPDATE user SET task_count = task_count - 1 WHERE user_id = ?", owner)
                .run();
    }
    batch(Query(db_,
                "DELETE FROM delivery WHERE (user_id, id) IN "
                "(SELECT user_id, id FROM delivery WHERE finished < ? LIMIT ?)",
                events_before, trim_rows_max));
    batch(Query(db_,
                "DELETE FROM token WHERE (user_id, id) IN "
                "(SELECT user_id, id FROM token WHERE expires <= ? LIMIT ?)",
                now, trim_rows_max));
    most = std::max(most, forget_seen(now));
    batch(Query(db_,
                "DELETE FROM inbox WHERE (user_id, handler, source, dedup_key) IN "
                "(SELECT user_id, handler, source, dedup_key FROM inbox WHERE expires <= ? AND "
                "state <> 'waiting' LIMIT ?)",
                now, trim_rows_max));
    batch(Query(db_,
                "DELETE FROM chain WHERE (user_id, task) IN "
                "(SELECT user_id, task FROM chain WHERE expires <= ? LIMIT ?)",
                now, trim_rows_max));
    batch(Query(db_,
                "DELETE FROM dead_letter WHERE (user_id, id) IN "
                "(SELECT user_id, id FROM dead_letter WHERE created < ? LIMIT ?)",
                events_before, trim_rows_max));
    const bool more = trim_logs(now, settings);
    give_back_pages();
    return more || most == trim_rows_max;
}

int Maintenance::forget_seen(core::Timestamp now) {
    Query row(db_,
              "DELETE FROM seen WHERE seq IN (SELECT seq FROM seen WHERE expires <= ? LIMIT ?) "
              "RETURNING user_id, source, dedup_key, seq",
              now, trim_rows_max);
    int rows = 0;
    for (; row.step(); ++rows)
        db_.event_keys.erase(dedup_hash(row.text(0), row.text(1), row.text(2)), row.integer(3));
    return rows;
}

/// Every user's log in turn, until a batch is full: up to what is past its time, and no further
/// than every consumer of that user has settled and the publisher has come.
bool Maintenance::trim_logs(core::Timestamp now, const Settings& settings) {
    int rows = 0;
    for (std::string user;;) {
        {
            Query next(db_, "SELECT user_id FROM event WHERE user_id > ? ORDER BY user_id LIMIT 1",
                       user);
            if (!next.step()) return false;
            user = next.text(0);
        }
        std::int64_t last = 0;
        {
            Query publisher(db_, "SELECT coalesce(min(seq), ?) FROM publisher", INT64_MAX);
            const auto published = publisher.step() ? publisher.integer(0) : 0;
            // A consumer has settled what it has looked at, but for its rows in in_flight.
            Query settled(db_,
                          "SELECT min(coalesce((SELECT min(position) FROM consumer WHERE user_id = "
                          "?1), ?2), coalesce((SELECT min(user_seq) - 1 FROM in_flight WHERE "
                          "user_id = ?1 AND event IS NULL), ?2))",
                          user, INT64_MAX);
            const auto bound = settled.step() ? settled.integer(0) : 0;
            // The log is in the order in which events came, but for steps of the clock; the prefix
            // ends at the first one that is to stay.
            Query first(db_,
                        "SELECT user_seq, received, seq FROM event WHERE user_id = ? ORDER BY "
                        "user_seq LIMIT ?",
                        user, trim_rows_max);
            while (first.step() && first.integer(0) <= bound && first.integer(2) <= published &&
                   first.time(1) < now - settings.retention_events)
                last = first.integer(0);
        }
        if (last > 0) rows += trim_log(core::UserId{user}, last, now, settings);
        // taskd's own events make a log large too, and nobody publishes then.
        if (settings.retention_max_bytes > 0)
            rows += trim_to_size(core::UserId{user}, now, settings);
        if (rows >= trim_rows_max) return true;
    }
}

/// Takes the user's events up to `last` away; of others' events the keys stay.
int Maintenance::trim_log(const core::UserId& user, std::int64_t last, core::Timestamp now,
                          const Settings& settings) {
    std::int64_t bytes = 0;
    {
        // Their keys must be in the table; those of newer events still wait for their batch, also
        // where a log at its bound is cut in every turn.
        Query unwritten(db_,
                        "SELECT 1 FROM event WHERE user_id = ? AND user_seq = ? AND seq > (SELECT "
                        "CAST(value AS INTEGER) FROM meta WHERE key = 'event_keys_seq')",
                        user.str(), last);
        if (unwritten.step()) db_.event_keys.write();
    }
    {
        Query row(
            db_,
            "SELECT source, dedup_key, id, type, user_seq, subject, data, received, "
            "bytes_total, seq FROM event WHERE user_id = ? AND user_seq <= ? ORDER BY user_seq",
            user.str(), last);
        while (row.step()) {
            bytes = row.integer(8);
            const auto expires = row.time(7) + settings.dedup_ttl;
            // A copy of an own event that comes back is known by its source.
            if (expires <= now || row.text(0) == "/taskd/" + settings.node) {
                db_.event_keys.erase(dedup_hash(user.str(), row.text(0), row.text(1)),
                                     row.integer(9));
                continue;
            }
            Query(db_, "INSERT INTO seen VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row.integer(9),
                  user.str(), row.text(0), row.text(1), row.text(2), row.text(3), row.integer(4),
                  core::content_digest(row.text(3), row.text(5), row.text(6)), expires)
                .run();
        }
    }
    // Past retention.max_bytes the log goes, published or not.
    Query(db_,
          "UPDATE publisher SET lost = lost + (SELECT count(*) FROM event WHERE user_id = ?1 AND "
          "user_seq <= ?2 AND source = ?3 AND event.seq > publisher.seq)",
          user.str(), last, "/taskd/" + settings.node)
        .run();
    Query(db_,
          "INSERT INTO user (user_id, event_floor, event_bytes_floor) VALUES (?1, ?2, ?3) ON "
          "CONFLICT (user_id) DO UPDATE SET event_floor = ?2, event_bytes_floor = ?3",
          user.str(), last, bytes)
        .run();
    db_.log_heads.erase(user.str());
    Query(db_,
          "INSERT INTO meta SELECT 'event_seq', max(seq) FROM event WHERE true ON CONFLICT (key) "
          "DO UPDATE SET value = excluded.value")
        .run();
    return Query(db_, "DELETE FROM event WHERE user_id = ? AND user_seq <= ?", user.str(), last)
        .run();
}

int Maintenance::trim_to_size(const core::UserId& user, core::Timestamp now,
                              const Settings& settings) {
    std::int64_t last = 0;
    {
        Query newest(
            db_, "SELECT bytes_total FROM event WHERE user_id = ? ORDER BY user_seq DESC LIMIT 1",
            user.str());
        if (!newest.step()) return 0;
        const auto keep_from = newest.integer(0) - settings.retention_max_bytes;
        Query row(db_,
                  "SELECT user_seq, bytes_total FROM event WHERE user_id = ? ORDER BY user_seq "
                  "LIMIT ?",
                  user.str(), 2 * trim_rows_max);
        while (row.step() && row.integer(1) <= keep_from) last = row.integer(0);
    }
    return last > 0 ? trim_log(user, last, now, settings) : 0;
}

/// The file gets smaller by what was taken away, little by little; some free pages stay, since the
/// next events will want them.
void Maintenance::give_back_pages() {
    Query free(db_, "PRAGMA freelist_count");
    if (!free.step() || free.integer(0) <= free_pages_kept) return;
    const auto surplus =
        std::min<std::int64_t>(free.integer(0) - free_pages_kept, pages_given_back);
    db_.incremental_vacuum(surplus);
}

Maintenance::Backlog Maintenance::backlog() {
    Backlog all;
    Query row(db_,
              "SELECT (SELECT max(e.user_seq) FROM event e WHERE e.user_id = c.user_id), "
              "min(c.position, coalesce((SELECT min(f.user_seq) - 1 FROM in_flight f WHERE "
              "f.user_id = c.user_id AND f.consumer = c.name), c.position)), c.user_id FROM "
              "consumer c");
    while (row.step()) {
        ++all.consumers;
        const auto lag = row.integer(0) - row.integer(1);
        if (lag <= 0) continue;
        all.lag_max = std::max(all.lag_max, lag);
        Query oldest(db_, "SELECT received FROM event WHERE user_id = ? AND user_seq > ? LIMIT 1",
                     row.text(2), row.integer(1));
        if (oldest.step() && (!all.oldest || oldest.time(0) < *all.oldest))
            all.oldest = oldest.time(0);
    }
    Query counts(db_,
                 "SELECT (SELECT count(*) FROM in_flight WHERE state = 'leased'), (SELECT count(*) "
                 "FROM dead_letter)");
    if (counts.step()) {
        all.in_flight = counts.integer(0);
        all.dead_letters = counts.integer(1);
    }
    return all;
}

}  // namespace taskd::daemon
