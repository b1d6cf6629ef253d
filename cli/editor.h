// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <string>

namespace taskd::cli {

/// The user's editor on a file of its own, which only they can read.
class Editor {
public:
    /// VISUAL, else EDITOR, else vi where there is a terminal.
    ///
    /// Errors: invalid_argument - there is no editor to ask, or no file for it can be made.
    [[nodiscard]] static core::Result<Editor> open();
    Editor(const Editor&) = delete;
    Editor& operator=(const Editor&) = delete;
    Editor(Editor&& other) noexcept;
    Editor& operator=(Editor&&) = delete;
    ~Editor();  ///< removes the file, unless it is kept

    /// The text as the user leaves it.
    ///
    /// Errors: failed_precondition - the editor ended with an error.
    [[nodiscard]] core::Result<std::string> edit(const std::string& text);

    /// Leaves the file where it is, so that nobody's typing is lost; its path.
    [[nodiscard]] std::string keep();

private:
    Editor(std::string command, std::string path)
        : command_(std::move(command)), path_(std::move(path)) {}

    std::string command_;
    std::string path_;  ///< "" when there is nothing to remove
};

}  // namespace taskd::cli
