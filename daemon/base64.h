// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace taskd::daemon {

/// Base64 with its padding and without line breaks.
///
/// Source: RFC 4648 section 4.
[[nodiscard]] std::string base64(std::string_view bytes);

}  // namespace taskd::daemon
