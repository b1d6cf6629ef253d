// SPDX-License-Identifier: Apache-2.0
// Standard input for several attempts of a command, each from its beginning.
#pragma once

#include "cli/unique_fd.h"
#include "core/result.h"

#include <array>
#include <cstdint>
#include <poll.h>

namespace taskd::cli {

/// A file is read again from where it was; what comes through a pipe is kept in a temporary file
/// while the first attempt reads it. It is never read ahead of the command by more than a block, so
/// one that does not read is not waited for. A terminal is the command's own, and is not replayed.
class ReplayedInput {
public:
    /// Errors: internal - there is no room for a temporary file.
    [[nodiscard]] static core::Result<ReplayedInput> open(int source);

    /// Begins an attempt: what its standard input is, -1 for none. It stays valid until started()
    /// was called.
    [[nodiscard]] core::Result<int> begin();
    /// The command has its own copy.
    void started();

    /// What to poll for: the source or the command's pipe; -1 for nothing.
    [[nodiscard]] std::array<pollfd, 2> polls() const;
    /// Moves what can be moved without waiting.
    void move(const std::array<pollfd, 2>& polled);

    /// Why the command can't be given the rest, or "". It must not take what it has for all.
    [[nodiscard]] const std::string& fault() const { return fault_; }

private:
    enum class Kind { as_it_is, file, stream };

    void read_source();
    void write_command();
    void end_if_all_is_given();

    Kind kind_ = Kind::as_it_is;
    int source_ = -1;
    bool has_ended_ = false;  ///< the source
    std::int64_t start_ = 0;  ///< of a file
    UniqueFd kept_{};         ///< of a stream, what came so far
    std::int64_t kept_size_ = 0;
    std::int64_t given_ = 0;  ///< of that, to this attempt
    UniqueFd command_{};      ///< the end that the command reads
    UniqueFd pipe_{};         ///< the end that we write
    std::string fault_{};
};

}  // namespace taskd::cli
