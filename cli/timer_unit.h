// SPDX-License-Identifier: Apache-2.0
// Timer units of systemd with the services that they start, see systemd.timer(5).
#pragma once

#include "cli/service_unit.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace taskd::cli {

inline constexpr std::size_t timer_schedules_max = 100;  ///< each is a series of its own
inline constexpr std::size_t timer_files_max = 10'000;   ///< of one folder

/// One OnCalendar= of a timer.
struct TimerEntry {
    std::string file;  ///< the timer's name
    int line = 0;
    std::string text{};      ///< "OnCalendar=daily ExecStart=/usr/bin/backup"
    std::string schedule{};  ///< "daily"
    std::string summary{};
    ServiceCommand command{};
    std::optional<std::chrono::milliseconds> jitter{};
    bool persistent = false;  ///< the latest of what was missed is made up for
    std::vector<std::string> notes{};
    std::string problem{};  ///< why it can't be kept; "" where it can
};

/// The entries of a timer, one at least: a file that has none or can't be read is a problem.
[[nodiscard]] std::vector<TimerEntry> read_timer(const std::string& path, const UnitCaller& caller);

/// The timers that a path names: itself, or those in that folder by their names.
///
/// Errors: invalid_argument on `path` - it is not there, is no .timer, or the folder has too many.
[[nodiscard]] core::Result<std::vector<std::string>> timer_files(const std::string& path);

}  // namespace taskd::cli
