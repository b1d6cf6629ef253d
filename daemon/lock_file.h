// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"
#include "daemon/unique_fd.h"

#include <string>

namespace taskd::daemon {

/// A file that one process at a time holds; its text is the holder's pid. The kernel lets go of it
/// when the process ends, however it ends, so a stale file is no obstacle.
class LockFile {
public:
    /// Errors: failed_precondition on `lock` - held, naming the holder's pid in `hint`;
    ///         unavailable - the file can't be made.
    [[nodiscard]] static core::Result<LockFile> take(const std::string& path);

private:
    explicit LockFile(UniqueFd fd) : fd_(std::move(fd)) {}

    UniqueFd fd_;
};

}  // namespace taskd::daemon
