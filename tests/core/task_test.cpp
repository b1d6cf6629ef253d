// SPDX-License-Identifier: Apache-2.0
#include "core/task.h"

#include "core/rfc3339.h"
#include "core/text.h"
#include "tests/support/hostile.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace taskd::core {
namespace {

using namespace std::string_literals;

const Timestamp now = parse_utc("2026-11-24T08:30:00.123Z").value();

Task task_with(Status status) {
    Task task;
    task.id = TaskId("3f0c0f9e-0000-4000-8000-000000000000");
    task.user = UserId("ada");
    task.number = 7;
    task.content.summary = "water the plants";
    task.status = status;
    if (status == Status::completed) task.completed = now - std::chrono::hours{1};
    task.revision = 4;
    return task;
}

Task deleted(Task task) {
    task.deleted = now - std::chrono::hours{1};
    return task;
}

TaskContent content_with(const std::string& summary) {
    TaskContent content;
    content.summary = summary;
    return content;
}

TEST_CASE("every status has a word, and no other word is one") {
    for (const auto status :
         {Status::needs_action, Status::in_process, Status::completed, Status::cancelled})
        CHECK(status_from(to_string(status)) == status);
    for (const auto& word : {"", "open", "COMPLETED", "needs_action", "completed "}) {
        CAPTURE(word);
        const auto status = status_from(word);
        REQUIRE_FALSE(status);
        CHECK(status.error().field == "status");
    }
    for (const auto& input : test::hostile_inputs("in-process")) {
        const auto status = status_from(input);
        if (status) continue;
        CHECK(status.error().message.size() < 500);
        if (is_utf8(input)) CHECK(is_utf8(status.error().message));
    }
}

TEST_CASE("completing an open task closes it, one revision later") {
    const auto status = GENERATE(Status::needs_action, Status::in_process);
    const auto before = task_with(status);
    const auto after = complete(before, now);
    REQUIRE(after);
    Task expected = before;
    expected.status = Status::completed;
    expected.completed = now;
    expected.modified = now;
    expected.revision = 5;
    CHECK(*after == expected);
    CHECK_FALSE(after->is_open());
}

TEST_CASE("reopening a closed task makes it need action again") {
    const auto status = GENERATE(Status::completed, Status::cancelled);
    const auto after = reopen(task_with(status), now);
    REQUIRE(after);
    CHECK(after->status == Status::needs_action);
    CHECK_FALSE(after->completed);
    CHECK(after->modified == now);
    CHECK(after->revision == 5);
    CHECK(after->is_open());
}

TEST_CASE("restoring undoes deleting, whatever the status") {
    const auto status =
        GENERATE(Status::needs_action, Status::in_process, Status::completed, Status::cancelled);
    const auto before = task_with(status);
    const auto gone = remove(before, now);
    REQUIRE(gone);
    CHECK(gone->deleted == now);
    CHECK_FALSE(gone->is_open());
    CHECK(gone->status == status);
    CHECK(gone->completed == before.completed);
    const auto back = restore(*gone, now);
    REQUIRE(back);
    CHECK(back->is_open() == before.is_open());
    CHECK(back->status == status);
    CHECK(back->revision == before.revision + 2);
}

TEST_CASE("a change that the task's state doesn't allow is refused, and the message says why") {
    struct Row {
        std::string name;
        Result<Task> (*change)(const Task&, Timestamp);
        Task task;
        std::string says;
    };
    const auto row = GENERATE(values<Row>({
        {"complete", complete, task_with(Status::completed), "already completed"},
        {"complete", complete, task_with(Status::cancelled), "cancelled"},
        {"complete", complete, deleted(task_with(Status::needs_action)), "deleted"},
        {"complete", complete, deleted(task_with(Status::completed)), "deleted"},
        {"reopen", reopen, task_with(Status::needs_action), "open already"},
        {"reopen", reopen, task_with(Status::in_process), "open already"},
        {"reopen", reopen, deleted(task_with(Status::completed)), "deleted"},
        {"remove", remove, deleted(task_with(Status::needs_action)), "already deleted"},
        {"restore", restore, task_with(Status::needs_action), "not deleted"},
        {"restore", restore, task_with(Status::completed), "not deleted"},
    }));
    CAPTURE(row.name, to_string(row.task.status));
    const auto result = row.change(row.task, now);
    REQUIRE_FALSE(result);
    CHECK(result.error().reason == Reason::failed_precondition);
    CHECK(result.error().field == "status");
    CHECK_THAT(result.error().message, Catch::Contains(row.says) && Catch::Contains("task 7"));
}

TEST_CASE("content is trimmed, tags are sorted and free of repeats") {
    auto content = content_with("  water the plants\n");
    content.tags = {"home", "garden", "home"};
    content.priority = 9;
    const auto good = checked(content);
    REQUIRE(good);
    CHECK(good->summary == "water the plants");
    CHECK(good->tags == std::vector<std::string>{"garden", "home"});
    CHECK(checked(*good) == good);
}

TEST_CASE("content at its bounds is accepted") {
    auto content = content_with(std::string(summary_bytes_max, 's'));
    content.notes = std::string(notes_bytes_max, 'n');
    content.project = std::string(word_bytes_max, 'p');
    for (std::size_t i = 0; i < tags_max; ++i)
        content.tags.push_back(std::to_string(10 + i) + std::string(word_bytes_max - 2, 't'));
    CHECK(checked(content));
    CHECK(checked(content_with(" " + std::string(summary_bytes_max, 's') + " ")));
}

TEST_CASE("wrong content is refused on its field") {
    struct Row {
        std::string field;
        void (*spoil)(TaskContent&);
    };
    const auto row = GENERATE(values<Row>({
        {"summary", [](TaskContent& c) { c.summary = ""; }},
        {"summary", [](TaskContent& c) { c.summary = " \t\n"; }},
        {"summary", [](TaskContent& c) { c.summary = std::string(summary_bytes_max + 1, 's'); }},
        {"summary", [](TaskContent& c) { c.summary = "a\xff"; }},
        {"notes", [](TaskContent& c) { c.notes = std::string(notes_bytes_max + 1, 'n'); }},
        {"notes", [](TaskContent& c) { c.notes = "\xc0\x80"; }},
        {"project", [](TaskContent& c) { c.project = std::string(word_bytes_max + 1, 'p'); }},
        {"project", [](TaskContent& c) { c.project = "two words"; }},
        {"project", [](TaskContent& c) { c.project = "a,b"; }},
        {"project", [](TaskContent& c) { c.project = "\x1b[31m"; }},
        {"project", [](TaskContent& c) { c.project = "a\0b"s; }},
        {"project", [](TaskContent& c) { c.project = "\xff"; }},
        {"tags",
         [](TaskContent& c) {
             c.tags = {"good", ""};
         }},
        {"tags", [](TaskContent& c) { c.tags = {"two words"}; }},
        {"tags", [](TaskContent& c) { c.tags = {std::string(word_bytes_max + 1, 't')}; }},
        {"tags", [](TaskContent& c) { c.tags.assign(tags_max + 1, "same"); }},
        {"priority", [](TaskContent& c) { c.priority = -1; }},
        {"priority", [](TaskContent& c) { c.priority = 10; }},
    }));
    auto content = content_with("water the plants");
    row.spoil(content);
    const auto result = checked(content);
    CAPTURE(row.field);
    REQUIRE_FALSE(result);
    CHECK(result.error().reason == Reason::invalid_argument);
    CHECK(result.error().field == row.field);
    CHECK_THAT(result.error().message, Catch::StartsWith(row.field + ": "));
}

TEST_CASE("a message about a long word is itself UTF-8") {
    // 19 bytes and then two-byte letters: a cut after 20 bytes would split one.
    std::string word(19, 'x');
    while (word.size() <= word_bytes_max) word += "\xc3\xa4";
    auto content = content_with("water the plants");
    content.project = word;
    const auto result = checked(content);
    REQUIRE_FALSE(result);
    CHECK(is_utf8(result.error().message));
}

TEST_CASE("content survives any bytes in any field") {
    for (const auto& input : test::hostile_inputs("g\xc3\xa4rtchen")) {
        auto content = content_with(input);
        content.notes = input;
        static_cast<void>(checked(content));
        content = content_with("x");
        content.project = input;
        content.tags = {input, input};
        const auto result = checked(content);
        if (!result) CHECK(result.error().message.size() < 1000);
        if (!result && is_utf8(input)) CHECK(is_utf8(result.error().message));
    }
}

}  // namespace
}  // namespace taskd::core
