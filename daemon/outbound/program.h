// SPDX-License-Identifier: Apache-2.0
// Programs that the daemon starts for its users: without a shell, in a process group of their own,
// with an environment that is put together and not inherited.
#pragma once

#include "core/delivery.h"
#include "daemon/job.h"
#include "daemon/unique_fd.h"

#include <chrono>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace taskd::daemon {

struct Pipe {
    UniqueFd read;
    UniqueFd write;
};
/// Throws std::system_error when there are no descriptors left.
[[nodiscard]] Pipe make_pipe();
/// One whose end for us does not block.
[[nodiscard]] Pipe make_output();

/// What a program reads as its standard input: a file of its own in memory, so that nobody waits
/// for it to read. None for "". Throws as make_pipe().
[[nodiscard]] UniqueFd input_of(const std::string& text);

struct Program {
    std::vector<std::string> argv;
    std::vector<std::string> environment;  ///< NAME=VALUE; the first of a name counts
    std::string directory;                 ///< "": the daemon's own
};

/// What a program finds of the daemon's own environment: its home, its language and the desktop.
[[nodiscard]] std::vector<std::string> inherited_environment();

/// NAME=VALUE for each, without what a variable can't hold.
void append_variables(std::vector<std::string>& environment,
                      const std::vector<std::pair<std::string, std::string>>& variables);

/// The absolute path of what it runs, by the PATH that it gets itself; "" where that has none.
[[nodiscard]] std::string file_of(const Program& program);

/// Starts it with all signals as new. `input` is its standard input, none is /dev/null; `output`
/// gets both of its streams.
///
/// Shape:  the pid, or the negative error number.
[[nodiscard]] pid_t start(const Program& program, int input, int output);

/// What a program printed as text: UTF-8, or with ? for what is none. A limit that cut it may have
/// cut a character in two.
enum class Cut { none, front, back };
[[nodiscard]] std::string readable(std::string text, Cut cut);

/// From a status of waitpid, and what was printed as readable text.
[[nodiscard]] core::Outcome outcome_of(int status, std::string text);

/// "30 s", "1500 ms"
[[nodiscard]] std::string in_words(std::chrono::milliseconds span);

inline constexpr std::chrono::milliseconds kill_after{2000};  ///< from TERM to KILL

}  // namespace taskd::daemon
