// SPDX-License-Identifier: Apache-2.0
#include "cli/code_set.h"

#include "core/text.h"

#include <charconv>
#include <optional>

namespace taskd::cli {
namespace {

std::optional<int> status_from(std::string_view text) {
    text = core::trim(text);
    int status = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), status);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return {};
    if (status < 1 || status > 255) return {};
    return status;
}

}  // namespace

core::Result<CodeSet> CodeSet::parse(std::string_view field, std::string_view text) {
    CodeSet set;
    for (const auto& part : core::split(text, ',')) {
        const auto dash = part.find('-');
        const auto first = status_from(std::string_view(part).substr(0, dash));
        const auto last = dash == std::string::npos
                              ? first
                              : status_from(std::string_view(part).substr(dash + 1));
        if (!first || !last || *first > *last)
            return core::invalid_argument(std::string(field),
                                          "\"" + core::clipped(part, 64) +
                                              "\" is not accepted; use exit statuses from 1 to 255 "
                                              "such as 3,70-79");
        for (int status = *first; status <= *last; ++status)
            set.codes_.set(static_cast<std::size_t>(status));
    }
    return set;
}

int CodeSet::common_with(const CodeSet& other) const {
    const auto both = codes_ & other.codes_;
    for (std::size_t status = 1; status < both.size(); ++status)
        if (both[status]) return static_cast<int>(status);
    return 0;
}

}  // namespace taskd::cli
