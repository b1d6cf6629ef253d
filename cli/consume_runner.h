// SPDX-License-Identifier: Apache-2.0
// One run of the command of "events consume": a process group of its own, events on its standard
// input, verdicts from a pipe. Nothing here blocks.
#pragma once

#include "cli/consume_rules.h"
#include "cli/unique_fd.h"
#include "core/result.h"
#include "ipc/messages.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace taskd::cli {

/// What is the same for every run.
struct ConsumeCommand {
    std::vector<std::string> argv;
    std::string group;
    bool batch = false;  ///< several events: no variables about a single one
};

/// A verdict that the command wrote: the event's number, and what of it.
using WrittenVerdict = std::pair<std::int64_t, Verdict>;

class ConsumeRun {
public:
    /// Errors: not_found - the command is not there or not executable; internal - anything else.
    [[nodiscard]] static core::Result<ConsumeRun> start(const ConsumeCommand& command,
                                                        const std::vector<ipc::Leased>& events);
    ConsumeRun(ConsumeRun&&) noexcept = default;
    ConsumeRun& operator=(ConsumeRun&&) noexcept = default;
    ConsumeRun(const ConsumeRun&) = delete;
    ConsumeRun& operator=(const ConsumeRun&) = delete;
    ~ConsumeRun() = default;

    /// To poll for writing, -1 when everything was written or nobody reads.
    [[nodiscard]] int input() const { return input_.get(); }
    void write_input();

    /// To poll for reading, -1 when nothing more comes.
    [[nodiscard]] int results() const { return results_.get(); }
    /// The verdicts that came; lines that say something else go to `strange`.
    [[nodiscard]] std::vector<WrittenVerdict> read_results(std::vector<std::string>& strange);

    /// waitpid's status once the command has ended.
    [[nodiscard]] std::optional<int> collect();

    /// Sends a signal that ends it to all of its processes; who ignores it is killed once the
    /// command itself has ended.
    void signal(int number);

private:
    ConsumeRun(pid_t pid, UniqueFd input, UniqueFd results, std::string text)
        : pid_(pid),
          input_(std::move(input)),
          results_(std::move(results)),
          text_(std::move(text)) {}

    pid_t pid_;
    UniqueFd input_;
    UniqueFd results_;
    std::string text_;  ///< for its standard input
    std::size_t written_ = 0;
    std::string line_;  ///< the begin of a verdict
    bool line_too_long_ = false;
    bool ended_by_us_ = false;
};

/// "12 ack" and the like; none for anything else.
[[nodiscard]] std::optional<WrittenVerdict> verdict_from(std::string_view line);

/// The variables of a run of `events`, over those of this process.
[[nodiscard]] std::map<std::string, std::string> consume_variables(
    const ConsumeCommand& command, const std::vector<ipc::Leased>& events);

}  // namespace taskd::cli
