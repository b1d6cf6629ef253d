// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/database.h"

#include <sqlite3.h>

#include <cstdlib>

namespace taskd::daemon {

void throw_store_failure(const SQLite::Exception& failure) {
    using core::Reason;
    const int code = failure.getErrorCode() & 0xff;
    const int extended = failure.getExtendedErrorCode();
    const std::string what = failure.what();
    const bool sync = extended == SQLITE_IOERR_FSYNC || extended == SQLITE_IOERR_DIR_FSYNC;
    const auto fail = [&](Reason reason, const std::string& message, const char* hint = "") {
        throw StoreFailure({reason, message, {}, hint}, sync);
    };
    if (code == SQLITE_FULL)
        fail(Reason::resource_exhausted, "the disk is full; nothing was changed",
             "free some space and repeat the command");
    if (code == SQLITE_NOMEM)
        fail(Reason::resource_exhausted, "out of memory; nothing was changed");
    if (code == SQLITE_TOOBIG)
        fail(Reason::resource_exhausted, "too large to store; nothing was changed");
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        fail(Reason::data_loss, "the store is damaged (" + what + ")",
             "stop taskd and restore a backup");
    if (code == SQLITE_READONLY || code == SQLITE_CANTOPEN || code == SQLITE_PERM)
        fail(Reason::unavailable, "the store can't be written to (" + what + ")");
    if (code == SQLITE_IOERR)
        fail(Reason::unavailable, "the disk failed (" + what + "); nothing was changed");
    fail(Reason::internal, "the store refused the change (" + what + "); nothing was changed");
    std::abort();  // not reached: fail throws
}

void give_up_when(const std::atomic<bool>& stopping, SQLite::Database& database) {
    constexpr int steps_between_looks =
        10'000;  // of SQLite's machine; a look costs next to nothing
    sqlite3_progress_handler(
        database.getHandle(), steps_between_looks,
        [](void* flag) { return static_cast<const std::atomic<bool>*>(flag)->load() ? 1 : 0; },
        const_cast<std::atomic<bool>*>(&stopping));
}

Database::Database(const std::string& path)
    : path_(path), database_(guarded([&] {
          // The loop's thread alone uses the connection, so SQLite needs no mutex around it.
          return SQLite::Database(
              path, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_NOMUTEX);
      })) {
    sqlite3_extended_result_codes(database_.getHandle(), 1);
    // NORMAL would lose acknowledged commits on power loss. mmap would turn an I/O error into a
    // signal. The WAL is cut back after a burst, so that it doesn't keep the burst's size.
    // Checkpoints are rarer than SQLite's own every 4 MiB: each writes a page once, however often
    // the turns in between have changed it (measured: a third more commands/s with 64 clients).
    // Retention gives pages back by incremental_vacuum, which a new file must be made for.
    for (const char* pragma :
         {"PRAGMA auto_vacuum=INCREMENTAL", "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL",
          "PRAGMA foreign_keys=ON", "PRAGMA mmap_size=0", "PRAGMA trusted_schema=OFF",
          "PRAGMA wal_autocheckpoint=4000", "PRAGMA journal_size_limit=16777216",
          "PRAGMA cache_size=-16384", "PRAGMA temp_store=MEMORY"})
        execute_script(pragma);
}

void Database::execute_script(const char* sql) {
    guarded([&] { database_.exec(sql); });
}

void Database::define_functions() {
    const auto dedup = [](sqlite3_context* context, int, sqlite3_value** values) {
        const auto text = [&](int i) {
            return std::string(reinterpret_cast<const char*>(sqlite3_value_text(values[i])),
                               static_cast<std::size_t>(sqlite3_value_bytes(values[i])));
        };
        sqlite3_result_int64(context, dedup_hash(text(0), text(1), text(2)));
    };
    guarded([&] {
        database_.createFunction("dedup_hash", 3, true, nullptr, dedup, nullptr, nullptr, nullptr);
    });
}

void Database::incremental_vacuum(std::int64_t pages) {
    // A pragma takes no parameter, and each step gives back one page.
    execute_script(("PRAGMA incremental_vacuum(" + std::to_string(pages) + ")").c_str());
}

void Database::begin() {
    run("BEGIN");
    keys_before_ = event_keys.mark();
}
void Database::commit() {
    const auto begun = std::chrono::steady_clock::now();
    run("COMMIT");
    commit_time = std::chrono::steady_clock::now() - begun;
}

std::int64_t Database::changes() const {
    return sqlite3_total_changes64(database_.getHandle());
}

void Database::rollback() noexcept {
    log_heads.clear();
    event_keys.undo(keys_before_);
    if (!in_transaction()) return;
    // Fails only if the transaction is gone already, which is what is wanted.
    sqlite3_exec(database_.getHandle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Database::run(const char* literal) {
    Query(*this, literal).run();
}

bool Database::in_transaction() const {
    return sqlite3_get_autocommit(database_.getHandle()) == 0;
}

SQLite::Statement& Database::statement(const char* literal) {
    // Keyed by address: the same literal in two places is merely prepared twice.
    const auto found = statements_.find(literal);
    if (found != statements_.end()) return found->second;
    return guarded([&]() -> SQLite::Statement& {
        return statements_.emplace(literal, SQLite::Statement(database_, literal)).first->second;
    });
}

}  // namespace taskd::daemon
