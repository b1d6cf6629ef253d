// SPDX-License-Identifier: Apache-2.0
#include "core/when.h"
#include "daemon/store/columns.h"
#include "daemon/store/unit_of_work.h"

namespace taskd::daemon {
namespace {

using core::Series;

#define SERIES_COLUMNS \
    "user_id, id, content, dtstart, is_date, tzid, rrule, created, ended, revision"

Series read_series(const Query& row) {
    Series series;
    series.user = core::UserId{row.text(0)};
    series.id = core::SeriesId{row.text(1)};
    series.content = from_column<core::TaskContent>(row.text(2));
    const auto dtstart = core::parse_local(row.text(3));
    const auto rule = core::parse_rrule(row.text(6));
    core::check(dtstart && rule, "a stored series can be read");
    series.dtstart = *dtstart;
    series.is_date = row.integer(4) != 0;
    series.tzid = row.text(5);
    series.rule = *rule;
    series.created = row.time(7);
    series.ended = row.optional_time(8);
    series.revision = row.integer(9);
    return series;
}

}  // namespace

std::optional<Series> UnitOfWork::find_series(const core::UserId& user, const core::SeriesId& id) {
    Query row(db_, "SELECT " SERIES_COLUMNS " FROM series WHERE user_id = ? AND id = ?", user.str(),
              id.str());
    if (!row.step()) return {};
    return read_series(row);
}

ipc::SeriesPage UnitOfWork::list_series(const core::UserId& user, const ipc::SeriesList& request) {
    ipc::SeriesPage page;
    {
        Query row(db_,
                  "SELECT " SERIES_COLUMNS
                  " FROM series WHERE user_id = ? AND (? OR ended IS NULL) "
                  "ORDER BY created, id LIMIT ? OFFSET ?",
                  user.str(), request.ended, request.limit, request.offset);
        while (row.step()) page.series.push_back({read_series(row), {}, {}, 0});
    }
    Query count(db_, "SELECT count(*) FROM series WHERE user_id = ? AND (? OR ended IS NULL)",
                user.str(), request.ended);
    if (count.step()) page.total = count.integer(0);
    return page;
}

void UnitOfWork::insert_series(const Series& series) {
    Query(db_, "INSERT INTO series (" SERIES_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
          series.user.str(), series.id.str(), ipc::to_json(series.content).dump(),
          core::format_local(series.dtstart), series.is_date, series.tzid,
          core::format_rrule(series.rule), series.created, series.ended, series.revision)
        .run();
    remember("series", series.id.str(), nullptr);
}

void UnitOfWork::update_series(const Series& before, const Series& after) {
    Query(db_,
          "UPDATE series SET content = ?3, ended = ?4, revision = ?5 "
          "WHERE user_id = ?1 AND id = ?2",
          after.user.str(), after.id.str(), ipc::to_json(after.content).dump(), after.ended,
          after.revision)
        .run();
    remember("series", after.id.str(), ipc::to_json(before));
}

std::optional<core::Task> UnitOfWork::find_open_occurrence(const core::UserId& user,
                                                           const core::SeriesId& series) {
    Query row(db_,
              "SELECT task_id FROM occurrence WHERE user_id = ? AND series_id = ? "
              "AND state = 'created' ORDER BY recurrence_id DESC LIMIT 1",
              user.str(), series.str());
    if (!row.step()) return {};
    auto task = find_task(user, core::TaskId{row.text(0)});
    if (!task || !task->is_open()) return {};
    return task;
}

std::optional<core::Task> UnitOfWork::find_successor(const core::UserId& user,
                                                     const core::SeriesId& series,
                                                     core::LocalTime slot) {
    Query row(db_,
              "SELECT task_id FROM occurrence WHERE user_id = ? AND series_id = ? "
              "AND recurrence_id > ? AND task_id IS NOT NULL ORDER BY recurrence_id LIMIT 1",
              user.str(), series.str(), core::format_local(slot));
    if (!row.step()) return {};
    return find_task(user, core::TaskId{row.text(0)});
}

bool UnitOfWork::owns_slot(const core::Task& task) {
    Query row(db_,
              "SELECT 1 FROM occurrence WHERE user_id = ? AND series_id = ? AND recurrence_id = ? "
              "AND task_id = ?",
              task.user.str(), task.series.str(), local_column(task.recurrence_id), task.id.str());
    return row.step();
}

void UnitOfWork::put_created(const core::Task& task) {
    // A slot that was skipped by deleting its task comes back with the same task; a second task for
    // a slot breaks the primary key, and with it the unit (P5).
    Query(db_,
          "INSERT INTO occurrence VALUES (?1, ?2, ?3, ?3, 1, 'created', NULL, ?4) "
          "ON CONFLICT DO UPDATE SET state = 'created', reason = NULL WHERE task_id = ?4",
          task.user.str(), task.series.str(), local_column(task.recurrence_id), task.id.str())
        .run();
    core::check(owns_slot(task), "a slot becomes one task at most");
}

void UnitOfWork::put_skipped(const core::UserId& user, const core::SeriesId& series,
                             const core::SkippedSlots& slots) {
    Query(db_,
          "INSERT INTO occurrence VALUES (?1, ?2, ?3, ?4, ?5, 'skipped', ?6, NULL) "
          "ON CONFLICT DO UPDATE SET state = 'skipped', reason = ?6",
          user.str(), series.str(), core::format_local(slots.from), core::format_local(slots.to),
          static_cast<std::int64_t>(slots.count), std::string(core::to_string(slots.reason)))
        .run();
}

void UnitOfWork::erase_slots_after(const core::UserId& user, const core::SeriesId& series,
                                   core::LocalTime slot) {
    Query(db_, "DELETE FROM occurrence WHERE user_id = ? AND series_id = ? AND recurrence_id > ?",
          user.str(), series.str(), core::format_local(slot))
        .run();
}

}  // namespace taskd::daemon
