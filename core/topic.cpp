// SPDX-License-Identifier: Apache-2.0
#include "core/topic.h"

#include "core/text.h"

#include <algorithm>

namespace taskd::core {
namespace {

constexpr std::size_t patterns_max = 32;
constexpr std::size_t pattern_bytes_max = 255;

}  // namespace

Result<TopicFilter> TopicFilter::make(const std::vector<std::string>& patterns) {
    if (patterns.size() > patterns_max)
        return invalid_argument("types", std::to_string(patterns.size()) +
                                             " patterns were given; at most 32 are accepted");
    for (const auto& pattern : patterns) {
        const auto star = pattern.find('*');
        const bool good = !pattern.empty() && pattern.size() <= pattern_bytes_max &&
                          !has_control(pattern) &&
                          (star == std::string::npos || star + 1 == pattern.size());
        if (!good)
            return invalid_argument("types", "\"" + clipped(pattern, 64) +
                                                 "\" is not a pattern; use a type such as "
                                                 "task.created, or a prefix such as task.*");
    }
    TopicFilter filter;
    filter.patterns_ = patterns;
    return filter;
}

bool TopicFilter::matches(std::string_view type) const {
    if (patterns_.empty()) return true;
    return std::any_of(patterns_.begin(), patterns_.end(), [&](const std::string& pattern) {
        if (pattern.back() != '*') return type == pattern;
        return type.substr(0, pattern.size() - 1) ==
               std::string_view(pattern).substr(0, pattern.size() - 1);
    });
}

std::vector<std::string> TopicFilter::prefixes() const {
    if (patterns_.empty()) return {""};
    std::vector<std::string> prefixes = patterns_;
    for (auto& prefix : prefixes)
        if (prefix.back() == '*') prefix.pop_back();
    return prefixes;
}

}  // namespace taskd::core
