// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace taskd::ipc {

/// The names of a message's fields, to tell one that is mistyped from one that is left out.
/// Instantiated in the folder json/ where it is needed.
template <class T>
[[nodiscard]] std::vector<std::string> field_names();

}  // namespace taskd::ipc
