// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/rfc3339.h"

#include <string>
#include <string_view>

namespace taskd::core {

/// As format_utc(), without the fraction where that is nothing: "2026-11-24T08:30:00Z", as people
/// and other services write it.
[[nodiscard]] inline std::string instant_text(Timestamp at) {
    constexpr std::string_view nothing = ".000Z";
    std::string text = format_utc(at);
    if (text.size() > nothing.size() &&
        text.compare(text.size() - nothing.size(), nothing.size(), nothing) == 0)
        text.replace(text.size() - nothing.size(), nothing.size(), "Z");
    return text;
}

}  // namespace taskd::core
