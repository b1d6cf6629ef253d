// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "core/error.h"
#include "daemon/store/event_keys.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>

namespace taskd::daemon {

/// The store could not do something. The only exception that leaves daemon/store/: what SQLite said
/// has become an error that a caller can be told.
class StoreFailure : public std::runtime_error {
public:
    StoreFailure(core::Error error, bool sync_failed)
        : std::runtime_error(error.message), error_(std::move(error)), sync_failed_(sync_failed) {}

    [[nodiscard]] const core::Error& error() const { return error_; }
    /// An fsync failed: the kernel has dropped the pages, so what was written is not known.
    [[nodiscard]] bool sync_failed() const { return sync_failed_; }

private:
    core::Error error_;
    bool sync_failed_;
};
/// Whatever runs on the connection fails soon after `stopping` is set.
void give_up_when(const std::atomic<bool>& stopping, SQLite::Database& database);

[[noreturn]] void throw_store_failure(const SQLite::Exception& failure);

/// Runs something of SQLite's; what it throws becomes a StoreFailure.
template <class Work>
decltype(auto) guarded(Work&& work) {
    try {
        return work();
    } catch (const SQLite::Exception& failure) {
        throw_store_failure(failure);
    }
}

/// The one connection that writes and checkpoints (SQLite before 3.51.3 can corrupt the WAL when
/// two connections do), with its prepared statements. Everything that knows SQLite is in
/// daemon/store/.
class Database {
public:
    /// Opens or creates the file with WAL, synchronous=FULL and foreign keys.
    /// Throws StoreFailure when the file can't be opened or is no database.
    explicit Database(const std::string& path);

    [[nodiscard]] const std::string& path() const { return path_; }

    void begin();   ///< of the turn; reads only cost no sync
    void commit();  ///< on return everything is on disk; throws otherwise
    void rollback() noexcept;
    void run(const char* literal);

    /// Runs several statements that are used once; nothing of them is kept.
    void execute_script(const char* sql);

    /// What steps of the schema call: dedup_hash(user_id, source, dedup_key).
    void define_functions();

    /// Gives at most so many free pages back to the file system; within a transaction.
    void incremental_vacuum(std::int64_t pages);

    /// Whether a transaction is open. FULL, IOERR and NOMEM can end it behind our back, savepoints
    /// and all, and statements after that would commit one by one.
    [[nodiscard]] bool in_transaction() const;

    /// The prepared statement of a literal; kept, so that each is compiled once.
    [[nodiscard]] SQLite::Statement& statement(const char* literal);

    /// Rows written since the file was opened; whether a turn changed anything.
    [[nodiscard]] std::int64_t changes() const;

    /// How long the last commit took, the sync included.
    std::chrono::nanoseconds commit_time{0};

    /// The number of the newest change row; read once, since one connection writes. Numbers of
    /// units that were undone are left out.
    std::int64_t last_change_id = 0;

    /// The same of the newest event of all users.
    std::int64_t last_event_seq = 0;

    /// Where the logs of users who were written to stand; forgotten with anything that is undone.
    struct LogHead {
        std::int64_t user_seq = 0;
        std::int64_t bytes_total = 0;
        std::int64_t bytes_floor = 0;  ///< of bytes_total, what retention took
    };
    static constexpr std::size_t log_heads_max = 10'000;
    std::unordered_map<std::string, LogHead> log_heads;

    EventKeys event_keys{*this};

private:
    std::string path_;
    SQLite::Database database_;
    std::unordered_map<const char*, SQLite::Statement> statements_;
    EventKeys::Mark keys_before_;
};

/// One use of a prepared statement: binds its arguments, gives typed columns, resets at the end, so
/// that no read cursor stays open over a commit.
class Query {
public:
    template <class... Values>
    explicit Query(Database& database, const char* literal, const Values&... values)
        : statement_(database.statement(literal)) {
        guarded([&] {
            int index = 0;
            (bind(++index, values), ...);
        });
    }
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;
    ~Query() { (void)statement_.tryReset(); }

    bool step() {
        return guarded([&] { return statement_.executeStep(); });
    }

    /// Runs a statement that gives no rows; returns how many it changed.
    int run() {
        return guarded([&] { return statement_.exec(); });
    }

    [[nodiscard]] std::int64_t integer(int column) const {
        return statement_.getColumn(column).getInt64();
    }
    [[nodiscard]] std::string text(int column) const {
        return statement_.getColumn(column).getString();
    }
    [[nodiscard]] bool is_null(int column) const { return statement_.isColumnNull(column); }
    [[nodiscard]] core::Timestamp time(int column) const {
        return core::Timestamp{std::chrono::milliseconds{integer(column)}};
    }
    [[nodiscard]] std::optional<core::Timestamp> optional_time(int column) const {
        if (is_null(column)) return {};
        return time(column);
    }

private:
    void bind(int index, const std::string& value) { statement_.bind(index, value); }
    void bind(int index, const char* value) { statement_.bind(index, value); }
    void bind(int index, std::int64_t value) { statement_.bind(index, value); }
    void bind(int index, int value) { statement_.bind(index, value); }
    void bind(int index, bool value) { statement_.bind(index, value ? 1 : 0); }
    void bind(int index, core::Timestamp value) {
        statement_.bind(index, std::int64_t{value.time_since_epoch().count()});
    }
    template <class T>
    void bind(int index, const std::optional<T>& value) {
        if (value)
            bind(index, *value);
        else
            statement_.bind(index);
    }

    SQLite::Statement& statement_;
};

}  // namespace taskd::daemon
