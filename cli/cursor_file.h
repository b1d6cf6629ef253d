// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <cstdint>
#include <optional>
#include <string>

namespace taskd::cli {

/// A file with the number of the last event that was printed, and nothing else.
class CursorFile {
public:
    explicit CursorFile(std::string path) : path_(std::move(path)) {}

    /// The number in it; none when there is no such file yet.
    ///
    /// Errors: invalid_argument on `cursor` - it can't be read, or holds anything else.
    [[nodiscard]] core::Result<std::optional<std::int64_t>> read() const;

    /// Replaces it as a whole: after a crash it holds the old number or the new one. Not synced to
    /// disk: after a power cut an event may be printed again, but none is left out.
    ///
    /// Errors: failed_precondition on `cursor` - it can't be written.
    [[nodiscard]] core::Result<void> write(std::int64_t number) const;

private:
    std::string path_;
};

}  // namespace taskd::cli
