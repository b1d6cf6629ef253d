// SPDX-License-Identifier: Apache-2.0
#include "core/task.h"

#include "core/rfc3339.h"
#include "core/text.h"

#include <algorithm>
#include <array>
#include <utility>

namespace taskd::core {
namespace {

constexpr std::array<std::pair<Status, std::string_view>, 4> status_names{{
    {Status::needs_action, "needs-action"},
    {Status::in_process, "in-process"},
    {Status::completed, "completed"},
    {Status::cancelled, "cancelled"},
}};

Result<void> check_word(const std::string& field, const std::string& word) {
    if (word.size() > word_bytes_max)
        return invalid_argument(field, "\"" + clipped(word, 20) + "\" is " +
                                           std::to_string(word.size()) +
                                           " bytes long; at most 64 are accepted");
    if (has_control(word) || word.find_first_of(" \t,\"") != std::string::npos)
        return invalid_argument(
            field, "\"" + word + "\" has a space, comma, quote or control character; use one word");
    return {};
}

Task changed(const Task& task, Timestamp now) {
    Task after = task;
    after.modified = now;
    after.revision += 1;
    return after;
}

tl::unexpected<Error> refused(const Task& task, const std::string& because) {
    return failed_precondition("status", "task " + std::to_string(task.number) + " " + because);
}

Result<void> check_open(const Task& task) {
    if (task.deleted) return refused(task, "is deleted; restore it first");
    switch (task.status) {  // no default: a new Status must be placed here before it compiles
    case Status::completed:
        return refused(task, "is already completed (" + format_utc(*task.completed) + ")");
    case Status::cancelled:
        return refused(task, "is cancelled; reopen it first");
    case Status::needs_action:
    case Status::in_process:
        break;
    }
    return {};
}

}  // namespace

std::string_view to_string(Status status) {
    for (const auto& [value, name] : status_names)
        if (value == status) return name;
    return "needs-action";
}

Result<Status> status_from(std::string_view word) {
    for (const auto& [value, name] : status_names)
        if (name == word) return value;
    return invalid_argument("status", "\"" + clipped(word, 64) +
                                          "\" is not a status; use needs-action, in-process, "
                                          "completed or cancelled");
}

Result<TaskContent> checked(TaskContent content) {
    content.summary = std::string(trim(content.summary));
    if (content.summary.empty())
        return invalid_argument("summary", "is empty; say what is to be done");
    if (content.summary.size() > summary_bytes_max)
        return invalid_argument("summary", "is " + std::to_string(content.summary.size()) +
                                               " bytes long; at most 1024 are accepted");
    if (content.notes.size() > notes_bytes_max)
        return invalid_argument("notes", "are " + std::to_string(content.notes.size()) +
                                             " bytes long; at most 65536 are accepted");
    if (!is_utf8(content.summary)) return invalid_argument("summary", "is not UTF-8 text");
    if (!is_utf8(content.notes)) return invalid_argument("notes", "are not UTF-8 text");
    if (auto good = check_word("project", content.project); !good)
        return tl::unexpected(good.error());
    if (content.tags.size() > tags_max)
        return invalid_argument("tags", std::to_string(content.tags.size()) +
                                            " tags were given; at most 32 are accepted");
    for (const auto& tag : content.tags) {
        if (tag.empty()) return invalid_argument("tags", "a tag is empty");
        if (auto good = check_word("tags", tag); !good) return tl::unexpected(good.error());
    }
    std::sort(content.tags.begin(), content.tags.end());
    content.tags.erase(std::unique(content.tags.begin(), content.tags.end()), content.tags.end());
    if (content.priority < 0 || content.priority > 9)
        return invalid_argument("priority", std::to_string(content.priority) +
                                                " is not accepted; use 1 (highest) to 9 (lowest), "
                                                "or 0 for none");
    return content;
}

Result<TaskContent> edited(TaskContent content, const TaskEdit& edit) {
    if (edit.summary) content.summary = *edit.summary;
    if (edit.notes) content.notes = *edit.notes;
    if (edit.project) content.project = *edit.project;
    if (edit.priority) content.priority = *edit.priority;
    if (edit.tags) content.tags = *edit.tags;
    for (const auto& tag : edit.remove_tags) {
        const auto found = std::find(content.tags.begin(), content.tags.end(), tag);
        if (found == content.tags.end())
            return invalid_argument("remove_tags",
                                    "the task has no tag \"" + clipped(tag, 64) + "\"");
        content.tags.erase(found);
    }
    content.tags.insert(content.tags.end(), edit.add_tags.begin(), edit.add_tags.end());
    return checked(std::move(content));
}

Result<Task> update(const Task& task, TaskContent content, std::vector<TaskId> depends_on,
                    Timestamp now) {
    if (task.deleted) return refused(task, "is deleted; restore it first");
    Task after = changed(task, now);
    after.content = std::move(content);
    after.depends_on = std::move(depends_on);
    return after;
}

Result<Task> start(const Task& task, Timestamp now) {
    if (auto open = check_open(task); !open) return tl::unexpected(open.error());
    if (task.status == Status::in_process) return refused(task, "is started already");
    Task after = changed(task, now);
    after.status = Status::in_process;
    return after;
}

Result<Task> cancel(const Task& task, Timestamp now) {
    if (auto open = check_open(task); !open) return tl::unexpected(open.error());
    Task after = changed(task, now);
    after.status = Status::cancelled;
    return after;
}

Result<Task> complete(const Task& task, Timestamp now) {
    if (auto open = check_open(task); !open) return tl::unexpected(open.error());
    Task after = changed(task, now);
    after.status = Status::completed;
    after.completed = now;
    return after;
}

Result<Task> reopen(const Task& task, Timestamp now) {
    if (task.deleted) return refused(task, "is deleted; restore it instead");
    if (task.is_open()) return refused(task, "is open already");
    Task after = changed(task, now);
    after.status = Status::needs_action;
    after.completed.reset();
    return after;
}

Result<Task> remove(const Task& task, Timestamp now) {
    if (task.deleted) return refused(task, "is already deleted");
    Task after = changed(task, now);
    after.deleted = now;
    return after;
}

Result<Task> restore(const Task& task, Timestamp now) {
    if (!task.deleted) return refused(task, "is not deleted");
    Task after = changed(task, now);
    after.deleted.reset();
    return after;
}

}  // namespace taskd::core
