// SPDX-License-Identifier: Apache-2.0
// A user's crontab as its cron reads it, see crontab(5).
#pragma once

#include "cli/our_rule.h"
#include "core/clock.h"
#include "core/result.h"
#include "core/time_zone.h"

#include <cstddef>
#include <string>
#include <vector>

namespace taskd::cli {

/// One line that runs something.
struct CrontabEntry {
    int line = 0;
    std::string text;      ///< as it stands there
    std::string schedule;  ///< its five fields, or "@daily"
    std::string script;    ///< for the shell; the text behind % is its standard input
    std::string shell = "/bin/sh";
    std::string directory;                 ///< the home directory
    std::vector<std::string> environment;  ///< NAME=VALUE
    std::string tzid;                      ///< CRON_TZ; "" for the machine's
    std::vector<std::string> notes;        ///< what of it is kept in another way
    std::string problem;                   ///< why it is no entry; "" where it is one
};

inline constexpr std::size_t crontab_bytes_max = 1024 * 1024;

/// The entries of a crontab, whether or not their schedules can be kept, and the lines that are
/// neither entry, assignment nor comment. `home` and `user` are what cron gives each of them; an
/// empty user is not recorded.
[[nodiscard]] std::vector<CrontabEntry> parse_crontab(const std::string& text,
                                                      const std::string& home,
                                                      const std::string& user);

/// What an entry's schedule is as a rule of ours: one, or two that share no slot where cron takes
/// either the day of month or the day of week.
/// Errors: invalid_argument on `every` - no rule can say it.
[[nodiscard]] core::Result<std::vector<OurRule>> rules_of(const std::string& schedule);

/// When Debian's cron would run a schedule next, after `from`: at most `count` times, within forty
/// years. A fixed time that the clock skips comes when it has skipped it, and one that it shows
/// twice comes once; with * in minute or hour it goes by the clock.
///
/// Source: cron(8), NOTES on daylight saving time; crontab(5) on days.
[[nodiscard]] std::vector<core::Timestamp> cron_times(const std::string& schedule,
                                                      core::Timestamp from,
                                                      const core::TimeZone& zone,
                                                      std::size_t count);

}  // namespace taskd::cli
