// SPDX-License-Identifier: Apache-2.0
// Standard input for several attempts of a command, each from its beginning.
#pragma once

#include "cli/unique_fd.h"
#include "core/result.h"

#include <array>
#include <cstdint>
#include <poll.h>

namespace taskd::cli {

/// A file is read again from where it was; what comes through a pipe or a socket is kept in a
/// temporary file. A terminal is the command's own, and is not replayed.
///
/// Of a pipe nothing is taken that no attempt has read: whoever has it too, such as the shell whose
/// script it is, finds the rest where the last attempt left it. So the attempt has a pipe with room
/// for one page, and what comes is shown to it there without being taken, by tee(2) or MSG_PEEK.
/// When that pipe is empty it was read, and only then is it taken and kept; what the attempt leaves
/// in it at its end never is.
class ReplayedInput {
public:
    /// Errors: internal - there is no room for a temporary file.
    [[nodiscard]] static core::Result<ReplayedInput> open(int source);

    /// Begins an attempt: what its standard input is, -1 for none. It stays valid until started()
    /// was called.
    [[nodiscard]] core::Result<int> begin();
    /// The command has its own copy.
    void started() { command_.reset(); }
    /// The attempt is over, or reads no more: takes what it has read.
    void end();

    /// What to poll for: the source and the command's pipe; -1 for nothing.
    [[nodiscard]] std::array<pollfd, 2> polls() const;
    /// Moves what can be moved without waiting.
    void move(const std::array<pollfd, 2>& polled);

    /// Why the command can't be given the rest, or "". It must not take what it has for all.
    [[nodiscard]] const std::string& fault() const { return fault_; }

private:
    enum class Kind { as_it_is, file, pipe, socket };

    [[nodiscard]] bool replays() const { return given_ < kept_size_; }
    void take_what_was_read();
    void keep(std::int64_t count);
    void give_kept();
    void show_source();
    [[nodiscard]] std::int64_t show_socket();
    void fail(int why);

    Kind kind_ = Kind::as_it_is;
    int source_ = -1;
    std::int64_t start_ = 0;  ///< of a file
    UniqueFd kept_{};         ///< of a stream, what attempts have read so far
    std::int64_t kept_size_ = 0;
    std::int64_t given_ = 0;  ///< of that, to this attempt
    std::int64_t shown_ = 0;  ///< is in its pipe, and still in the source too
    bool is_empty_ = false;   ///< its pipe
    UniqueFd command_{};      ///< the end that the command reads
    UniqueFd pipe_{};         ///< the end that we write
    std::string fault_{};
};

}  // namespace taskd::cli
