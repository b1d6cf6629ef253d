// SPDX-License-Identifier: Apache-2.0
// A task as a text that people edit: commented TOML.
#pragma once

#include "core/result.h"
#include "ipc/messages.h"

#include <string>

namespace taskd::cli {

/// The text for an editor. `problem` stands above it in a comment, "" for none.
[[nodiscard]] std::string edit_text(const ipc::TaskDetails& details, const std::string& problem);

/// What the edited text asks for: only the fields that differ from the task's, with its revision,
/// so that what somebody else changed meanwhile is not overwritten.
///
/// Errors: invalid_argument - no TOML (with the line), a key that is not known (with the nearest
///         that is), or a value of the wrong type.
[[nodiscard]] core::Result<ipc::TaskUpdate> parse_edit(const std::string& text,
                                                       const ipc::TaskDetails& details);

/// Whether a parsed edit asks for anything.
[[nodiscard]] bool is_empty(const ipc::TaskUpdate& update);

/// Whether nothing but comments and blank lines is left of a text, by which people give up.
[[nodiscard]] bool is_blank(const std::string& text);

}  // namespace taskd::cli
