// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/clock.h"
#include "core/ids.h"
#include "core/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::core {

inline constexpr std::size_t run_key_bytes_max = 255;
inline constexpr std::size_t run_command_bytes_max = 128 * 1024;
inline constexpr std::size_t run_output_bytes_max = 1024 * 1024;
inline constexpr std::size_t run_output_parts_max = 16 * 1024;
inline constexpr std::int64_t run_ttl_ms_max = std::int64_t{3660} * 24 * 3'600'000;

/// On disk: do not change.
enum class RunState { running, succeeded, failed, abandoned };
[[nodiscard]] std::string_view to_string(RunState state);
[[nodiscard]] Result<RunState> run_state_from(std::string_view word);

/// A command that is run once for its key. Who runs it has a lease; when that ends without a word
/// of its holder, the run is abandoned, and the next caller becomes its holder.
struct Run {
    UserId user;
    std::string key;
    std::vector<std::string> command;  ///< argument list
    RunState state = RunState::running;
    std::string holder;        ///< unlike every other process that asked for it
    std::int64_t fence = 0;    ///< higher than that of every holder before
    std::int64_t holders = 1;  ///< how many there were
    std::chrono::milliseconds lease{600'000};
    std::chrono::milliseconds ttl{0};  ///< how long it is remembered once it has ended
    Timestamp started;
    std::optional<Timestamp> finished{};
    /// When the lease ends, and once it has ended, when it is forgotten; its row in timer.
    Timestamp until;
    int status = 0;                     ///< as a shell has it: 128 and the number of a signal
    std::chrono::milliseconds took{0};  ///< by the holder's own clock
    std::int64_t output_bytes = 0;      ///< all that was printed, kept or not

    bool operator==(const Run&) const = default;
};

/// A piece of what a command printed, in the order in which it came.
struct RunOutput {
    std::string stream;  ///< stdout or stderr
    std::string bytes;

    bool operator==(const RunOutput&) const = default;
};

/// What a caller asks for with a key.
struct RunRequest {
    std::string key;
    std::vector<std::string> command;
    std::string holder;
    std::chrono::milliseconds lease{600'000};
    std::chrono::milliseconds ttl{std::chrono::hours{7 * 24}};
    bool retry_failed = false;  ///< only a success is remembered
};
/// Errors: invalid_argument - names the field.
[[nodiscard]] Result<void> check_run(const RunRequest& request);

/// fresh: the caller is to run it. held: it is the caller's already. busy: somebody else runs it.
/// ended: it was run. conflict: the key is another command's.
enum class Claim { fresh, held, busy, ended, conflict };
/// `known` as its timer has left it.
[[nodiscard]] Claim claim_of(const std::optional<Run>& known, const RunRequest& request);

/// Whether it is no longer remembered, also before its timer has gone off.
[[nodiscard]] bool is_forgotten(const Run& run, Timestamp now);

/// A new holder begins.
[[nodiscard]] Run claimed(const std::optional<Run>& known, const RunRequest& request,
                          const UserId& user, std::int64_t fence, Timestamp now);

/// Its holder lives. A lease that ran out is good again while nobody else has the run.
[[nodiscard]] Run extended(Run run, Timestamp now);

[[nodiscard]] Run ended(Run run, int status, std::chrono::milliseconds took,
                        std::int64_t output_bytes, Timestamp now);

/// The lease ran out.
[[nodiscard]] Run abandoned(Run run, Timestamp now);

/// The clock was set back: nothing lasts longer than it would from now on.
[[nodiscard]] Run clock_set_back(Run run, Timestamp now);

}  // namespace taskd::core
