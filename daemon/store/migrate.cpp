// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/migrate.h"

#include "core/uuid.h"

#include <charconv>

namespace taskd::daemon {
namespace {

constexpr const char* find_meta = "SELECT value FROM meta WHERE key = ?";

/// The version that the file has, 0 for a new one.
core::Result<std::size_t> version_of(Database& database) {
    bool has_meta = false;
    bool has_others = false;
    {
        Query tables(database, "SELECT name FROM sqlite_master WHERE type = 'table'");
        while (tables.step()) {
            has_meta = has_meta || tables.text(0) == "meta";
            has_others = true;
        }
    }
    if (!has_others) return 0;
    std::size_t version = 0;
    if (has_meta) {
        Query row(database, find_meta, "schema_version");
        if (row.step()) {
            const std::string text = row.text(0);
            std::from_chars(text.data(), text.data() + text.size(), version);
        }
    }
    if (version > 0) return version;
    return core::failed_precondition("store.path",
                                     database.path() + " is a database, but not one of taskd's");
}

void keep_copy(Database& database, const std::string& step) {
    const std::string copy = database.path() + ".before-" + step;
    // VACUUM INTO is a consistent copy that is synced; it refuses to overwrite, so an older copy of
    // an interrupted attempt goes first.
    std::remove(copy.c_str());
    Query(database, "VACUUM INTO ?", copy).run();
}

void apply(Database& database, const SchemaStep& step, std::size_t version, core::Random& random) {
    database.begin();
    try {
        database.define_functions();
        database.execute_script(step.sql);
        if (version == 1) {
            Query(database, "INSERT INTO meta VALUES ('store_id', ?)", core::uuid_v4(random)).run();
        }
        Query(database,
              "INSERT INTO meta VALUES ('schema_version', ?1) "
              "ON CONFLICT (key) DO UPDATE SET value = ?1",
              std::to_string(version))
            .run();
        database.commit();
    } catch (...) {
        database.rollback();
        throw;
    }
}

}  // namespace

core::Result<void> migrate(Database& database, core::Random& random) {
    const auto& steps = schema_steps();
    const auto version = version_of(database);
    if (!version) return tl::unexpected(version.error());
    if (*version > steps.size())
        return core::failed_precondition(
            "store.path", database.path() + " was written by a newer taskd (schema " +
                              std::to_string(*version) + ", this one knows " +
                              std::to_string(steps.size()) + "); use that version");
    for (std::size_t next = *version; next < steps.size(); ++next) {
        // As it was before this version of taskd; a new store has nothing to keep.
        if (next > 0 && next == *version) keep_copy(database, steps[next].name);
        apply(database, steps[next], next + 1, random);
    }
    Query last(database, "SELECT seq FROM sqlite_sequence WHERE name = 'change'");
    if (last.step()) database.last_change_id = last.integer(0);
    Query event(database,
                "SELECT max(coalesce((SELECT max(seq) FROM event), 0), coalesce((SELECT CAST(value "
                "AS INTEGER) FROM meta WHERE key = 'event_seq'), 0))");
    if (event.step()) database.last_event_seq = event.integer(0);
    return {};
}

}  // namespace taskd::daemon
