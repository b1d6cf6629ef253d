// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <string>
#include <string_view>

namespace taskd::cli {

/// A file that is there as a whole, synced to disk, or not at all; mode 0600.
class OutputFile {
public:
    /// Errors: failed_precondition on `file` - it is there already and may not be `replaced`;
    ///         invalid_argument - it can't be made.
    [[nodiscard]] static core::Result<OutputFile> create(const std::string& path, bool replaces);
    OutputFile(OutputFile&& other) noexcept;
    OutputFile& operator=(OutputFile&&) = delete;
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;
    ~OutputFile();  ///< takes away what was not finished

    [[nodiscard]] core::Result<void> write(std::string_view text);
    [[nodiscard]] core::Result<void> finish();

private:
    OutputFile(std::string path, std::string beside, int fd, bool replaces)
        : path_(std::move(path)), beside_(std::move(beside)), fd_(fd), replaces_(replaces) {}
    [[nodiscard]] core::Result<void> drain();

    std::string path_;
    std::string beside_;  ///< its name until it is whole
    int fd_;
    bool replaces_;
    std::string buffer_;
};

}  // namespace taskd::cli
