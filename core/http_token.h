// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace taskd::core {

/// Whether `text` is a token of HTTP, such as a method or the name of a header.
///
/// Source: RFC 9110 section 5.6.2.
[[nodiscard]] bool is_http_token(std::string_view text);

}  // namespace taskd::core
