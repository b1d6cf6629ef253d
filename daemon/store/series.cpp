// SPDX-License-Identifier: Apache-2.0
#include "core/rfc3339.h"
#include "core/text.h"
#include "core/when.h"
#include "daemon/store/columns.h"
#include "daemon/store/unit_of_work.h"

namespace taskd::daemon {
namespace {

using core::Series;

#define SERIES_COLUMNS                                                                             \
    "user_id, id, content, dtstart, is_date, tzid, rrule, created, ended, ended_by_user, paused, " \
    "pause_note, revision, rdates, exdates, policies, overrides, predecessor, successor, next_ms"

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
    series.ended_by_user = row.integer(9) != 0;
    series.paused = row.optional_time(10);
    series.pause_note = row.text(11);
    series.revision = row.integer(12);
    series.rdates = from_column<std::vector<core::LocalTime>>(row.text(13));
    series.exdates = from_column<std::vector<core::LocalTime>>(row.text(14));
    series.policies = from_column<core::Policies>(row.text(15));
    series.overrides = from_column<std::vector<core::SlotOverride>>(row.text(16));
    series.predecessor = core::SeriesId{row.text(17)};
    series.successor = core::SeriesId{row.text(18)};
    series.next = row.optional_time(19);
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
    Query(db_,
          "INSERT INTO series (" SERIES_COLUMNS
          ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
          series.user.str(), series.id.str(), ipc::to_json(series.content).dump(),
          core::format_local(series.dtstart), series.is_date, series.tzid,
          core::format_rrule(series.rule), series.created, series.ended, series.ended_by_user,
          series.paused, series.pause_note, series.revision, ipc::to_json(series.rdates).dump(),
          ipc::to_json(series.exdates).dump(), ipc::to_json(series.policies).dump(),
          ipc::to_json(series.overrides).dump(), series.predecessor.str(), series.successor.str(),
          series.next)
        .run();
    move_timer(TimerKind::series, series.user, series.id.str(), {}, series.next);
    remember("series", series.id.str(), nullptr);
}

void UnitOfWork::update_series(const Series& before, const Series& after) {
    Query(db_,
          "UPDATE series SET content = ?3, ended = ?4, ended_by_user = ?5, paused = ?6, "
          "pause_note = ?7, revision = ?8, dtstart = ?9, is_date = ?10, tzid = ?11, rrule = ?12, "
          "rdates = ?13, exdates = ?14, policies = ?15, overrides = ?16, predecessor = ?17, "
          "successor = ?18, next_ms = ?19 WHERE user_id = ?1 AND id = ?2",
          after.user.str(), after.id.str(), ipc::to_json(after.content).dump(), after.ended,
          after.ended_by_user, after.paused, after.pause_note, after.revision,
          core::format_local(after.dtstart), after.is_date, after.tzid,
          core::format_rrule(after.rule), ipc::to_json(after.rdates).dump(),
          ipc::to_json(after.exdates).dump(), ipc::to_json(after.policies).dump(),
          ipc::to_json(after.overrides).dump(), after.predecessor.str(), after.successor.str(),
          after.next)
        .run();
    move_timer(TimerKind::series, after.user, after.id.str(), before.next, after.next);
    remember("series", after.id.str(), ipc::to_json(before));
}

core::Result<Series> UnitOfWork::find_series(const core::UserId& user,
                                             const std::string& reference) {
    const auto ref = core::task_ref_from(reference);
    const auto missing = [&](const std::string& what) {
        return core::not_found("series", what, "taskctl series list shows the series");
    };
    if (!ref) {
        core::Error error = ref.error();
        error.field = "series";
        error.message = "series: \"" + core::clipped(reference, 64) +
                        "\" is neither the number of one of its tasks nor the first 4 or more "
                        "characters of its id";
        return tl::unexpected(error);
    }
    if (ref->number) {
        const auto task = find_task(user, reference);
        if (!task) return missing("there is no task " + reference + ", so no series of it");
        if (const auto series = find_series(user, task->series)) return *series;
        return core::invalid_argument("series", "task " + reference + " does not recur");
    }
    Query row(db_,
              "SELECT " SERIES_COLUMNS
              " FROM series WHERE user_id = ?1 AND id >= ?2 AND id < ?2 || 'g' LIMIT 2",
              user.str(), ref->id_prefix);
    if (!row.step()) return missing("there is no series " + reference);
    Series series = read_series(row);
    if (!row.step()) return series;
    return core::invalid_argument(
        "series", "\"" + reference + "\" is the beginning of several ids; type more of it");
}

std::vector<ipc::Occurrence> UnitOfWork::newest_occurrences(const core::UserId& user,
                                                            const core::SeriesId& series,
                                                            std::int64_t limit) {
    std::vector<ipc::Occurrence> occurrences;
    Query row(db_,
              "SELECT o.recurrence_id, last_slot, count, state, coalesce(reason, ''), "
              "coalesce(number, 0) FROM occurrence o LEFT JOIN task t "
              "ON t.user_id = o.user_id AND t.id = o.task_id "
              "WHERE o.user_id = ? AND o.series_id = ? ORDER BY o.position DESC LIMIT ?",
              user.str(), series.str(), limit);
    while (row.step())
        occurrences.push_back(
            {row.text(0), row.text(1), row.integer(2), row.text(3), row.text(4), row.integer(5)});
    return occurrences;
}

std::optional<core::RecurrenceId> UnitOfWork::last_decided(const core::UserId& user,
                                                           const core::SeriesId& series) {
    Query row(db_,
              "SELECT last_slot FROM occurrence WHERE user_id = ? AND series_id = ? "
              "ORDER BY position DESC LIMIT 1",
              user.str(), series.str());
    if (!row.step()) return {};
    return core::parse_recurrence_id(row.text(0));
}

std::optional<core::Task> UnitOfWork::find_open_occurrence(const core::UserId& user,
                                                           const core::SeriesId& series) {
    Query row(db_,
              "SELECT task_id FROM occurrence WHERE user_id = ? AND series_id = ? "
              "AND state <> 'skipped' ORDER BY position DESC LIMIT 1",
              user.str(), series.str());
    if (!row.step()) return {};
    auto task = find_task(user, core::TaskId{row.text(0)});
    if (!task || !task->is_open()) return {};
    return task;
}

// ?1 user, ?2 series, ?3 recurrence_id: the rows after that one.
#define AFTER_SLOT                                                                     \
    "user_id = ?1 AND series_id = ?2 AND position > (SELECT position FROM occurrence " \
    "WHERE user_id = ?1 AND series_id = ?2 AND recurrence_id = ?3)"

std::optional<core::Task> UnitOfWork::find_successor(const core::Task& task) {
    Query row(db_,
              "SELECT task_id FROM occurrence WHERE " AFTER_SLOT
              " AND task_id IS NOT NULL ORDER BY position LIMIT 1",
              task.user.str(), task.series.str(), slot_column(task.recurrence_id));
    if (!row.step()) return {};
    return find_task(task.user, core::TaskId{row.text(0)});
}

bool UnitOfWork::owns_slot(const core::Task& task) {
    Query row(db_,
              "SELECT 1 FROM occurrence WHERE user_id = ? AND series_id = ? AND recurrence_id = ? "
              "AND task_id = ?",
              task.user.str(), task.series.str(), slot_column(task.recurrence_id), task.id.str());
    return row.step();
}

#define OCCURRENCE_COLUMNS \
    "user_id, series_id, recurrence_id, last_slot, count, state, reason, task_id, position"

// ?1 user, ?2 series, ?8 position: it comes after all there are.
#define NEXT_POSITION                                                                     \
    "max(?8, (SELECT coalesce(max(position) + 1, ?8) FROM occurrence WHERE user_id = ?1 " \
    "AND series_id = ?2))"

std::optional<core::Task> UnitOfWork::task_of_slot(const core::UserId& user,
                                                   const core::SeriesId& series,
                                                   const core::RecurrenceId& slot) {
    Query row(db_,
              "SELECT task_id FROM occurrence WHERE user_id = ? AND series_id = ? "
              "AND recurrence_id = ? AND task_id IS NOT NULL",
              user.str(), series.str(), core::format(slot));
    if (!row.step()) return {};
    return find_task(user, core::TaskId{row.text(0)});
}

bool UnitOfWork::is_decided(const core::UserId& user, const core::SeriesId& series,
                            const core::RecurrenceId& slot) {
    Query row(db_,
              "SELECT 1 FROM occurrence WHERE user_id = ?1 AND series_id = ?2 AND "
              "(recurrence_id = ?3 OR (recurrence_id <= ?3 AND last_slot >= ?3)) LIMIT 1",
              user.str(), series.str(), core::format(slot));
    return row.step();
}

std::int64_t UnitOfWork::count_made(const core::UserId& user, const core::SeriesId& series) {
    Query row(db_,
              "SELECT count(*) FROM occurrence WHERE user_id = ? AND series_id = ? "
              "AND task_id IS NOT NULL",
              user.str(), series.str());
    return row.step() ? row.integer(0) : 0;
}

std::vector<core::SkippedSlots> UnitOfWork::skipped_before(const core::Task& task,
                                                           std::int64_t limit) {
    std::vector<core::SkippedSlots> runs;
    Query row(db_,
              "SELECT recurrence_id, last_slot, count, state, coalesce(reason, '') FROM occurrence "
              "WHERE user_id = ?1 AND series_id = ?2 AND position < (SELECT position FROM "
              "occurrence WHERE user_id = ?1 AND series_id = ?2 AND task_id = ?3) "
              "ORDER BY position DESC LIMIT ?4",
              task.user.str(), task.series.str(), task.id.str(), limit);
    while (row.step() && row.text(3) == "skipped") {
        const auto from = core::parse_recurrence_id(row.text(0));
        const auto to = core::parse_recurrence_id(row.text(1));
        core::check(from && to, "a stored slot can be read");
        runs.push_back({*from, *to, static_cast<std::uint64_t>(row.integer(2)),
                        core::skip_reason_from(row.text(4))});
    }
    return runs;
}

std::optional<core::RecurrenceId> UnitOfWork::furthest_slot(const core::UserId& user,
                                                            const core::SeriesId& series) {
    Query row(db_, "SELECT max(last_slot) FROM occurrence WHERE user_id = ? AND series_id = ?",
              user.str(), series.str());
    if (!row.step()) return {};
    return optional_slot(row, 0);
}

std::optional<core::SkipReason> UnitOfWork::skip_reason_of(const core::Task& task) {
    if (task.series.empty() || !task.recurrence_id) return {};
    Query row(db_,
              "SELECT reason FROM occurrence WHERE user_id = ? AND series_id = ? AND recurrence_id "
              "= ? AND state = 'skipped'",
              task.user.str(), task.series.str(), core::format(*task.recurrence_id));
    if (!row.step()) return {};
    return core::skip_reason_from(row.text(0));
}

std::optional<core::SkippedSlots> UnitOfWork::skipped_with(const core::UserId& user,
                                                           const core::SeriesId& series,
                                                           const core::RecurrenceId& slot) {
    Query row(db_,
              "SELECT recurrence_id, last_slot, count, state, coalesce(reason, '') FROM occurrence "
              "WHERE user_id = ?1 AND series_id = ?2 AND recurrence_id <= ?3 ORDER BY "
              "recurrence_id DESC LIMIT 1",
              user.str(), series.str(), core::format(slot));
    if (!row.step() || row.text(3) != "skipped" || row.text(1) < core::format(slot)) return {};
    const auto from = core::parse_recurrence_id(row.text(0));
    const auto to = core::parse_recurrence_id(row.text(1));
    core::check(from && to, "a stored slot can be read");
    return core::SkippedSlots{*from, *to, static_cast<std::uint64_t>(row.integer(2)),
                              core::skip_reason_from(row.text(4))};
}

void UnitOfWork::mark_moved(const core::Task& task) {
    Query(db_,
          "UPDATE occurrence SET state = 'moved' WHERE user_id = ? AND series_id = ? "
          "AND recurrence_id = ? AND state = 'created'",
          task.user.str(), task.series.str(), slot_column(task.recurrence_id))
        .run();
}

void UnitOfWork::erase_slot(const core::Task& task) {
    Query(db_, "DELETE FROM occurrence WHERE user_id = ? AND series_id = ? AND recurrence_id = ?",
          task.user.str(), task.series.str(), slot_column(task.recurrence_id))
        .run();
}

std::vector<core::Task> UnitOfWork::open_tasks_of(const core::UserId& user,
                                                  const core::SeriesId& series,
                                                  std::int64_t limit) {
    std::vector<core::Task> tasks;
    Query row(db_,
              "SELECT t.id FROM task t WHERE user_id = ? AND series_id = ? AND deleted IS NULL "
              "AND status IN ('needs-action', 'in-process') ORDER BY number LIMIT ?",
              user.str(), series.str(), limit);
    while (row.step())
        if (auto task = find_task(user, core::TaskId{row.text(0)}))
            tasks.push_back(std::move(*task));
    return tasks;
}

void UnitOfWork::put_created(const core::Task& task, std::int64_t position) {
    // A slot that was skipped by deleting its task comes back with the same task; a second task for
    // a slot breaks the primary key, and with it the unit (P5).
    Query(db_,
          "INSERT INTO occurrence (" OCCURRENCE_COLUMNS
          ") VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, " NEXT_POSITION
          ") ON CONFLICT (user_id, series_id, recurrence_id) "
          "DO UPDATE SET state = ?5, reason = NULL WHERE task_id = ?7",
          task.user.str(), task.series.str(), slot_column(task.recurrence_id), 1,
          std::string("created"), std::optional<std::string>{}, task.id.str(), position)
        .run();
    core::check(owns_slot(task), "a slot becomes one task at most");
}

void UnitOfWork::put_skipped(const core::UserId& user, const core::SeriesId& series,
                             const core::SkippedSlots& slots, std::int64_t position) {
    Query(db_,
          "INSERT INTO occurrence (" OCCURRENCE_COLUMNS
          ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, " NEXT_POSITION
          ") ON CONFLICT (user_id, series_id, recurrence_id) "
          "DO UPDATE SET state = ?6, reason = ?7",
          user.str(), series.str(), core::format(slots.from), core::format(slots.to),
          static_cast<std::int64_t>(slots.count), std::string("skipped"),
          std::string(core::to_string(slots.reason)), position)
        .run();
}

void UnitOfWork::erase_slots_after(const core::Task& task) {
    Query(db_, "DELETE FROM occurrence WHERE " AFTER_SLOT, task.user.str(), task.series.str(),
          slot_column(task.recurrence_id))
        .run();
}

}  // namespace taskd::daemon
