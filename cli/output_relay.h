// SPDX-License-Identifier: Apache-2.0
// What a command prints goes on at once, and is kept.
#pragma once

#include "cli/unique_fd.h"
#include "core/run.h"

#include <poll.h>
#include <string>
#include <vector>

namespace taskd::cli {

/// What was printed, in the order in which it came, as far as run_output_bytes_max and
/// run_output_parts_max allow; the rest is counted.
class KeptOutput {
public:
    void add(const std::string& stream, std::string_view bytes);

    [[nodiscard]] const std::vector<core::RunOutput>& parts() const { return parts_; }
    [[nodiscard]] std::int64_t bytes() const { return bytes_; }

private:
    std::vector<core::RunOutput> parts_{};
    std::size_t kept_ = 0;
    std::int64_t bytes_ = 0;
    bool is_full_ = false;
};

/// One stream of a command: read from its pipe, written to ours. No more is read while what came
/// before has not been written, so that a command is as slow as its reader. When our reader has
/// gone, the pipe is closed and the command finds out as it would have without us.
class OutputRelay {
public:
    /// `stream` is stdout or stderr; `to` is left open.
    OutputRelay(std::string stream, int to, KeptOutput& kept);

    /// The end that the command writes to, for its start.
    [[nodiscard]] int command_end() const { return command_end_.get(); }
    void started() { command_end_ = UniqueFd(); }

    [[nodiscard]] pollfd polled() const;
    void move(const pollfd& polled);

    /// Takes what the command has left in its pipe, after its end.
    void drain();
    /// Writes all that is left, however long it takes.
    void flush();
    /// Why something could not be written, and not because nobody reads it; or 0.
    [[nodiscard]] int error() const { return error_; }

private:
    bool read_some();
    void write_some(std::size_t bytes_max);

    std::string stream_;
    int to_;
    KeptOutput& kept_;
    UniqueFd command_end_;
    UniqueFd pipe_;
    std::string pending_{};
    int error_ = 0;
};

}  // namespace taskd::cli
