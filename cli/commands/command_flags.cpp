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
using std::chrono::seconds;

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

/// A span of an option that was given, within its bounds; `none` is what takes it back.
struct SpanOption {
    const char* name;
    const std::string& text;
    std::chrono::milliseconds low, high;
    std::optional<std::chrono::milliseconds> none{};
};

Result<void> take_span(const SpanOption& option, std::optional<std::chrono::milliseconds>& into) {
    using std::chrono::duration_cast;
    if (option.text == untouched) return {};
    if (option.none && option.text == "none") {
        into = option.none;
        return {};
    }
    const auto span = span_from(option.name, option.text);
    if (!span) return tl::unexpected(span.error());
    if (*span < option.low || *span > option.high)
        return core::invalid_argument(
            option.name, "\"" + core::clipped(option.text, 64) + "\" is not accepted; use " +
                             core::format_span(duration_cast<seconds>(option.low)) + " to " +
                             core::format_span(duration_cast<seconds>(option.high)));
    into = *span;
    return {};
}

/// Without the option, the current directory.
Result<std::string> absolute(const std::string& directory) {
    if (directory.empty())
        return core::invalid_argument("cwd", "is empty; name the directory that it runs in",
                                      "--cwd . is this one");
    std::error_code error;
    const auto path = std::filesystem::absolute(directory == untouched ? "." : directory, error);
    if (error) return core::invalid_argument("cwd", error.message());
    auto text = path.lexically_normal().string();
    if (text.size() > 1 && text.back() == '/') text.pop_back();
    return text;
}

Result<std::optional<core::RetryPolicy>> retry_from(const CommandFlags& flags) {
    std::optional<std::chrono::milliseconds> delay;
    const SpanOption option{"retry-delay", flags.delay, seconds{1}, std::chrono::hours{24}};
    if (auto good = take_span(option, delay); !good) return tl::unexpected(good.error());
    if (flags.attempts == untouched && !delay) return std::optional<core::RetryPolicy>();
    if (flags.attempts == untouched)
        return core::invalid_argument("retry-delay", "goes with --attempts");
    const auto attempts = number_from("attempts", flags.attempts, 1, 100);
    if (!attempts) return tl::unexpected(attempts.error());
    auto retry = core::Command{}.retry;
    retry.attempts_max = static_cast<int>(*attempts);
    if (delay) {
        retry.initial = *delay;
        retry.max = std::max(retry.max, *delay);
    }
    return std::optional(retry);
}

Result<CommandEdit> edit_from(const CommandFlags& flags) {
    CommandEdit edit;
    if (flags.run || flags.directory != untouched) {
        auto directory = absolute(flags.directory);
        if (!directory) return tl::unexpected(directory.error());
        (flags.directory == untouched ? edit.directory_default : edit.directory) =
            std::move(*directory);
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
    const SpanOption limit{"time-limit", flags.time_limit, seconds{1}, core::time_limit_max,
                           core::Command{}.time_limit};
    if (auto good = take_span(limit, edit.time_limit); !good) return tl::unexpected(good.error());
    const SpanOption jitter{"jitter", flags.jitter, seconds{0}, core::jitter_max, seconds{0}};
    if (auto good = take_span(jitter, edit.jitter); !good) return tl::unexpected(good.error());
    auto retry = retry_from(flags);
    if (!retry) return tl::unexpected(retry.error());
    edit.retry = *retry;
    const auto word = [](const std::string& text) { return text == "none" ? "" : text; };
    if (flags.not_after != untouched) edit.not_after = word(flags.not_after);
    if (flags.group != untouched) edit.group = word(flags.group);
    return edit;
}

/// What stands behind "--" is a command only with --run; without it, it would be taken for words.
Result<void> check_dashes(std::size_t before, std::size_t behind) {
    if (before == 0 || behind == 0) return {};
    return core::invalid_argument(
        "run",
        "there are words before and behind --; --run has taskd run what stands behind as a command",
        "add --run for that; only where no word stands before it, -- lets a summary begin with a "
        "dash");
}

/// "up to 3 attempts, 10s before the second; ended after 2h", what is not the default of how it
/// runs; "" where all is.
std::string how_words(const core::Command& command) {
    using std::chrono::duration_cast;
    const core::Command usual;
    std::vector<std::string> parts;
    const auto span = [](std::chrono::milliseconds value) {
        return core::format_span(duration_cast<seconds>(value));
    };
    if (command.retry.attempts_max > 1)
        parts.push_back("up to " + std::to_string(command.retry.attempts_max) + " attempts, " +
                        span(command.retry.initial) + " before the second");
    if (command.time_limit != usual.time_limit)
        parts.push_back("ended after " + span(command.time_limit));
    if (!command.not_after.empty()) parts.push_back("not after " + command.not_after);
    if (command.jitter.count() > 0) parts.push_back("up to " + span(command.jitter) + " later");
    if (!command.group.empty()) parts.push_back("one of group " + command.group + " at a time");
    return core::join(parts, "; ");
}

}  // namespace

std::string CommandFlags::first() const {
    for (const auto& [name, text] : {std::pair{"cwd", &directory},
                                     {"time-limit", &time_limit},
                                     {"attempts", &attempts},
                                     {"retry-delay", &delay},
                                     {"not-after", &not_after},
                                     {"jitter", &jitter},
                                     {"group", &group}})
        if (*text != untouched) return name;
    return environment.empty() ? "" : "env";
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
    const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
    const auto all =
        dashes == arguments.end() ? 0 : static_cast<std::size_t>(arguments.end() - dashes) - 1;
    const auto behind = std::min(all, words.size());
    if (!flags.run)
        if (auto good = check_dashes(words.size() - behind, behind); !good)
            return tl::unexpected(good.error());
    if (!flags.is_given()) return std::optional<CommandEdit>();
    auto edit = edit_from(flags);
    if (!edit) return tl::unexpected(edit.error());
    if (!flags.run) return std::optional(std::move(*edit));
    if (behind == 0)
        return core::invalid_argument("run", "needs the command behind --",
                                      "taskctl add Backup --every day --run -- ./backup --all");
    edit->argv.emplace(words.end() - static_cast<std::ptrdiff_t>(behind), words.end());
    words.resize(words.size() - behind);
    return std::optional(std::move(*edit));
}

core::Error in_option_words(core::Error error) {
    for (const auto& [field, option] : {std::pair<std::string, std::string>{"command.argv", "run"},
                                        {"command.directory", "cwd"},
                                        {"command.environment", "env"},
                                        {"command.time_limit_ms", "time-limit"},
                                        {"command.retry.attempts_max", "attempts"},
                                        {"command.retry.backoff_ms", "retry-delay"},
                                        {"command.jitter_ms", "jitter"},
                                        {"command.not_after", "not-after"},
                                        {"command.group", "group"}}) {
        if (error.field != field) continue;
        error.field = option;
        if (error.message.rfind(field, 0) == 0) error.message.replace(0, field.size(), option);
        break;
    }
    return error;
}

std::string command_text(const core::Command& command) {
    std::string text = "  runs " + visible(core::command_line(command.argv)) + " in " +
                       visible(command.directory) + "\n";
    if (const auto how = how_words(command); !how.empty()) text += "  " + visible(how) + "\n";
    return text;
}

std::vector<Field> command_fields(const core::Command& command) {
    using std::chrono::duration_cast;
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

void warn_of_command(Context& context, const core::Command& command) {
    std::error_code error;
    if (!std::filesystem::is_directory(command.directory, error))
        context.screen().warn("\"" + core::clipped(command.directory, 200) +
                              "\" is no directory, and the command can't begin without it");
    // With a slash it is looked for from its own directory.
    auto program = command.argv.front();
    if (program.find('/') != std::string::npos && program.front() != '/')
        program = command.directory + "/" + program;
    if (const auto good = check_runnable(program); !good)
        context.screen().warn(good.error().message);
}

}  // namespace taskd::cli
