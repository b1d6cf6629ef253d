// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "core/ids.h"
#include "core/result.h"
#include "core/retry.h"
#include "core/series.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::core {

/// What taskd runs when a task's time comes. It belongs to a task, or to a series and all its
/// tasks.
struct Command {
    std::vector<std::string> argv;         ///< program and arguments; no shell reads them
    std::string directory;                 ///< absolute, where it runs
    std::vector<std::string> environment;  ///< NAME=VALUE, sorted, each name once
    std::chrono::milliseconds time_limit{std::chrono::hours{24}};  ///< of one attempt
    RetryPolicy retry{1, std::chrono::seconds{10}, 2, std::chrono::minutes{10}};
    std::chrono::milliseconds jitter{0};  ///< begin up to so long later, by chance of the task
    std::string not_after;                ///< "06:00": no attempt begins after it; "" for always
    std::string group;                    ///< of the user's commands in it one runs at a time

    bool operator==(const Command&) const = default;
};

inline constexpr std::size_t argv_bytes_max = 65536;
/// Why a run was begun. On disk and in messages: do not change.
inline constexpr const char* run_by_slot = "slot";          ///< its task's time had come
inline constexpr const char* run_by_start = "start";        ///< its task was started
inline constexpr const char* run_by_trigger = "trigger";    ///< somebody wanted one more
inline constexpr const char* run_by_rule = "rule";          ///< for an event
inline constexpr const char* run_by_backfill = "backfill";  ///< for a slot of the past

inline constexpr std::size_t environment_bytes_max = 65536;
inline constexpr std::chrono::milliseconds time_limit_max = std::chrono::hours{24 * 7};
inline constexpr std::chrono::milliseconds jitter_max = std::chrono::hours{24};

/// Errors: invalid_argument on `field` - no program, a NUL, or more than 64 KiB.
[[nodiscard]] Result<void> check_argv(const std::string& field,
                                      const std::vector<std::string>& argv, std::string hint = {});

/// Checks and normalises what was typed.
///
/// Errors: invalid_argument on command.argv, command.directory, .environment, .time_limit_ms,
///         .retry, .jitter_ms, .not_after or .group.
[[nodiscard]] Result<Command> checked(Command command);

/// What of a command is asked for; what is not there stays as it is.
struct CommandEdit {
    std::optional<std::vector<std::string>> argv;
    std::optional<std::string> directory;
    std::vector<std::string> environment;  ///< NAME=VALUE, beside those that there are
    /// Where the caller merely is, and what is set there: for what the two above do not say, and no
    /// part of a request's identity.
    std::optional<std::string> directory_default;
    std::vector<std::string> environment_default;
    std::optional<std::chrono::milliseconds> time_limit;
    std::optional<RetryPolicy> retry;
    std::optional<std::chrono::milliseconds> jitter;
    std::optional<std::string> not_after;
    std::optional<std::string> group;
    bool remove = false;  ///< nothing is run any more
};

/// The command after an edit, checked; none when it was removed.
///
/// Errors: as checked().
[[nodiscard]] Result<std::optional<Command>> edited(const std::optional<Command>& command,
                                                    const CommandEdit& edit);

/// The command line as a shell would take it: ["echo", "a b"] is "echo 'a b'".
[[nodiscard]] std::string command_line(const std::vector<std::string>& argv);

/// How much later than its time the command of this task begins: the same each time it is asked.
[[nodiscard]] std::chrono::milliseconds jitter_of(const Command& command, const TaskId& task);

/// The instant after which no attempt begins, of a slot or task due at `due`; none without one.
[[nodiscard]] std::optional<Timestamp> last_moment(const Command& command, Timestamp due,
                                                   const TimeZone& zone);

/// Why a task's command is not run although its time has come, at `now`; none when it is.
///
/// Shape:  what is late by up to a minute runs. Of a series `newer` slots have passed after it, of
///         which at least how_many_run() were counted: the newest runs, or where all are caught up
///         with, the newest `max`.
[[nodiscard]] std::optional<SkipReason> why_not_run(const Command& command, const CalendarTime& due,
                                                    const TimeZone& zone, const Policies* policies,
                                                    std::int64_t newer, Timestamp now);

/// How many of the slots that were missed are run at most; 0 for no bound.
[[nodiscard]] inline std::int64_t how_many_run(const Policies& policies) {
    return policies.catch_up == CatchUp::all ? effective_max(policies) : 1;
}

}  // namespace taskd::core
