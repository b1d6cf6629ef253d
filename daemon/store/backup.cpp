// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/backup.h"

#include "core/rfc3339.h"
#include "daemon/store/migrate.h"
#include "daemon/unique_fd.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <sqlite3.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>

namespace taskd::daemon {
namespace {

using core::Error;
using core::Reason;
using core::Result;
namespace fs = std::filesystem;

tl::unexpected<Error> unavailable(const std::string& what, const std::error_code& why) {
    // The daemon's user writes it, who may have less rights than the one who asks.
    if (why == std::errc::permission_denied)
        return tl::unexpected(Error{Reason::permission_denied, what + ": " + why.message(), "path",
                                    "name a place that the daemon's user may write to"});
    return tl::unexpected(Error{Reason::unavailable, what + ": " + why.message(), "path", {}});
}

/// What SQLite threw, as an error of this file.
Error error_of(const SQLite::Exception& failure, const std::string& path) {
    try {
        throw_store_failure(failure);
    } catch (const StoreFailure& told) {
        Error error = told.error();
        error.message = path + ": " + error.message;
        error.field = "path";
        return error;
    }
}

/// SQLite leaves the journal of a copy that it could not finish.
void remove_database(const std::string& path) {
    std::error_code ignored;
    for (const char* end : {"", "-journal"}) fs::remove(path + end, ignored);
}

Result<void> sync(const std::string& path) {
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.get() >= 0 && fsync(fd.get()) == 0) return {};
    return unavailable(path, {errno, std::generic_category()});
}

std::string first_row(SQLite::Database& database, const char* sql) {
    SQLite::Statement statement(database, sql);
    return statement.executeStep() ? statement.getColumn(0).getString() : "";
}

Result<void> check(SQLite::Database& database, const std::string& path) {
    const std::string found = first_row(database, "PRAGMA integrity_check(1)");
    if (found != "ok")
        return tl::unexpected(Error{Reason::data_loss, path + " is damaged: " + found, "path", {}});
    SQLite::Statement foreign(database, "PRAGMA foreign_key_check");
    if (foreign.executeStep())
        return tl::unexpected(Error{Reason::data_loss,
                                    path + " is damaged: a row of " +
                                        foreign.getColumn(0).getString() + " refers to nothing",
                                    "path",
                                    {}});
    if (!database.tableExists("meta"))
        return core::failed_precondition("path", path + " is a database, but not one of taskd's");
    const std::string text =
        first_row(database, "SELECT value FROM meta WHERE key = 'schema_version'");
    std::size_t version = 0;
    std::from_chars(text.data(), text.data() + text.size(), version);
    if (version == 0)
        return core::failed_precondition("path", path + " is a database, but not one of taskd's");
    if (version > schema_steps().size())
        return core::failed_precondition(
            "path", path + " was written by a newer taskd (schema " + text + ", this one knows " +
                        std::to_string(schema_steps().size()) + "); use that version");
    return {};
}

}  // namespace

Result<std::int64_t> back_up(const std::string& store, const std::string& path,
                             const std::atomic<bool>& stopping) {
    std::error_code why;
    if (fs::exists(fs::symlink_status(path, why)))
        return core::failed_precondition("path", path + " exists already; name a new file");
    const std::string partial = path + ".partial";
    remove_database(partial);  // of an attempt that a crash ended
    // SQLite takes an empty file, and would not say why it can't make one.
    if (const UniqueFd made(::open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        made.get() < 0)
        return unavailable("can't write " + path, {errno, std::generic_category()});
    const auto fail = [&](Error error) {
        remove_database(partial);
        return tl::unexpected(std::move(error));
    };
    try {
        SQLite::Database source(store, SQLite::OPEN_READONLY);
        source.exec("PRAGMA wal_autocheckpoint=0");
        give_up_when(stopping, source);
        // One read transaction: what is committed meanwhile is not in it.
        SQLite::Statement copy(source, "VACUUM INTO ?");
        copy.bind(1, partial);
        copy.exec();
        SQLite::Database copied(partial, SQLite::OPEN_READONLY);
        give_up_when(stopping, copied);
        if (auto good = check(copied, partial); !good) return fail(good.error());
    } catch (const SQLite::Exception& failure) {
        if (stopping)
            return fail(
                {Reason::unavailable, "taskd is stopping; the backup was given up", {}, {}});
        return fail(error_of(failure, path));
    }
    if (auto synced = sync(partial); !synced) return fail(synced.error());
    fs::rename(partial, path, why);
    if (why) return fail(unavailable(path, why).value());
    if (auto synced = sync(fs::path(path).parent_path()); !synced)
        return tl::unexpected(synced.error());
    return static_cast<std::int64_t>(fs::file_size(path, why));
}

Result<void> check_store(const std::string& path) {
    std::error_code why;
    if (!fs::is_regular_file(path, why)) return core::not_found("path", "there is no file " + path);
    try {
        SQLite::Database database(path, SQLite::OPEN_READONLY);
        database.exec("PRAGMA wal_autocheckpoint=0");
        return check(database, path);
    } catch (const SQLite::Exception& failure) {
        return tl::unexpected(error_of(failure, path));
    }
}

Result<std::string> restore_store(const std::string& copy, const std::string& store) {
    if (auto good = check_store(copy); !good) return tl::unexpected(good.error());
    const std::string next = store + ".restoring";
    std::error_code why;
    fs::remove(next, why);
    const std::atomic<bool> never{false};
    // Written anew rather than copied: a copy of a file in use, or with a log beside it, is
    // complete this way too.
    if (auto made = back_up(copy, next, never); !made) return tl::unexpected(made.error());

    // Root may do it for the daemon's user, who must be able to open it afterwards.
    struct stat owner {};
    if (stat(fs::exists(store, why) ? store.c_str() : fs::path(store).parent_path().c_str(),
             &owner) == 0 &&
        geteuid() == 0 && chown(next.c_str(), owner.st_uid, owner.st_gid) != 0)
        return unavailable(next, {errno, std::generic_category()});

    std::string kept;
    if (fs::exists(store, why)) {
        const auto now =
            std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
        kept = store + ".before-restore-" + core::format_utc(now);
        // The log first: a store without its log is older, a log without its store is nothing.
        for (const char* part : {"-wal", ""}) {
            const fs::path from = store + part;
            if (!fs::exists(from, why)) continue;
            fs::rename(from, kept + part, why);
            if (why) return unavailable(kept + part, why);
        }
        fs::remove(store + "-shm", why);
    }
    fs::rename(next, store, why);
    if (why) return unavailable(store, why);
    if (auto synced = sync(fs::path(store).parent_path()); !synced)
        return tl::unexpected(synced.error());
    return kept;
}

}  // namespace taskd::daemon
