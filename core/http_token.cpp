// SPDX-License-Identifier: Apache-2.0
#include "core/http_token.h"

#include <algorithm>

namespace taskd::core {

bool is_http_token(std::string_view text) {
    constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    // Not std::isalnum: that one depends on the locale.
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               others.find(c) != std::string_view::npos;
    });
}

}  // namespace taskd::core
