// SPDX-License-Identifier: Apache-2.0
#include "core/command.h"

#include "core/text.h"
#include "core/vocabulary.h"

#include <algorithm>
#include <cstdint>

namespace taskd::core {
namespace {

using std::chrono::days;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t directory_bytes_max = 4096;
constexpr std::size_t group_bytes_max = 64;
constexpr int attempts_most = 100;
constexpr milliseconds backoff_most = std::chrono::hours{24};

Result<void> check_span(const char* field, milliseconds value, milliseconds low,
                        milliseconds high) {
    if (low <= value && value <= high) return {};
    return invalid_argument(field, std::to_string(value.count()) + " is not accepted; use " +
                                       std::to_string(low.count()) + " to " +
                                       std::to_string(high.count()));
}

std::string_view name_of(std::string_view variable) {
    return variable.substr(0, variable.find('='));
}

Result<void> check_environment(std::vector<std::string>& environment) {
    const char* const field = "command.environment";
    std::size_t bytes = 0;
    for (const auto& variable : environment) {
        bytes += variable.size() + 1;
        const auto name = name_of(variable);
        if (name.empty() || name.size() == variable.size() ||
            variable.find('\0') != std::string::npos || has_control(name))
            return invalid_argument(
                field, "\"" + clipped(variable, 64) + "\" is not accepted; use NAME=VALUE");
        if (name.rfind("TASKD_", 0) == 0)
            return invalid_argument(field, std::string(name) + " is set by taskd itself");
    }
    if (bytes > environment_bytes_max)
        return invalid_argument(
            field, "is " + std::to_string(bytes) + " bytes long; at most 65536 are accepted");
    // Of two with one name the later counts, as in a shell.
    std::reverse(environment.begin(), environment.end());
    const auto less = [](const auto& a, const auto& b) { return name_of(a) < name_of(b); };
    std::stable_sort(environment.begin(), environment.end(), less);
    const auto same = [](const auto& a, const auto& b) { return name_of(a) == name_of(b); };
    environment.erase(std::unique(environment.begin(), environment.end(), same), environment.end());
    return {};
}

Result<void> check_retry(const RetryPolicy& retry) {
    if (retry.attempts_max < 1 || retry.attempts_max > attempts_most)
        return invalid_argument(
            "command.retry.attempts_max",
            std::to_string(retry.attempts_max) + " is not accepted; use 1 (no second try) to 100");
    if (auto good =
            check_span("command.retry.backoff_ms", retry.initial, milliseconds{1}, backoff_most);
        !good)
        return good;
    return check_span("command.retry.backoff_max_ms", retry.max, retry.initial, backoff_most);
}

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_@%+=:,./-").find(c) != std::string_view::npos;
}

}  // namespace

Result<void> check_argv(const std::string& field, const std::vector<std::string>& argv,
                        std::string hint) {
    std::size_t bytes = 0;
    for (const auto& word : argv) {
        bytes += word.size() + 1;
        if (word.find('\0') != std::string::npos)
            return invalid_argument(field, "has a NUL character, which no program can take");
    }
    if (argv.empty() || argv.front().empty())
        return invalid_argument(field, "is empty; name the program to run", std::move(hint));
    if (bytes > argv_bytes_max)
        return invalid_argument(
            field, "is " + std::to_string(bytes) + " bytes long; at most 65536 are accepted");
    return {};
}

Result<Command> checked(Command command) {
    if (auto good = check_argv("command.argv", command.argv, "taskctl add ... --run -- PROGRAM");
        !good)
        return tl::unexpected(good.error());
    if (command.directory.empty()) command.directory = "/";
    if (command.directory.front() != '/' || command.directory.size() > directory_bytes_max ||
        command.directory.find('\0') != std::string::npos)
        return invalid_argument("command.directory", "\"" + clipped(command.directory, 64) +
                                                         "\" is not an absolute path");
    if (auto good = check_environment(command.environment); !good)
        return tl::unexpected(good.error());
    if (auto good =
            check_span("command.time_limit_ms", command.time_limit, seconds{1}, time_limit_max);
        !good)
        return tl::unexpected(good.error());
    if (auto good = check_retry(command.retry); !good) return tl::unexpected(good.error());
    if (auto good = check_span("command.jitter_ms", command.jitter, milliseconds{0}, jitter_max);
        !good)
        return tl::unexpected(good.error());
    if (!command.not_after.empty()) {
        const auto time = time_of_day({command.not_after});
        if (!time)
            return invalid_argument("command.not_after", "\"" + clipped(command.not_after, 64) +
                                                             "\" is not a time of day such as "
                                                             "06:00");
        command.not_after = clock_words(*time);
    }
    if (command.group.size() > group_bytes_max || !is_utf8(command.group) ||
        has_control(command.group) || command.group.find_first_of(" \t,\"") != std::string::npos)
        return invalid_argument("command.group",
                                "\"" + clipped(command.group, 64) +
                                    "\" is not accepted; use one word of up to 64 bytes");
    return command;
}

Result<std::optional<Command>> edited(const std::optional<Command>& command,
                                      const CommandEdit& edit) {
    if (edit.remove) return std::optional<Command>();
    Command after = command.value_or(Command{});
    if (edit.argv) after.argv = *edit.argv;
    if (edit.directory_default) after.directory = *edit.directory_default;
    if (edit.directory) after.directory = *edit.directory;
    after.environment.insert(after.environment.end(), edit.environment_default.begin(),
                             edit.environment_default.end());
    after.environment.insert(after.environment.end(), edit.environment.begin(),
                             edit.environment.end());
    if (edit.time_limit) after.time_limit = *edit.time_limit;
    if (edit.retry) after.retry = *edit.retry;
    if (edit.jitter) after.jitter = *edit.jitter;
    if (edit.not_after) after.not_after = *edit.not_after;
    if (edit.group) after.group = *edit.group;
    auto good = checked(std::move(after));
    if (!good) return tl::unexpected(good.error());
    return std::optional(std::move(*good));
}

std::string command_line(const std::vector<std::string>& argv) {
    std::string line;
    for (const auto& word : argv) {
        if (!line.empty()) line += ' ';
        if (!word.empty() && std::all_of(word.begin(), word.end(), is_plain)) {
            line += word;
            continue;
        }
        line += '\'';
        for (const char c : word) {
            if (c == '\'')
                line += "'\\''";
            else
                line += c;
        }
        line += '\'';
    }
    return line;
}

milliseconds jitter_of(const Command& command, const TaskId& task) {
    if (command.jitter.count() == 0) return milliseconds{0};
    // The id is random itself; FNV-1a makes a number of it.
    std::uint64_t hash = 14695981039346656037U;
    for (const char c : task.str()) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
    return milliseconds{
        static_cast<std::int64_t>(hash % static_cast<std::uint64_t>(command.jitter.count()))};
}

std::optional<Timestamp> last_moment(const Command& command, Timestamp due, const TimeZone& zone) {
    if (command.not_after.empty()) return {};
    const auto time = time_of_day({command.not_after});
    if (!time) return {};
    const LocalTime local = zone.to_local(due);
    LocalTime until = LocalTime{floor<days>(local)} + *time;
    if (until <= local) until += days{1};
    return zone.to_utc(until).at;
}

std::optional<SkipReason> why_not_run(const Command& command, const CalendarTime& due,
                                      const TimeZone& zone, const Policies* policies,
                                      std::int64_t newer, Timestamp now) {
    const auto last = last_moment(command, due.at, zone);
    if (last && now > *last) return SkipReason::not_after;
    if (policies == nullptr) return {};
    const auto late = now - due.at - command.jitter;
    if (late <= on_time) return {};
    if (policies->window.count() > 0 && late > policies->window) return SkipReason::window;
    if (policies->catch_up == CatchUp::skip) return SkipReason::catch_up;
    const auto most = how_many_run(*policies);
    if (most != 0 && newer >= most) return SkipReason::catch_up;
    return {};
}

}  // namespace taskd::core
