// SPDX-License-Identifier: Apache-2.0
#include "cli/name_value.h"

#include "cli/terminal.h"
#include "core/text.h"

namespace taskd::cli {

core::Result<std::pair<std::string, std::string>> name_and_value(const std::string& option,
                                                                 const std::string& text) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
        return core::invalid_argument(
            option, "\"" + core::clipped(visible(text), 64) + "\" is not accepted; use NAME=VALUE");
    return std::pair{text.substr(0, equals), text.substr(equals + 1)};
}

}  // namespace taskd::cli
