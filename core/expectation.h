// SPDX-License-Identifier: Apache-2.0
// Something that has to report at certain times, and is told of when it does not: a dead-man's
// switch. Each slot of a series is a time by which a ping is expected; a reminder after it goes off
// where none came.
#pragma once

#include "core/series.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskd::core {

enum class PingKind { success, start, fail };
[[nodiscard]] std::string_view to_string(PingKind kind);
[[nodiscard]] Result<PingKind> ping_kind_from(std::string_view word);

/// What a ping did for a slot.
enum class PingOutcome {
    in_time,  ///< not after its slot's time
    late,     ///< after its slot's time, whether or not within the grace
    early,    ///< before the time from which on it counts for the next slot: for none
    started,  ///< what is expected has begun
    failed,   ///< it says that it did not succeed; the slot still waits for a success
    paused,   ///< nothing is expected while the series is paused: for none
};
[[nodiscard]] std::string_view to_string(PingOutcome outcome);
[[nodiscard]] Result<PingOutcome> ping_outcome_from(std::string_view word);

/// ping.received
struct Ping {
    SeriesId series;
    std::string name;
    PingKind kind = PingKind::success;
    PingOutcome outcome = PingOutcome::in_time;
    std::string run;  ///< the sender's own word for this time; "" without
    Timestamp received;
    std::optional<RecurrenceId> recurrence_id;      ///< the slot that it is for
    std::optional<CalendarTime> due;                ///< when it was expected
    std::chrono::milliseconds late{0};              ///< of a late one
    std::optional<std::chrono::milliseconds> took;  ///< since its start was told
    std::uint64_t missed = 0;  ///< slots before its own for which none came, since the last ping
    bool recovered = false;    ///< it ends a time of silence or failure

    bool operator==(const Ping&) const = default;
};

/// A run that said that it has begun, and belongs to the slot of that time whenever it ends.
struct PingStart {
    std::string run;
    Timestamp at;
    std::optional<RecurrenceId> slot;

    bool operator==(const PingStart&) const = default;
};
inline constexpr std::size_t ping_starts_max = 20;  ///< the oldest makes room

struct Expectation {
    SeriesId series;
    std::string name;
    std::chrono::seconds grace{0};  ///< how late a ping may be before somebody is told
    std::chrono::seconds window{
        0};                    ///< how long before its time one counts; 0: since the slot before
    std::string asked;         ///< the request that made it, to know the same one again
    bool by_deadline = false;  ///< the window is half of the span between two slots
    bool failing = false;      ///< it said that it failed, and has not succeeded since then
    std::vector<PingStart> starts;
    std::optional<Ping> last;  ///< but for those that say that it began

    bool operator==(const Expectation&) const = default;
};

inline constexpr std::size_t expectation_name_bytes_max = 100;
inline constexpr std::size_t ping_run_bytes_max = 200;
inline constexpr std::chrono::seconds grace_max{std::chrono::hours{24 * 366}};

/// A name of 1 to 100 printable characters, none of them a space.
///
/// Errors: invalid_argument on `name`.
[[nodiscard]] Result<std::string> checked_expectation_name(const std::string& name);

/// The window of a deadline that was given none: half of the shortest time between two of the
/// slots to come, so that what follows a deadline at once is not taken for the next one's.
[[nodiscard]] std::chrono::seconds deadline_window(const Schedule& schedule, const Slot& from);

/// For which slot a ping at `now` is, while that of `open` waits for one: for this, once its time
/// or else the end of its grace has not passed; else for the newest that may still have its own,
/// or the newest that had none. Nothing is guessed from what came before.
///
/// Shape:  no slot for a ping that is early; `missed` are the slots from `open` up to before it,
///         to be passed over, first `open` itself.
struct PingSlot {
    std::optional<Slot> slot;
    std::vector<SkippedSlots> missed;  ///< behind `open`; empty where the slot is `open`
    Timestamp opens;                   ///< of an early one: when the next slot begins to count
};
[[nodiscard]] PingSlot slot_for_ping(const Schedule& schedule, const Expectation& expectation,
                                     const Slot& open, Timestamp now);

/// The start of the run of this name, which may be "".
[[nodiscard]] const PingStart* start_of(const Expectation& expectation, const std::string& run);

}  // namespace taskd::core
