// SPDX-License-Identifier: Apache-2.0
#include "daemon/dapr_name.h"

#include "core/text.h"

#include <algorithm>

namespace taskd::daemon {
namespace {

constexpr std::size_t name_bytes_max = 128;

}  // namespace

core::Result<void> check_dapr_name(const char* key, const std::string& name) {
    const bool good = !name.empty() && name.size() <= name_bytes_max &&
                      std::all_of(name.begin(), name.end(), [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                 (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' ||
                                 c == '/';
                      });
    if (good) return {};
    return core::invalid_argument(key, "\"" + core::clipped(name, 64) +
                                           "\" is not accepted; use 1 to 128 letters, digits, "
                                           "\".\", \"-\", \"_\" or \"/\"");
}

std::vector<std::string> listed(const std::string& text) {
    std::vector<std::string> words;
    for (const auto& part : core::split(text, ','))
        if (const auto word = core::trim(part); !word.empty()) words.emplace_back(word);
    return words;
}

}  // namespace taskd::daemon
