// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/columns.h"
#include "daemon/store/unit_of_work.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

using core::Task;

#define TASK_COLUMNS                                                                              \
    "user_id, id, number, summary, notes, project, priority, start, due, status, series_id, "     \
    "recurrence_id, created, modified, completed, deleted, revision, recurring_pattern, parent, " \
    "reminder_sent"

std::vector<std::string> tags_of(Database& db, const Task& task) {
    std::vector<std::string> tags;
    Query row(db, "SELECT tag FROM tag WHERE user_id = ? AND task_id = ? ORDER BY tag",
              task.user.str(), task.id.str());
    while (row.step()) tags.push_back(row.text(0));
    return tags;
}

std::vector<core::TaskId> dependencies_of(Database& db, const Task& task) {
    std::vector<core::TaskId> ids;
    Query row(db,
              "SELECT depends_on FROM dependency WHERE user_id = ? AND task_id = ? "
              "ORDER BY depends_on",
              task.user.str(), task.id.str());
    while (row.step()) ids.emplace_back(row.text(0));
    return ids;
}

void write_dependencies(Database& db, const Task& task) {
    for (const auto& id : task.depends_on)
        Query(db, "INSERT INTO dependency VALUES (?, ?, ?)", task.user.str(), task.id.str(),
              id.str())
            .run();
}

Task read_task(Database& db, const Query& row) {
    Task task;
    task.user = core::UserId{row.text(0)};
    task.id = core::TaskId{row.text(1)};
    task.number = row.integer(2);
    task.content.summary = row.text(3);
    task.content.notes = row.text(4);
    task.content.project = row.text(5);
    task.content.priority = static_cast<int>(row.integer(6));
    task.content.start = optional_calendar_time(row, 7);
    task.content.due = optional_calendar_time(row, 8);
    const auto status = core::status_from(row.text(9));
    core::check(status.has_value(), "a stored status is one of ours");
    task.status = *status;
    task.series = core::SeriesId{row.text(10)};
    task.recurrence_id = optional_slot(row, 11);
    task.created = row.time(12);
    task.modified = row.time(13);
    task.completed = row.optional_time(14);
    task.deleted = row.optional_time(15);
    task.revision = row.integer(16);
    task.recurring_pattern = row.text(17);
    task.parent = core::ForeignId{row.text(18)};
    task.reminder_sent = row.integer(19) != 0;
    task.content.tags = tags_of(db, task);
    task.depends_on = dependencies_of(db, task);
    return task;
}

void write_tags(Database& db, const Task& task) {
    for (const auto& tag : task.content.tags)
        Query(db, "INSERT INTO tag VALUES (?, ?, ?)", task.user.str(), task.id.str(), tag).run();
}

std::optional<core::Timestamp> due_instant(const Task& task) {
    if (!task.content.due) return {};
    return task.content.due->at;
}

// A page ends early when its tasks have long notes: a reply of 1000 times 64 KiB would hold up
// everybody, and be held in memory for a reader that is slow. `total` says that there are more.
constexpr std::size_t page_bytes_max = 1024 * 1024;

/// LIKE's own wildcards in what the user typed mean themselves.
std::string like_pattern(const std::string& text) {
    std::string pattern = "%";
    for (const char c : text) {
        if (c == '%' || c == '_' || c == '\\') pattern += '\\';
        pattern += c;
    }
    return pattern + "%";
}

#define TASK_IS_OPEN(t) t ".deleted IS NULL AND " t ".status IN ('needs-action', 'in-process')"

/// One statement for every filter: what isn't asked for is switched off by a null or empty value,
/// so that no SQL is ever put together from a request.
#define TASK_FILTER                                                                             \
    " FROM task t WHERE user_id = ?1"                                                           \
    " AND (deleted IS NOT NULL) = ?2"                                                           \
    " AND (?3 = '[]' OR status IN (SELECT value FROM json_each(?3)))"                           \
    " AND (?4 = '' OR project = ?4)"                                                            \
    " AND (?5 = '[]' OR NOT EXISTS (SELECT 1 FROM json_each(?5) wanted WHERE NOT EXISTS"        \
    "   (SELECT 1 FROM tag WHERE tag.user_id = t.user_id AND task_id = t.id AND tag = value)))" \
    " AND (?6 = '%%' OR summary LIKE ?6 ESCAPE '\\' OR notes LIKE ?6 ESCAPE '\\')"              \
    " AND (?7 IS NULL OR due_ms >= ?7) AND (?8 IS NULL OR due_ms < ?8)"                         \
    " AND (?11 IS NULL OR ?11 = EXISTS (SELECT 1 FROM dependency d JOIN task b ON"              \
    "   b.user_id = d.user_id AND b.id = d.depends_on WHERE d.user_id = t.user_id AND"          \
    "   d.task_id = t.id AND " TASK_IS_OPEN("b") "))"

#define TASK_PAGE(order) \
    "SELECT " TASK_COLUMNS TASK_FILTER " ORDER BY " order " LIMIT ?9 OFFSET ?10"

const char* page_statement(core::Sort sort) {
    switch (sort) {
    case core::Sort::due:
        return TASK_PAGE("ifnull(due_ms, 9223372036854775807), number");
    case core::Sort::number:
        return TASK_PAGE("number");
    case core::Sort::modified:
        return TASK_PAGE("modified DESC, number");
    case core::Sort::priority:
        return TASK_PAGE("priority = 0, priority, due_ms IS NULL, due_ms, number");
    }
    return TASK_PAGE("number");
}

}  // namespace

std::optional<Task> UnitOfWork::find_task(const core::UserId& user, const core::TaskId& id) {
    Query row(db_, "SELECT " TASK_COLUMNS " FROM task WHERE user_id = ? AND id = ?", user.str(),
              id.str());
    if (!row.step()) return {};
    return read_task(db_, row);
}

core::Result<Task> UnitOfWork::find_task(const core::UserId& user, const std::string& reference) {
    const auto ref = core::task_ref_from(reference);
    if (!ref) return tl::unexpected(ref.error());
    if (ref->number) {
        Query row(db_, "SELECT " TASK_COLUMNS " FROM task WHERE user_id = ? AND number = ?",
                  user.str(), *ref->number);
        if (row.step()) return read_task(db_, row);
    } else {
        Query row(db_,
                  "SELECT " TASK_COLUMNS
                  " FROM task WHERE user_id = ?1 AND id >= ?2 AND id < ?2 || 'g' LIMIT 2",
                  user.str(), ref->id_prefix);
        if (row.step()) {
            Task task = read_task(db_, row);
            if (!row.step()) return task;
            return core::invalid_argument(
                "task", "\"" + reference + "\" is the beginning of several ids; type more of it");
        }
    }
    return core::not_found("task", "there is no task " + reference,
                           "taskctl list shows the tasks with their numbers");
}

ipc::TaskPage UnitOfWork::list_tasks(const core::UserId& user, const core::TaskQuery& query) {
    nlohmann::json statuses = nlohmann::json::array();
    for (const auto status : query.statuses)
        statuses.push_back(std::string(core::to_string(status)));
    if (query.deleted) statuses.clear();
    const std::string tags = nlohmann::json(query.tags).dump();
    const std::string text = like_pattern(query.text);

    ipc::TaskPage page;
    Query row(db_, page_statement(query.sort), user.str(), query.deleted, statuses.dump(),
              query.project, tags, text, query.due_from, query.due_before, query.limit,
              query.offset, query.blocked);
    std::size_t bytes = 0;
    bool cut = false;
    while (!cut && row.step()) {
        page.tasks.push_back(read_task(db_, row));
        const auto& content = page.tasks.back().content;
        bytes += content.summary.size() + content.notes.size();
        cut = bytes > page_bytes_max;
    }
    for (const auto& task : page.tasks)
        if (task.is_open() && !task.depends_on.empty() && is_blocked(task))
            page.blocked.push_back(task.number);
    const auto shown = static_cast<std::int64_t>(page.tasks.size());
    page.total = query.offset + shown;
    if (shown == query.limit || cut || (shown == 0 && query.offset > 0)) {
        Query count(db_, "SELECT count(*) FROM (SELECT 1" TASK_FILTER " LIMIT ?9 OFFSET ?10)",
                    user.str(), query.deleted, statuses.dump(), query.project, tags, text,
                    query.due_from, query.due_before, core::counted_max + 1, 0, query.blocked);
        if (count.step())
            page.total = shown == 0 ? count.integer(0) : std::max(page.total, count.integer(0));
    }
    return page;
}

bool UnitOfWork::is_blocked(const Task& task) {
    Query row(db_,
              "SELECT 1 FROM dependency d JOIN task b ON b.user_id = d.user_id AND "
              "b.id = d.depends_on WHERE d.user_id = ? AND d.task_id = ? "
              "AND " TASK_IS_OPEN("b") " LIMIT 1",
              task.user.str(), task.id.str());
    return row.step();
}

std::vector<Task> UnitOfWork::dependents_of(const Task& task) {
    std::vector<Task> tasks;
    Query row(db_, "SELECT task_id FROM dependency WHERE user_id = ? AND depends_on = ? LIMIT ?",
              task.user.str(), task.id.str(), core::page_max);
    while (row.step())
        if (auto dependent = find_task(task.user, core::TaskId{row.text(0)}))
            tasks.push_back(std::move(*dependent));
    return tasks;
}

bool UnitOfWork::depends_on(const core::UserId& user, const core::TaskId& from,
                            const core::TaskId& target) {
    Query row(db_,
              "WITH RECURSIVE reached (id) AS (VALUES (?2) UNION SELECT d.depends_on "
              "FROM dependency d JOIN reached r ON d.user_id = ?1 AND d.task_id = r.id) "
              "SELECT 1 FROM reached WHERE id = ?3 LIMIT 1",
              user.str(), from.str(), target.str());
    return row.step();
}

std::vector<Task> UnitOfWork::next_tasks(const core::UserId& user, core::Timestamp from,
                                         std::int64_t limit) {
    std::vector<Task> tasks;
    // By the index of the list's order; blocked ones are looked at and left out.
    Query row(db_,
              "SELECT " TASK_COLUMNS
              " FROM task t WHERE user_id = ? AND ifnull(due_ms, 9223372036854775807) >= ? "
              "AND due_ms IS NOT NULL AND " TASK_IS_OPEN(
                  "t") " ORDER BY ifnull(due_ms, 9223372036854775807), number LIMIT ?",
              user.str(), from, core::page_max);
    while (static_cast<std::int64_t>(tasks.size()) < limit && row.step()) {
        auto task = read_task(db_, row);
        if (task.depends_on.empty() || !is_blocked(task)) tasks.push_back(std::move(task));
    }
    return tasks;
}

std::int64_t UnitOfWork::count_overdue(const core::UserId& user, core::Timestamp now) {
    Query row(db_,
              "SELECT count(*) FROM (SELECT 1 FROM task t WHERE user_id = ? AND "
              "ifnull(due_ms, 9223372036854775807) < ? AND " TASK_IS_OPEN("t") " LIMIT ?)",
              user.str(), now, core::counted_max);
    return row.step() ? row.integer(0) : 0;
}

ipc::TaskFacetsReply UnitOfWork::facets(const core::UserId& user) {
    ipc::TaskFacetsReply facets;
    const auto take = [](Query&& row, std::vector<ipc::Facet>& into) {
        while (row.step()) into.push_back({row.text(0), row.integer(1)});
    };
    take(Query(db_,
               "SELECT tag, count(*) FROM tag JOIN task t ON t.user_id = tag.user_id AND "
               "t.id = tag.task_id WHERE tag.user_id = ? AND " TASK_IS_OPEN(
                   "t") " GROUP BY tag ORDER BY tag LIMIT ?",
               user.str(), core::page_max),
         facets.tags);
    take(Query(db_,
               "SELECT project, count(*) FROM task t WHERE user_id = ? AND project <> '' "
               "AND " TASK_IS_OPEN("t") " GROUP BY project ORDER BY project LIMIT ?",
               user.str(), core::page_max),
         facets.projects);
    return facets;
}

std::int64_t UnitOfWork::next_task_number(const core::UserId& user) {
    Query row(
        db_,
        "INSERT INTO user (user_id, task_number_head, task_count) VALUES (?, 1, 1) ON CONFLICT "
        "(user_id) DO UPDATE SET task_number_head = task_number_head + 1, "
        "task_count = task_count + 1 RETURNING task_number_head",
        user.str());
    core::check(row.step(), "an upsert returns its row");
    return row.integer(0);
}

std::int64_t UnitOfWork::count_tasks(const core::UserId& user) {
    Query row(db_, "SELECT task_count FROM user WHERE user_id = ?", user.str());
    return row.step() ? row.integer(0) : 0;
}

void UnitOfWork::insert_task(const Task& task) {
    Query(db_,
          "INSERT INTO task (" TASK_COLUMNS
          ", due_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
          task.user.str(), task.id.str(), task.number, task.content.summary, task.content.notes,
          task.content.project, task.content.priority, to_column(task.content.start),
          to_column(task.content.due), std::string(core::to_string(task.status)),
          id_column(task.series), slot_column(task.recurrence_id), task.created, task.modified,
          task.completed, task.deleted, task.revision, task.recurring_pattern, task.parent.str(),
          task.reminder_sent, due_instant(task))
        .run();
    write_tags(db_, task);
    write_dependencies(db_, task);
    move_command(nullptr, task);
    remember("task", task.id.str(), nullptr);
}

void UnitOfWork::update_task(const Task& before, const Task& after) {
    Query(db_,
          "UPDATE task SET summary = ?3, notes = ?4, project = ?5, priority = ?6, start = ?7, "
          "due = ?8, due_ms = ?9, status = ?10, modified = ?11, completed = ?12, deleted = ?13, "
          "revision = ?14, series_id = ?15, recurrence_id = ?16, reminder_sent = ?17 "
          "WHERE user_id = ?1 AND id = ?2",
          after.user.str(), after.id.str(), after.content.summary, after.content.notes,
          after.content.project, after.content.priority, to_column(after.content.start),
          to_column(after.content.due), due_instant(after),
          std::string(core::to_string(after.status)), after.modified, after.completed,
          after.deleted, after.revision, id_column(after.series), slot_column(after.recurrence_id),
          after.reminder_sent)
        .run();
    if (before.content.tags != after.content.tags) {
        Query(db_, "DELETE FROM tag WHERE user_id = ? AND task_id = ?", after.user.str(),
              after.id.str())
            .run();
        write_tags(db_, after);
    }
    if (before.depends_on != after.depends_on) {
        Query(db_, "DELETE FROM dependency WHERE user_id = ? AND task_id = ?", after.user.str(),
              after.id.str())
            .run();
        write_dependencies(db_, after);
    }
    move_command(&before, after);
    remember("task", after.id.str(), ipc::to_json(before));
}

}  // namespace taskd::daemon
