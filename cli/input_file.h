// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <string>

namespace taskd::cli {

/// A file, or standard input for "-", that is read as it comes.
class InputFile {
public:
    /// Errors: invalid_argument on `field` - it can't be opened, or is a directory.
    [[nodiscard]] static core::Result<InputFile> open(const std::string& field,
                                                      const std::string& path);
    InputFile(InputFile&& other) noexcept;
    InputFile& operator=(InputFile&&) = delete;
    InputFile(const InputFile&) = delete;
    InputFile& operator=(const InputFile&) = delete;
    ~InputFile();

    /// Up to `size` bytes; 0 at the end, and when reading fails, which error() then tells.
    std::size_t read(char* into, std::size_t size);
    /// Whether read() would give something at once.
    [[nodiscard]] bool ready() const;
    [[nodiscard]] const std::string& error() const { return error_; }

    /// All of it, if that is at most `bytes_max`.
    ///
    /// Errors: invalid_argument on `field`.
    [[nodiscard]] core::Result<std::string> all(std::size_t bytes_max);

private:
    InputFile(std::string field, std::string path, int fd)
        : field_(std::move(field)), path_(std::move(path)), fd_(fd) {}

    std::string field_;
    std::string path_;
    int fd_;
    std::string error_;
};

}  // namespace taskd::cli
