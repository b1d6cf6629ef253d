// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.h"
#include "cli/times.h"
#include "core/text.h"
#include "core/when.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>

namespace taskd::cli {
namespace {

struct Given {
    std::string project;
    std::vector<std::string> tags;
    std::string status;
    std::string due_before;
    std::string due_after;
    std::string sort;
    std::string limit;
    std::string offset;
    bool deleted = false;
    bool blocked = false;
    bool unblocked = false;
};

core::Result<std::vector<core::Status>> statuses_from(const std::string& word) {
    if (word == "all") return std::vector<core::Status>{};
    if (word == "open") return core::TaskQuery{}.statuses;
    if (const auto status = core::status_from(word)) return std::vector<core::Status>{*status};
    const auto near = core::nearest(
        word, {"needs-action", "in-process", "completed", "cancelled", "open", "all"});
    return core::invalid_argument("status",
                                  "\"" + core::clipped(word, 64) +
                                      "\" is not a status; use needs-action, in-process, "
                                      "completed, cancelled, open or all",
                                  near.empty() ? "" : "did you mean \"" + near + "\"?");
}

core::Result<core::TaskQuery> query_from(const Context& context, const Given& given,
                                         const Words& words) {
    core::TaskQuery query;
    query.text = core::join(words, " ");
    query.project = given.project;
    query.tags = given.tags;
    query.deleted = given.deleted;
    // What was deleted may have been completed before: without a wish, all of it.
    const auto statuses = statuses_from(!given.status.empty() ? given.status
                                        : given.deleted       ? "all"
                                                              : "open");
    if (!statuses) return tl::unexpected(statuses.error());
    query.statuses = *statuses;
    if (given.blocked && given.unblocked)
        return core::invalid_argument("blocked", "goes with either --blocked or --unblocked");
    if (given.blocked || given.unblocked) query.blocked = given.blocked;
    const auto read_time = [&](const char* field, const std::string& text,
                               std::optional<core::Timestamp>& into) -> core::Result<void> {
        if (text.empty()) return {};
        const auto when = core::parse_when(field, text, context.now(), context.zone());
        if (!when) return tl::unexpected(when.error());
        into = when->time.at;
        return {};
    };
    if (auto read = read_time("due-before", given.due_before, query.due_before); !read)
        return tl::unexpected(read.error());
    if (auto read = read_time("due-after", given.due_after, query.due_from); !read)
        return tl::unexpected(read.error());
    if (!given.sort.empty()) {
        const auto sort = core::sort_from(given.sort);
        if (!sort) return tl::unexpected(sort.error());
        query.sort = *sort;
    }
    const auto read_number = [&](const char* field, const std::string& text, std::int64_t min,
                                 std::int64_t max, std::int64_t& into) -> core::Result<void> {
        if (text.empty()) return {};
        const auto number = number_from(field, text, min, max);
        if (!number) return tl::unexpected(number.error());
        into = *number;
        return {};
    };
    if (auto read = read_number("limit", given.limit, 1, core::page_max, query.limit); !read)
        return tl::unexpected(read.error());
    if (auto read = read_number("offset", given.offset, 0, INT64_MAX, query.offset); !read)
        return tl::unexpected(read.error());
    return query;
}

Table table_of(const Context& context, const Screen& screen, const ipc::TaskPage& page,
               bool with_status) {
    const bool plain = screen.plain_lists();
    Table table{{{"#", true},
                 {"DUE", false},
                 {"STATUS", false},
                 {"PRI", true},
                 {"SUMMARY", false, true},
                 {"PROJECT", false, true},
                 {"TAGS", false, true},
                 {"RECURS", false}},
                {}};
    for (const auto& task : page.tasks) {
        const auto& content = task.content;
        Cell due;
        if (content.due) {
            const bool late = task.is_open() && is_overdue(*content.due, context.now());
            due = {plain ? core::format(*content.due)
                         : due_words(*content.due, context.now(), context.zone()),
                   late ? Paint::red : Paint::none};
        }
        const bool is_blocked =
            std::find(page.blocked.begin(), page.blocked.end(), task.number) != page.blocked.end();
        const bool started = task.status == core::Status::in_process;
        std::string status;
        if (plain || with_status || started) status = std::string(core::to_string(task.status));
        if (!plain && is_blocked) status += status.empty() ? "waits" : ", waits";
        const std::string recurs = task.series.empty()      ? ""
                                   : plain                  ? task.series.str()
                                   : screen.style().unicode ? "\u21bb"
                                                            : "yes";
        table.rows.push_back({{std::to_string(task.number), Paint::bold},
                              due,
                              {status, is_blocked ? Paint::dim : Paint::none},
                              {content.priority == 0 ? "" : std::to_string(content.priority)},
                              {content.summary},
                              {content.project},
                              {core::join(content.tags, plain ? "," : ", ")},
                              {recurs}});
    }
    return table;
}

void say_how_many(Context& context, const core::TaskQuery& query, const ipc::TaskPage& page,
                  bool filtered, bool is_page) {
    Screen& screen = context.screen();
    const auto shown = static_cast<std::int64_t>(page.tasks.size());
    if (shown == 0 && page.total > 0)
        return screen.note("no tasks from offset " + std::to_string(query.offset) +
                           " on; there are " + std::to_string(page.total));
    if (shown == 0 && query.deleted) return screen.hint("no deleted tasks");
    if (shown == 0 && filtered) return screen.hint("no tasks match");
    if (shown == 0) return screen.hint("nothing to do; taskctl add SUMMARY adds a task");
    if (page.total <= shown) return;
    const std::string text = "showing " +
                             (query.offset == 0 ? std::to_string(shown)
                                                : std::to_string(query.offset + 1) + " to " +
                                                      std::to_string(query.offset + shown)) +
                             " of " +
                             (page.total > core::counted_max
                                  ? "more than " + std::to_string(core::counted_max) + " tasks"
                                  : counted(page.total, "task", "tasks")) +
                             "; --limit and --offset give the others";
    // Whoever said no number may take these for all.
    if (screen.quiet() && !is_page)
        screen.warn(text);
    else
        screen.note(text);
}

int run(Context& context, const Given& given, const Words& words) {
    const auto query = query_from(context, given, words);
    if (!query) return context.fail(query.error());
    auto client = context.client();
    if (!client) return context.fail(client.error());
    const auto answer = client->call(ipc::TaskList{*query});
    if (!answer) return context.fail(answer.error());

    Screen& screen = context.screen();
    const auto& page = answer->value;
    if (screen.one_line_json()) {
        for (const auto& task : answer->json.at("tasks")) screen.print_json(task);
    } else if (screen.json()) {
        screen.print_json(answer->json);
    } else if (screen.quiet()) {
        for (const auto& task : page.tasks) screen.print(std::to_string(task.number) + "\n");
    } else {
        screen.print_list(
            table_of(context, screen, page, query->statuses != core::TaskQuery{}.statuses));
    }
    screen.flush();
    const bool filtered = !words.empty() || !given.project.empty() || !given.tags.empty() ||
                          !given.status.empty() || !given.due_before.empty() ||
                          !given.due_after.empty() || query->blocked;
    say_how_many(context, *query, page, filtered, !(given.limit.empty() && given.offset.empty()));
    return 0;
}

}  // namespace

void register_list(CommandLine& line) {
    const auto given = std::make_shared<Given>();
    auto& app = line.add(
        {.name = "list",
         .section = "Tasks",
         .summary = "list tasks, the next due first",
         .usage = "[TEXT...]",
         .words_max = any_number,
         .examples = {"list", "list rent --due-before \"in 7 days\"",
                      "list --project home --status all -o json"},
         .details = "TEXT is looked for in summaries and notes. Without a terminal, or with "
                    "-o plain, there is one line per task, with tabs between number, due, status, "
                    "priority, summary, project, tags and series id.",
         .run = [given](Context& context, const Words& words) {
             return run(context, *given, words);
         }});
    add_text(app, "--project", given->project, "NAME", "only this project's");
    add_texts(app, "--tag", given->tags, "WORD", "only with this tag; may be repeated: with all");
    add_text(app, "--status", given->status, "STATUS",
             "open (the default), needs-action, in-process, completed, cancelled or all");
    add_switch(app, "--deleted", given->deleted, "the deleted ones instead");
    add_switch(app, "--blocked", given->blocked, "only those that wait for another task");
    add_switch(app, "--unblocked", given->unblocked, "only those that need not wait");
    add_text(app, "--due-before", given->due_before, "WORDS", "only those due before this time");
    add_text(app, "--due-after", given->due_after, "WORDS", "only those due at this time or later");
    add_text(app, "--sort", given->sort, "KEY", "due (the default), number, modified or priority");
    add_text(app, "--limit", given->limit, "N", "at most so many, up to 1000 (default 100)");
    add_text(app, "--offset", given->offset, "N", "leave out so many at the beginning");
}

}  // namespace taskd::cli
