// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.h"

#include <bitset>
#include <string_view>

namespace taskd::cli {

/// Exit statuses of a command: "3,70-79".
class CodeSet {
public:
    /// Errors: invalid_argument on `field` - not numbers from 1 to 255 with commas and ranges.
    [[nodiscard]] static core::Result<CodeSet> parse(std::string_view field, std::string_view text);

    CodeSet() = default;  ///< none
    [[nodiscard]] bool has(int status) const {
        return status >= 0 && status <= 255 && codes_[static_cast<std::size_t>(status)];
    }
    [[nodiscard]] bool empty() const { return codes_.none(); }

    /// The first status that both have, or 0.
    [[nodiscard]] int common_with(const CodeSet& other) const;

private:
    std::bitset<256> codes_;
};

}  // namespace taskd::cli
