// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/command_flags.h"

#include "cli/spawn.h"
#include "core/span.h"
#include "core/text.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>

namespace taskd::cli {
namespace {

using core::CommandEdit;
using core::Result;

/// What a command finds of this environment without being asked for.
constexpr std::array recorded{"PATH",   "HOME",     "USER",        "LOGNAME", "SHELL", "LANG",
                              "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "LC_TIME", "TZ"};

Result<std::string> variable_from(const std::string& text) {
    if (text.find('=') != std::string::npos) return text;
    // taskctl starts no thread that changes the environment.
    if (const char* value = std::getenv(text.c_str()); value != nullptr) return text + "=" + value;
    return core::invalid_argument(
        "env", "\"" + core::clipped(text, 64) + "\" is not set here; use NAME=VALUE");
}

Result<void> take_span(const char* field, const std::string& text,
                       std::optional<std::chrono::milliseconds>& into) {
    if (text.empty()) return {};
    const auto span = core::parse_span(field, text);
    if (!span) return tl::unexpected(span.error());
    into = *span;
    return {};
}

Result<std::string> absolute(const std::string& directory) {
    std::error_code error;
    const auto path = std::filesystem::absolute(directory.empty() ? "." : directory, error);
    if (error) return core::invalid_argument("cwd", error.message());
    auto text = path.lexically_normal().string();
    if (text.size() > 1 && text.back() == '/') text.pop_back();
    return text;
}

Result<CommandEdit> edit_from(const CommandFlags& flags) {
    CommandEdit edit;
    if (flags.run || !flags.directory.empty()) {
        auto directory = absolute(flags.directory);
        if (!directory) return tl::unexpected(directory.error());
        (flags.directory.empty() ? edit.directory_default : edit.directory) = std::move(*directory);
    }
    if (flags.run)
        for (const char* name : recorded)
            if (const char* value = std::getenv(name); value != nullptr)
                edit.environment_default.push_back(std::string(name) + "=" + value);
    for (const auto& text : flags.environment) {
        auto variable = variable_from(text);
        if (!variable) return tl::unexpected(variable.error());
        edit.environment.push_back(std::move(*variable));
    }
    if (auto good = take_span("time-limit", flags.time_limit, edit.time_limit); !good)
        return tl::unexpected(good.error());
    if (auto good = take_span("jitter", flags.jitter, edit.jitter); !good)
        return tl::unexpected(good.error());
    std::optional<std::chrono::milliseconds> delay;
    if (auto good = take_span("retry-delay", flags.delay, delay); !good)
        return tl::unexpected(good.error());
    if (!flags.attempts.empty() || delay) {
        auto retry = core::Command{}.retry;
        if (flags.attempts.empty())
            return core::invalid_argument("retry-delay", "goes with --attempts");
        const auto attempts = number_from("attempts", flags.attempts, 1, 100);
        if (!attempts) return tl::unexpected(attempts.error());
        retry.attempts_max = static_cast<int>(*attempts);
        if (delay) {
            retry.initial = *delay;
            retry.max = std::max(retry.max, *delay);
        }
        edit.retry = retry;
    }
    if (!flags.not_after.empty()) edit.not_after = flags.not_after == "none" ? "" : flags.not_after;
    if (!flags.group.empty()) edit.group = flags.group == "none" ? "" : flags.group;
    return edit;
}

}  // namespace

bool CommandFlags::is_given() const {
    const auto is_set = [](const std::string* text) { return !text->empty(); };
    const std::array texts{&directory, &time_limit, &attempts, &delay, &jitter, &not_after, &group};
    return run || !environment.empty() || std::any_of(texts.begin(), texts.end(), is_set);
}

void add_command_flags(CLI::App& app, CommandFlags& flags) {
    add_switch(app, "--run", flags.run, "run the COMMAND behind -- at its time");
    add_text(app, "--cwd", flags.directory, "DIR", "where it runs (default: here)");
    add_texts(app, "--env", flags.environment, "NAME[=VALUE]",
              "a variable beside PATH, HOME and the like; may be repeated");
    add_text(app, "--time-limit", flags.time_limit, "SPAN",
             "TERM after so long, then KILL (default 1 day)");
    add_text(app, "--attempts", flags.attempts, "N", "try so often in all (default 1)");
    add_text(app, "--retry-delay", flags.delay, "SPAN",
             "before the second try, and twice as long each time (default 10s)");
    add_text(app, "--not-after", flags.not_after, "TIME", "do not begin after this time of day");
    add_text(app, "--jitter", flags.jitter, "SPAN",
             "begin up to so long later, also what is late after a night");
    add_text(app, "--group", flags.group, "WORD", "one command of a group at a time");
}

Result<std::optional<CommandEdit>> take_command(const CommandFlags& flags, const Words& arguments,
                                                Words& words) {
    if (!flags.is_given()) return std::optional<CommandEdit>();
    auto edit = edit_from(flags);
    if (!edit) return tl::unexpected(edit.error());
    if (!flags.run) return std::optional(std::move(*edit));
    const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
    const auto behind =
        dashes == arguments.end() ? 0 : static_cast<std::size_t>(arguments.end() - dashes) - 1;
    if (behind == 0 || behind > words.size())
        return core::invalid_argument("run", "needs the command behind --",
                                      "taskctl add Backup --every day --run -- ./backup --all");
    edit->argv.emplace(words.end() - static_cast<std::ptrdiff_t>(behind), words.end());
    words.resize(words.size() - behind);
    return std::optional(std::move(*edit));
}

std::string command_words(const core::Command& command) {
    return "runs " + core::command_line(command.argv) + " in " + command.directory;
}

std::vector<Field> command_fields(const core::Command& command) {
    using std::chrono::duration_cast;
    using std::chrono::seconds;
    std::vector<Field> fields{{"command", {core::command_line(command.argv)}},
                              {"directory", {command.directory}}};
    for (const auto& variable : command.environment) fields.push_back({"environment", {variable}});
    fields.push_back(
        {"time limit", {core::format_span(duration_cast<seconds>(command.time_limit))}});
    if (command.retry.attempts_max > 1)
        fields.push_back({"attempts",
                          {std::to_string(command.retry.attempts_max) + ", the second after " +
                           core::format_span(duration_cast<seconds>(command.retry.initial))}});
    if (command.jitter.count() > 0)
        fields.push_back({"jitter", {core::format_span(duration_cast<seconds>(command.jitter))}});
    if (!command.not_after.empty()) fields.push_back({"not after", {command.not_after}});
    if (!command.group.empty()) fields.push_back({"group", {command.group}});
    return fields;
}

void warn_of_program(Context& context, const core::Command& command) {
    if (const auto good = check_runnable(command.argv.front()); !good)
        context.screen().warn(good.error().message);
}

}  // namespace taskd::cli
