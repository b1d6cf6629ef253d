// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/unique_fd.h"

#include <cstddef>
#include <string>

namespace taskd::daemon {

/// What a command prints, as it comes through a pipe: the last of it is kept, and all of it may go
/// to the journal.
class RunOutput {
public:
    RunOutput() = default;
    /// `pipe` does not block. `journal` is a stream of it, or none: what does not fit into it at
    /// once is left out there, since a journal that is slow must not keep the other commands.
    explicit RunOutput(UniqueFd pipe, UniqueFd journal = {});

    /// For poll(); -1 once it is at its end.
    [[nodiscard]] int fd() const { return pipe_.get(); }

    /// Takes one piece; gives whether there may be more.
    bool read_some();
    /// Takes what is there when the command has ended: what it left running may write for ever.
    void read_rest();

    /// The last of it as text, headed by how much is left out.
    [[nodiscard]] std::string text();

private:
    void keep_last();

    UniqueFd pipe_;
    UniqueFd journal_;
    std::string kept_;
    std::size_t left_out_ = 0;  ///< bytes before what is kept
};

}  // namespace taskd::daemon
