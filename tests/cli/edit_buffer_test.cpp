// SPDX-License-Identifier: Apache-2.0
#include "cli/edit_buffer.h"

#include "core/rfc3339.h"

#include <catch2/catch.hpp>

using namespace taskd;
using namespace std::chrono_literals;

namespace {

ipc::TaskDetails details() {
    ipc::TaskDetails made;
    made.task.number = 3;
    made.task.revision = 4;
    made.task.content.summary = "Say \"hi\" \\o/ \x1b[2J";
    made.task.content.notes = "one\n\"\"\"two\"\"\"\n\ttab";
    made.task.content.tags = {"a", "b"};
    made.task.content.priority = 2;
    made.task.content.due = core::calendar_time(*core::parse_local("2031-02-03T09:30:00"), false,
                                                core::TimeZone::utc());
    core::Reminder reminder;
    reminder.before = 90min;
    made.reminders = {reminder};
    core::Task other;
    other.number = 7;
    made.dependencies = {other};
    return made;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a text that nobody touched asks for nothing, whatever the task holds") {
    const auto update = cli::parse_edit(cli::edit_text(details(), ""), details());
    REQUIRE(update);
    CHECK(cli::is_empty(*update));
    CHECK(update->if_revision == 4);
}

TEST_CASE("the text can't drive the terminal that an editor is") {
    const auto text = cli::edit_text(details(), "a problem\nof two lines");
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.rfind("# !! a problem\n# !! of two lines\n", 0) == 0);
}

TEST_CASE("only what was changed is asked for") {
    auto text = cli::edit_text(details(), "");
    text = replaced(text, "priority = 2", "priority = 5");
    text = replaced(text, "due = \"2031-02-03 09:30 UTC\"", "due = \"tomorrow\"");
    text = replaced(text, "depends_on = [7]", "depends_on = [7, \"8\"]");
    const auto update = cli::parse_edit(text, details());
    REQUIRE(update);
    CHECK(update->edit.priority == 5);
    CHECK(update->due == "tomorrow");
    CHECK(update->depends_on == std::vector<std::string>{"7", "8"});
    CHECK_FALSE(update->edit.summary);
    CHECK_FALSE(update->edit.notes);
    CHECK_FALSE(update->remind);
}

TEST_CASE("a line that was removed leaves its field as it is") {
    const auto update = cli::parse_edit("summary = \"x\"\n", details());
    REQUIRE(update);
    CHECK(update->edit.summary == "x");
    CHECK_FALSE(update->edit.tags);
}

TEST_CASE("what can't be read is said with its line or field") {
    const auto error = [](const std::string& text) {
        const auto update = cli::parse_edit(text, details());
        REQUIRE_FALSE(update);
        return update.error();
    };
    CHECK(error("summary = \"x\"\ntags = [").field == "line 2");
    CHECK(error("sumary = \"x\"").hint == "did you mean \"summary\"?");
    CHECK(error("priority = \"high\"").field == "priority");
    CHECK(error("tags = \"a\"").field == "tags");
    CHECK(error("tags = [[1]]").field == "tags");
    CHECK(error("due = 2031-01-01").field == "due");
}

TEST_CASE("every truncation of a text is read or refused") {
    const auto text = cli::edit_text(details(), "");
    for (std::size_t length = 0; length < text.size(); ++length)
        (void)cli::parse_edit(text.substr(0, length), details());
    SUCCEED("none of them did harm");
}

TEST_CASE("of a series' task, time and reminders are not in the text") {
    auto occurrence = details();
    occurrence.task.series = core::SeriesId{"s"};
    const auto text = cli::edit_text(occurrence, "");
    CHECK(text.find("\ndue =") == std::string::npos);
    CHECK(text.find("\nremind =") == std::string::npos);
}

TEST_CASE("a text of comments alone means that the user gave up") {
    CHECK(cli::is_blank("\n  # only this\n"));
    CHECK(cli::is_blank(""));
    CHECK_FALSE(cli::is_blank("# x\nsummary = \"\""));
}
