// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include "cli/commands/commands.h"
#include "cli/help.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>
#include <string>

namespace taskd::cli {
namespace {

/// taskctl's own commands, of which none is run here.
core::Result<Chosen> parse(CommandLine& line, const Words& arguments) {
    register_commands(line);
    return line.parse(arguments);
}

/// An example's words, as a shell would split them.
Words split_example(const std::string& example) {
    Words words{""};
    char quote = '\0';
    for (const char c : example) {
        if (quote == '\0' && (c == '"' || c == '\''))
            quote = c;
        else if (c == quote)
            quote = '\0';
        else if (c == ' ' && quote == '\0')
            words.emplace_back();
        else
            words.back() += c;
    }
    return words;
}

TEST_CASE("words stay as they were typed") {
    struct Row {
        Words arguments;
        Words words;
    };
    const auto row = GENERATE(values<Row>({
        {{"add", "Pay", "rent"}, {"Pay", "rent"}},
        {{"add", "[urgent]", "fix", "[a,b]"}, {"[urgent]", "fix", "[a,b]"}},
        {{"add", "learn", "C", "++", "soon"}, {"learn", "C", "++", "soon"}},
        {{"add", "list", "done", "help"}, {"list", "done", "help"}},
        {{"add", "{}", "%%", ""}, {"{}", "%%", ""}},
        {{"add", "-5", "degrees"}, {"-5", "degrees"}},
        {{"add", "--", "--every", "-x", "--"}, {"--every", "-x", "--"}},
        {{"add", "a", "--tag", "x", "b", "--tag", "y", "c"}, {"a", "b", "c"}},
        {{"channels", "set", "desk", "exec", "--", "sh", "-c", ""},
         {"desk", "exec", "sh", "-c", ""}},
        {{"list", "-"}, {"-"}},
    }));
    CommandLine line;
    const auto chosen = parse(line, row.arguments);
    REQUIRE(chosen);
    CHECK(chosen->words == row.words);
}

TEST_CASE("global options may stand on either side of the command") {
    const auto arguments = GENERATE(values<Words>({
        {"-o", "json", "--quiet", "list"},
        {"list", "-o", "json", "--quiet"},
        {"--output=json", "list", "-q"},
        {"-ojson", "series", "list", "-q"},
        {"series", "-q", "list", "-o", "table", "-o", "json"},
    }));
    CommandLine line;
    const auto chosen = parse(line, arguments);
    REQUIRE(chosen);
    CHECK(chosen->globals.output == "json");
    CHECK(chosen->globals.quiet);
    CHECK(chosen->words.empty());
}

TEST_CASE("an empty value is a value") {
    CommandLine line;
    const auto chosen = parse(line, {"list", "--output=", "TEXT"});
    REQUIRE(chosen);
    CHECK(chosen->globals.output.empty());
    CHECK(chosen->words == Words{"TEXT"});
}

TEST_CASE("what is not known is refused with the nearest that is") {
    struct Row {
        Words arguments;
        std::string message;
    };
    const auto row = GENERATE(values<Row>({
        {{"lst"}, "\"lst\" is not a command; did you mean \"list\"?"},
        {{"foo", "list"}, "\"foo\" is not a command"},
        {{"pause", "3"}, "\"pause\" is not a command; did you mean \"series pause\"?"},
        {{"trigger", "3"}, "\"trigger\" is not a command; did you mean \"runs trigger\"?"},
        {{"logs"}, "\"logs\" is not a command; did you mean \"runs show\"?"},
        {{"why", "3"}, "\"why\" is not a command; did you mean \"explain\"?"},
        {{"crontab", "-l"}, "\"crontab\" is not a command; did you mean \"import crontab\"?"},
        {{"expect", "x", "--at", "4:00"},
         "\"--at\" is not an option of \"taskctl expect\"; did you mean \"--by\"?"},
        {{"runs", "--task", "3"},
         "\"--task\" is not an option of \"taskctl runs\"; the task is an argument"},
        {{"add", "x", "--cron", "0 2 * * *"},
         "\"--cron\" is not an option of \"taskctl add\"; a cron line goes with --every"},
        {{"series", "edit", "3", "--attempts", "3"},
         "\"--attempts\" is not an option of \"taskctl series edit\"; the command of a series is "
         "changed by \"taskctl edit TASK\", for all slots to come"},
        {{"events", "tal"},
         "\"tal\" is not a command of \"taskctl events\"; did you mean \"tail\"?"},
        {{"list", "--projct", "x"},
         "\"--projct\" is not an option of \"taskctl list\"; did you mean \"--project\"?"},
        {{"list", "--qiet"},
         "\"--qiet\" is not an option of \"taskctl list\"; did you mean \"--quiet\"?"},
        {{"--frobnicate", "list"}, "\"--frobnicate\" is not an option of \"taskctl\""},
        {{"list", "-z"}, "\"-z\" is not an option of \"taskctl list\""},
        {{"done"}, "\"taskctl done\" needs TASK..."},
        {{"add", "x", "--every"}, "--every needs a value"},
        {{"status", "now"}, "\"now\" is one word too many for \"taskctl status\""},
        {{"channels", "set", "desk"}, "\"taskctl channels set\" needs NAME KIND [TARGET...]"},
    }));
    CommandLine line;
    const auto chosen = parse(line, row.arguments);
    REQUIRE_FALSE(chosen);
    CHECK(chosen.error().reason == core::Reason::invalid_argument);
    CHECK(chosen.error().message == row.message);
    CHECK_FALSE(chosen.error().hint.empty());
}

TEST_CASE("what others call otherwise is led to its command") {
    const auto word =
        GENERATE(as<std::string>{}, "pause", "resume", "skip", "move", "end", "trigger", "backfill",
                 "logs", "history", "why", "cron", "crontab", "timers");
    CAPTURE(word);
    CommandLine line;
    const auto chosen = parse(line, {word});
    REQUIRE_FALSE(chosen);
    CHECK(chosen.error().message.rfind("\"" + word + "\" is not a command; did you mean \"", 0) ==
          0);
}

TEST_CASE("what is to be run stands behind dashes, and nothing of it is taskctl's") {
    SECTION("understood") {
        struct Row {
            Words arguments;
            std::string command;
            Words words;
        };
        const auto row = GENERATE(values<Row>({
            {{"once", "k", "--", "ls", "--help"}, "once", {"k", "ls", "--help"}},
            {{"-q", "once", "--ttl", "1d", "add", "--", "list"}, "once", {"add", "list"}},
            {{"once", "list", "-o", "json", "k"}, "once list", {"k"}},
            {{"once", "-q", "forget", "k"}, "once forget", {"k"}},
            {{"retry", "--", "ls", "-o", "json", "--"}, "retry", {"ls", "-o", "json", "--"}},
        }));
        CAPTURE(row.arguments);
        CommandLine line;
        const auto chosen = parse(line, row.arguments);
        REQUIRE(chosen);
        CHECK(chosen->command->name == row.command);
        CHECK(chosen->words == row.words);
    }
    SECTION("refused, with the status that is no command's own") {
        const auto arguments = GENERATE(values<Words>({
            {"once", "list", "--", "ls"},
            {"once", "--retry-failed", "status", "--", "make"},
            {"once", "k", "forget", "--", "k5"},
            {"once", "--ttl", "1d", "forget", "k5"},
            {"once", "k", "list"},
            {"once", "k", "ls"},
            {"once", "k", "ls", "--help"},
            {"once", "--help", "--", "ls"},
            {"once", "k", "ls", "--", "x"},
            {"once", "--", "ls"},
            {"retry", "ls"},
            {"retry", "ls", "--version"},
            {"retry", "ls", "--", "x"},
        }));
        CAPTURE(arguments);
        CommandLine line;
        CHECK_FALSE(parse(line, arguments));
        CHECK(line.usage_status() == 120);
    }
}

TEST_CASE("help is for the command it is asked of") {
    CommandLine line;
    const auto chosen = parse(line, {"channels", "set", "--help"});
    REQUIRE(chosen);
    CHECK(chosen->help);
    REQUIRE(chosen->command != nullptr);
    CHECK(chosen->command->name == "channels set");
}

TEST_CASE("nothing at all is no mistake") {
    CommandLine line;
    const auto chosen = parse(line, {});
    REQUIRE(chosen);
    CHECK(chosen->command == nullptr);
}

TEST_CASE("every example is a command line that is understood") {
    std::vector<std::pair<std::string, std::string>> examples;
    CommandLine all;
    register_commands(all);
    for (const auto& command : all.commands()) {
        CAPTURE(command.name);
        CHECK_FALSE(command.examples.empty());
        if (!command.run) continue;
        for (const auto& example : command.examples) examples.emplace_back(command.name, example);
    }
    for (const auto& [name, example] : examples) {
        CAPTURE(example);
        CommandLine line;
        const auto chosen = parse(line, split_example(example));
        REQUIRE(chosen);
        REQUIRE(chosen->command != nullptr);
        // A first step towards a command may be another one: "list --deleted" before "restore".
        CHECK((chosen->command->name == name || name == "restore"));
    }
}

TEST_CASE("every command's help fits the screen") {
    CommandLine line;
    register_commands(line);
    for (const auto& command : line.commands()) {
        CAPTURE(command.name);
        CHECK_FALSE(command.summary.empty());
        const std::string text = help_of(command, line, {});
        std::size_t begin = 0;
        while (begin < text.size()) {
            const auto end = text.find('\n', begin);
            CHECK(display_width(text.substr(begin, end - begin)) <= 80);
            begin = end + 1;
        }
    }
}

TEST_CASE("the manual names every command and every option") {
    std::ifstream file(TASKD_TEST_DATA "/../../man/taskctl.1");
    REQUIRE(file.is_open());
    std::string manual{std::istreambuf_iterator<char>(file), {}};
    for (auto at = manual.find("\\-"); at != std::string::npos; at = manual.find("\\-", at))
        manual.replace(at, 2, "-");
    CommandLine line;
    register_commands(line);
    const auto check_options = [&](const CLI::App& app) {
        for (const auto* option : app.get_options())
            for (const auto& name : option->get_lnames()) {
                CAPTURE(name);
                CHECK(manual.find("--" + name) != std::string::npos);
            }
    };
    check_options(line.root());
    for (const auto& command : line.commands()) {
        CAPTURE(command.name);
        check_options(*command.app);
        if (command.run) CHECK(manual.find(".B " + command.name) != std::string::npos);
    }
}

}  // namespace
}  // namespace taskd::cli
